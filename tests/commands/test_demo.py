"""`explain-gate demo`: what it says is what came of it, and it fails where it does not show what it promises."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from explain_gate.commands import demo
from explain_gate.errors import OptionError


def finding(check, status, value=None):
    return SimpleNamespace(check=check, status=status, value=value, message=f"{check} {status}")


PASSED = SimpleNamespace(exit_code=0, findings=(finding("performance.accuracy", "passed", 0.97),))
CAUGHT = SimpleNamespace(
    exit_code=1,
    findings=(
        finding("performance.accuracy", "passed", 0.98),
        finding("alignment.iou", "failed", 0.1),
        finding("alignment.iou", "failed", 0.2),
        finding("reliance.background_gap", "failed", 0.6),
    ),
)
BLIND = SimpleNamespace(exit_code=1, findings=(finding("performance.accuracy", "failed", 0.5),))


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Runs the demo with given verdicts in place of training and measuring."""

    def run(honest, cheat):
        def build(project, **_):
            project.mkdir(parents=True)

        verdicts = iter((honest, cheat))
        session = SimpleNamespace(run=lambda _: SimpleNamespace(verdict=next(verdicts)))
        monkeypatch.setattr(demo, "build_project", build)
        monkeypatch.setattr(demo, "GateSession", lambda _: session)
        lines = []
        return demo.tell(tmp_path / "out", seed=0, say=lines.append, tracking=False), lines

    return run


def test_the_cheat_is_blocked_by_what_it_looks_at(told):
    """Accuracies beside each other, then what broke: a second finding of one check comes after the other checks."""
    code, lines = told(PASSED, CAUGHT)
    assert code == 0
    assert "v2-watermark: accuracy 98 %, 4 rules, BLOCKED." in lines
    at = lines.index("v2-watermark: accuracy 98 %, 4 rules, BLOCKED.")
    assert [line.split()[0] for line in lines[at + 1 : at + 4]] == [
        "alignment.iou",
        "reliance.background_gap",
        "alignment.iou",
    ]
    assert any("Accuracy differs by 1.0 points" in line for line in lines)


@pytest.mark.parametrize(("honest", "cheat"), [(PASSED, PASSED), (CAUGHT, CAUGHT), (PASSED, BLIND)])
def test_a_demo_that_shows_nothing_fails(told, honest, cheat):
    """The cheat passed, the honest one was blocked, or the cheat failed for its accuracy."""
    code, lines = told(honest, cheat)
    assert code == 1
    assert any("did not come out as it should" in line for line in lines)


def test_a_project_that_is_there_is_not_overwritten(tmp_path, monkeypatch):
    """Whoever tried it out keeps what they changed."""

    def refuse(project, **_):
        raise FileExistsError(f"{project} is there already")

    monkeypatch.setattr(demo, "build_project", refuse)
    with pytest.raises(OptionError, match="is there already"):
        demo.tell(tmp_path, seed=0, say=lambda _: None)
