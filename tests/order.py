"""`--shuffle SEED`: files, and the tests of each, in an order that the seed draws, so that none needs another first."""

from __future__ import annotations

import random
from itertools import groupby

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_addoption"""  # noqa: D415
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run files and their tests in an order drawn by SEED")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Every worker draws the same order; files stay together, for their fixtures are made once a file."""
    seed = config.getoption("--shuffle")
    if seed is None:
        return
    draw = random.Random(seed)  # noqa: S311 - an order, no secret
    files = [list(tests) for _, tests in groupby(items, key=lambda item: item.path)]
    draw.shuffle(files)
    for tests in files:
        draw.shuffle(tests)
    items[:] = [item for tests in files for item in tests]


def pytest_report_header(config: pytest.Config) -> str | None:
    """The seed, to run the same order again."""
    seed = config.getoption("--shuffle")
    return None if seed is None else f"order: --shuffle {seed}"
