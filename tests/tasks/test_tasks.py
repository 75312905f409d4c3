"""The table of tasks, and that it is the only place where scores get their meaning."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import explain_gate
from explain_gate.config import load_config
from explain_gate.errors import ConfigError
from explain_gate.metrics import FAMILIES, METRICS, asked, broken, metric_of
from explain_gate.plan import plan
from explain_gate.records import Answer, ImageRow
from explain_gate.tasks import DEFAULT, TASKS, SetFacts, task_of
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
    for answer, member in vars(Task).items():
        if not answer.startswith("_") and inspect.isfunction(member):
            assert inspect.signature(getattr(type(task), answer)) == inspect.signature(member), answer


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
    # No scores of the model: an attention layer's own softmax, and a classifier of what pictures look like.
    assert [line for line in found if not line.startswith(("attribution/attention.py", "metrics/telling.py"))] == []


def test_a_task_is_named_in_thresholds(tmp_path: Path) -> None:
    """Without the key it is classification; another one is refused with its line and what there is."""
    file = tmp_path / "thresholds.yaml"
    file.write_text(GATE.replace(", task: TASK", ""))
    assert load_config(file).sections.model.task.name == DEFAULT
    file.write_text(GATE.replace("TASK", "telepathy"))
    with pytest.raises(ConfigError, match=r"yaml:2: model.task: unknown task; there is classification.*got telepathy"):
        plan(load_config(file), ["a"])


def test_the_documentation_says_what_the_cards_say() -> None:
    """docs/tasks.md has a row for every task, and one for every metric that a task refuses."""
    text = (Path(__file__).parents[2] / "docs" / "tasks.md").read_text(encoding="utf-8")
    for name, card in TASKS.items():
        parameters = "; ".join(f"`{key}`: {meaning}" for key, meaning in card.parameters.items())
        cells = (f"`{name}`", card.output, card.score, card.right, card.turns, parameters)
        assert f"| {' | '.join(cells)} |" in text
        for metric, instead in card.refused.items():
            assert f"| `{name}` | `{metric}` | {instead} |" in text


@pytest.mark.parametrize(
    ("task", "told"),
    [
        ("{name: binary, tolerance: 3}", r"model.task.tolerance: binary has no such parameter; it has threshold"),
        ("regression", r"model.task: regression needs tolerance, .*write task: \{name: regression, tolerance: 5\}"),
        ("{name: regression, tolerance: 0}", r"model.task.tolerance: .*greater than 0"),
        (
            "{name: binary, thresholds: 3}",
            r"unknown key; did you mean threshold\? allowed here: name, threshold, tolerance",
        ),
    ],
)
def test_parameters_of_a_task_are_its_own(tmp_path: Path, task: str, told: str) -> None:
    """One that another task has, one that is missing, one that cannot be, one that nobody has."""
    file = tmp_path / "thresholds.yaml"
    file.write_text(GATE.replace("TASK", task))
    with pytest.raises(ConfigError, match=told):
        plan(load_config(file), ["a"])


def test_a_metric_that_makes_no_sense_is_refused_with_another(tmp_path: Path) -> None:
    """Before anything is measured, at its line."""
    file = tmp_path / "thresholds.yaml"
    rule = "checks: {faithfulness: {deletion_auc: {at_most: 0.2}}}"
    told = GATE.replace("TASK", "{name: regression, tolerance: 5}").replace(GATE.splitlines()[-1], rule)
    file.write_text(told)
    with pytest.raises(ConfigError, match=r"yaml:5: .*makes no sense for model.task: regression: .*sensitivity_n"):
        plan(load_config(file), ["low", "high"])


def test_classes_without_a_region_have_no_row_of_regions(tmp_path: Path) -> None:
    """Pictures without the object have no place that a map could be compared with."""
    file = tmp_path / "thresholds.yaml"
    file.write_text(GATE.replace("TASK", "binary").replace("at_least: 0.2", "at_least: 0.2, per_class: true"))
    assert [rule.class_name for rule in plan(load_config(file), ["no a", "a"], bare=["no a"])] == ["a"]


@pytest.mark.parametrize("task", [name for name in TASKS if name != "classification"])
def test_every_phrase_of_a_task_is_one_that_cards_use(task: str) -> None:
    """A phrase that no card has any more would leave a report in a classifier's language."""
    cards = " ".join(
        text for card in METRICS.values() for text in (card.summary, card.broken, card.question, "another class")
    )
    families = " ".join(f"{one.question} {one.broken}" for one in FAMILIES.values())
    assert [phrase for phrase in TASKS[task].words if phrase not in f"{cards} {families}"] == []
    assert [key for key in TASKS[task].changed if key not in METRICS] == []


@pytest.mark.parametrize(
    ("task", "broken_rule", "turns"),
    [
        ("classification", "too many predictions are wrong", "of red turn to red"),
        ("multilabel", "too many annotated labels are missed", "are said to show red"),
        ("regression", "too many values are further off than the tolerance", "move toward red by more than the"),
        ("segmentation", "too many regions are not segmented", "have most of their region predicted as red"),
        ("detection", "too many objects are not found", "have a box of red where their object is"),
    ],
)
def test_metrics_are_told_in_the_language_of_the_task(task: str, broken_rule: str, turns: str) -> None:
    """What a broken rule means, what is counted, and what a card says."""
    assert broken("performance.accuracy", task) == broken_rule
    assert turns.removeprefix("of red ") in asked("reliance.background_follow", "red", task)
    if task == "regression":
        told = [metric_of(name, task) for name in METRICS if name not in TASKS[task].refused]
        spoken_of = [one.question for one in told if one is not None]
        assert not [text for text in spoken_of if "turn" in text or "predict" in text]


@pytest.mark.parametrize("task", TASKS)
def test_versions_are_compared_by_what_the_task_calls_the_same(task: str) -> None:
    """Answers that a profile keeps say so as often as the columns that they came from."""
    facts = SetFacts(classes={"a": 0, "b": 1})
    made = task_of(task, {"tolerance": 0.5} if task == "regression" else {}, facts)
    count = {"binary": 2, "regression": 2, "detection": 10, "segmentation": 10}.get(task, 2)
    scores = torch.rand((40, count), generator=torch.Generator().manual_seed(0)) * 2 - 0.5
    columns, others = scores[:20], scores[20:]
    if task in ("binary", "regression"):
        columns, others = (torch.stack([-one[:, 1], one[:, 1]], dim=1) for one in (columns, others))
    rows = [[_row(answer) for answer in made.answers(one)] for one in (columns, others)]
    tolerance = 0.5 if task == "regression" else 0.0
    differ = [one.differs(other, tolerance) for one, other in zip(*rows, strict=True)]
    assert differ == [not same for same in made.same(columns, others).tolist()]
    assert any(differ)


def _row(answer: Answer) -> ImageRow:
    return ImageRow(
        image="a.png", label=0, class_name="a", accepted=(0,), digest="", predicted=answer.predicted, probability=None,
        region_area=None, region_reason=None, said=answer.said, value=answer.value,
    )  # fmt: skip
