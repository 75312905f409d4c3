"""The table of tasks, and that it is the only place where scores get their meaning."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import explain_gate
from explain_gate.config import load_config
from explain_gate.errors import ConfigError
from explain_gate.plan import plan
from explain_gate.tasks import DEFAULT, TASKS, task_of
from explain_gate.tasks.task import Task

GATE = """version: 1
model: {source: "torchvision:resnet18", task: TASK}
data: {images: images, annotations: a.json}
methods: {grad_cam: {}}
checks: {alignment: {iou: {at_least: 0.2}}}
"""


@pytest.mark.parametrize("name", TASKS)
def test_every_task_answers_everything(name: str) -> None:
    """A task of the table has all that `Task` asks, under its own name, with the same arguments."""
    task = task_of(name)
    assert task.name == name
    for asked, member in vars(Task).items():
        if not asked.startswith("_") and inspect.isfunction(member):
            assert inspect.signature(getattr(type(task), asked)) == inspect.signature(member), asked


def test_the_table_needs_no_torch() -> None:
    """Planner and schema read the table before anybody pays for torch."""
    code = "import sys; from explain_gate.tasks import TASKS; assert TASKS and 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nobody_else_says_what_scores_mean() -> None:
    """Measuring, metrics, training and comparing take no argmax, softmax or log odds of scores themselves."""
    root = Path(explain_gate.__file__).parent
    own = re.compile(
        r"(?:logits|scores|columns|after|before|_predict\(.*\))(?:\[.*?\])?\.(?:argmax|softmax|topk)\(|logsumexp"
    )
    folders = ("attribution", "measuring", "metrics", "training", "comparing", "judging")
    files = [file for folder in folders for file in (root / folder).rglob("*.py")]
    found = [
        f"{file.relative_to(root)}: {line.strip()}"
        for file in files
        for line in file.read_text(encoding="utf-8").splitlines()
        if own.search(line)
    ]
    # An attention layer's own softmax is no score of a class.
    assert [line for line in found if not line.startswith("attribution/attention.py")] == []


def test_a_task_is_named_in_thresholds(tmp_path: Path) -> None:
    """Without the key it is classification; another one is refused with its line and what there is."""
    file = tmp_path / "thresholds.yaml"
    file.write_text(GATE.replace(", task: TASK", ""))
    assert load_config(file).sections.model.task == DEFAULT
    file.write_text(GATE.replace("TASK", "telepathy"))
    with pytest.raises(ConfigError, match=r"yaml:2: model.task: unknown task; there is classification.*got telepathy"):
        plan(load_config(file), ["a"])
