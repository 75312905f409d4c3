"""`--note-waits FILE`: which tests start a process or wait, seen while they run; soak.py repeats them.

What a fixture starts counts for every test that uses the fixture.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

_PROPERTY = "waits"
_WAITS = {"os.fork", "os.posix_spawn", "time.sleep"}
_PLAIN = {"git", "uname"}
"""Commands that the product asks for a fact and that answer at once."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_addoption"""  # noqa: D415
    parser.addoption("--note-waits", metavar="FILE", help="write the tests that start a process or wait into FILE")


def pytest_configure(config: pytest.Config) -> None:
    """Listen in the processes that run tests, write in the one that hears of all."""
    path = config.getoption("--note-waits")
    if path is None:
        return
    config.pluginmanager.register(Listener(), "note_waits_listener")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Writer(Path(path)), "note_waits_writer")


class Listener:
    """Python's own audit events tell of processes and of sleeping; they cannot be missed and cost little."""

    def __init__(self) -> None:
        self._seen = self._before = 0
        self._fixtures: set[str] = set()
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _WAITS or (event == "subprocess.Popen" and Path(str(arguments[0])).name not in _PLAIN):
            self._seen += 1

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
        """A server or a browser is started once, and many tests use it."""
        before = self._seen
        result = yield
        if self._seen > before:
            self._fixtures.add(fixturedef.argname)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        """Count from here."""
        self._before = self._seen
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Every phase's report carries what was seen so far; the last one everything."""
        fixtures = self._fixtures & set(getattr(item, "fixturenames", ()))
        if (self._seen > self._before or fixtures) and (_PROPERTY, "yes") not in item.user_properties:
            item.user_properties.append((_PROPERTY, "yes"))
        return (yield)


class Writer:
    """One test a line, as pytest takes them from `@FILE`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tests: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Reports of workers arrive here too."""
        if (_PROPERTY, "yes") in report.user_properties:
            self._tests.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Sorted, so that two lists can be compared."""
        self._path.write_text("".join(f"{test}\n" for test in sorted(self._tests)), encoding="utf-8")
