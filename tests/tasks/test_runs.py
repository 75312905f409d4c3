"""The whole command of every task: an honest model passes, one that reads a mark in the corner does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from task_projects import write_task_project

from explain_gate.cli import main


def _run(thresholds: Path) -> tuple[int, dict[str, dict[str, object]], Path]:
    output = thresholds.parent / "out"
    options = ["--config", str(thresholds), "--output", str(output), "--no-tracking"]
    done = CliRunner().invoke(main, ["run", *options])
    verdict = json.loads((output / "verdict.json").read_text(encoding="utf-8"))
    found = {f"{one['check']}[{one['class']}]": one for one in verdict["findings"]}
    return done.exit_code, found, output


@pytest.mark.parametrize("task", ["binary", "multilabel", "regression"])
def test_an_honest_model_passes_and_a_cheating_one_does_not(
    task: str, tmp_path: Path, fresh_squares: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are right about every picture; what they look at and depend on tells them apart."""
    monkeypatch.chdir(tmp_path)
    code, found, output = _run(write_task_project(tmp_path / "honest", task))
    assert (code, {one["status"] for one in found.values()}) == (0, {"passed"})
    assert found["performance.accuracy[None]"]["value"] == 1
    assert "index.html" in {file.name for file in output.iterdir()}
    code, found, output = _run(write_task_project(tmp_path / "cheating", task, corner=True))
    assert code == 1
    assert found["performance.accuracy[None]"]["value"] == 1
    assert found["reliance.background_gap[None]"]["status"] == "failed"
    assert found["reliance.background_follow[None]"]["status"] == "failed"
    _tells(output, task)


TOLD = {
    "binary": ("Blocked: its predictions follow the background", "share of images whose prediction is an annotated"),
    "multilabel": ("Blocked: its predictions follow the background", "share of the annotated labels that are said"),
    "regression": ("Blocked: its values follow the background", "whose value is at most the tolerance off"),
}
"""The reason in the report and the job summary, and what the report calls accuracy."""


def _tells(output: Path, task: str) -> None:
    reason, accuracy = TOLD[task]
    page = (output / "index.html").read_text(encoding="utf-8")
    assert reason.removeprefix("Blocked: ").casefold() in page.casefold()
    assert accuracy in page.casefold()
    assert reason.removeprefix("Blocked: ") in (output / "summary.md").read_text(encoding="utf-8")
    assert '<details class="strips"' in page
    if task == "regression":
        assert "its predictions follow" not in page
