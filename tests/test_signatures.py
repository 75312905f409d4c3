"""What is read of a function without importing it."""

from __future__ import annotations

from pathlib import Path

import pytest

from explain_gate.signatures import parameters_in, signatures_in


def test_a_signature_is_read_without_running_the_module(tmp_path: Path) -> None:
    """Names, types and defaults come from the text, defaults that the module names too; nothing is executed."""
    file = tmp_path / "module.py"
    file.write_text(
        "import missing_library\nSHARES = (0.1, 0.5)\n\n"
        "def road(batch, /, region, *, shares: list[float] = SHARES, low: float = -1.5, name: str = 'a', must: int):\n"
        "    raise SystemExit\n\ndef _step(): ...\n"
    )
    assert list(signatures_in(file)) == ["road"]
    assert signatures_in(file)["road"].positional == ("batch", "region")
    meanings = {"low": "lowest", "shares": "of the pixels"}
    read = [(one.name, one.type, one.default, one.meaning) for one in parameters_in(file, "road", meanings)]
    assert read == [("shares", "list[float]", (0.1, 0.5), "of the pixels"), ("low", "float", -1.5, "lowest")]


def test_a_default_that_is_computed_is_refused(tmp_path: Path) -> None:
    """A default that cannot be told without running code is an error, not a guess."""
    file = tmp_path / "module.py"
    file.write_text("def draw(*, seed=random()): ...\n")
    with pytest.raises(ValueError, match="malformed node"):
        signatures_in(file)
