"""`explain-gate publish`: what waits is told, and the exit code says whether something still does."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from explain_gate.commands import publish as command
from explain_gate.options import RunOptions


@pytest.fixture
def published(tmp_path, write_project, monkeypatch):
    """Publishes an outbox whose entries came to given ends; returns the exit code and the lines."""
    config = write_project(tmp_path)

    def run(*ends):
        deliveries = [
            SimpleNamespace(entry=Path(f"{number}.json"), state=state, reason=reason, delivered=delivered)
            for number, (state, reason, delivered) in enumerate(ends)
        ]
        monkeypatch.setattr(command, "deliver", lambda *_: deliveries)
        lines = []
        code = command.publish(tmp_path / "outbox", RunOptions(config=str(config)), say=lines.append)
        return code, lines

    return run


def test_an_empty_outbox_is_done(published, tmp_path):
    """Nothing waits."""
    assert published() == (0, [f"0 runs in {tmp_path / 'outbox'}"])


def test_what_still_waits_is_exit_3_with_its_reason(published):
    """A CI job sees that a record is missing."""
    code, lines = published(("delivered", "", None), ("waiting", "the store cannot be reached", None))
    assert code == 3
    assert lines[1] == "waiting    1.json: the store cannot be reached"


def test_where_the_alias_went_or_why_it_stayed_is_told(published):
    """Moved to a version, or kept with the reason."""
    moved = SimpleNamespace(move=SimpleNamespace(alias="approved", after="7"), kept=None)
    stayed = SimpleNamespace(move=None, kept="approved stays: version 8 is newer")
    code, lines = published(("delivered", "", moved), ("delivered", "", stayed))
    assert code == 0
    assert lines[0].endswith(": approved moved to version 7")
    assert lines[1].endswith(": approved stays: version 8 is newer")
