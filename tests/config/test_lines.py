"""Where each key of thresholds.yaml stands, and YAML that never ends."""

from __future__ import annotations

import projects
import pytest

from explain_gate.errors import ConfigError

GOOD = projects.THRESHOLDS.format(corner="false")


def test_aliases_that_explode_are_refused(load):
    """A small file cannot become a large one in memory."""
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for name, before in zip("bcdefgh", "abcdefg", strict=True):
        bomb += f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    with pytest.raises(ConfigError, match="aliases"):
        load(bomb)


def test_a_key_knows_its_line(load):
    """Messages point at it; what has no line of its own has that of what holds it."""
    config = load(GOOD)
    lines = GOOD.splitlines()
    assert "accuracy" in lines[config.line("checks", "performance", "accuracy") - 1]
    assert config.line("checks", "performance", "accuracy", "severity") == config.line(
        "checks", "performance", "accuracy"
    )
    assert config.line("tracking") == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ":1: the file is empty. `explain-gate init` writes one"),
        ("- version: 1\n", ":1: must be a mapping with the keys version, model, data"),
        ("version: 1\nversion: 1\n", ":2: version: the key is written twice"),
        ("version: 1\n? [a]\n: b\n", ":2: a key must be plain text"),
        ("version: 1\nmodel: !!python/name:os.system x\n", ":2: not valid YAML"),
    ],
)
def test_what_is_no_mapping_of_keys_is_told_with_its_line(load, text, told):
    """Before anything of it is understood."""
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert told in str(caught.value)
