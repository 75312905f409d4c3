"""`explain-gate calibrate`: measures checkpoints, writes a thresholds.yaml that loads, and says what it promises."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from safetensors.torch import save_file

from explain_gate.cli import main
from explain_gate.config import load_config
from explain_gate.errors import ConfigError
from explain_gate.plan import plan
from tests.projects import write_project

RULES = """\
version: 1
# A comment to keep.
model: {{source: "tinymodel:build", arguments: {{corner: {corner}}}}}
data:
  images: images
  annotations: annotations.coco.json
  preprocessing: {{mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]}}
methods:
  grad_cam: {{layer: window}}
checks:
  performance:
    accuracy: {{at_least: 0.9}}
  alignment:
    iou: {{at_least: 0.1, per_class: true}}
    lift: {{at_least: 1.0, classes: [red]}}
"""


@pytest.fixture
def gate(tmp_path, monkeypatch) -> Path:
    """A tiny project with rules for all classes and for one."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "tinymodel", raising=False)
    return write_project(tmp_path, thresholds=RULES)


def checkpoints_of(gate: Path, count: int) -> list[str]:
    """Versions whose weights differ a little."""
    import tinymodel

    files = []
    for number in range(count):
        state = {name: value.clone() for name, value in tinymodel.build().state_dict().items()}
        state["head.weight"] = state["head.weight"] * (1 + number / 100)
        files.append(str(gate.with_name(f"{number}.safetensors")))
        save_file(state, files[-1])
    return files


def run(*arguments: str):
    """The command line, in this process."""
    return CliRunner().invoke(main, ["calibrate", "--device", "cpu", *arguments])


def test_a_calibrated_file_loads_and_keeps_the_text(gate):
    """The proposal has the same rules with other bounds, the comments of the user, and what it promises."""
    output = gate.with_name("calibrated.yaml")
    options = [part for file in checkpoints_of(gate, 3) for part in ("--checkpoint", file)]
    result = run("--config", str(gate), *options, "--output", str(output))
    assert result.exit_code == 0, result.output
    before, after = (plan(load_config(file), ["red", "green"]) for file in (gate, output))
    assert sorted((rule.metric, str(rule.class_name)) for rule in before) == sorted(
        (rule.metric, str(rule.class_name)) for rule in after
    )
    bounds = {(rule.metric, rule.class_name): rule.at_least for rule in after}
    assert bounds["performance.accuracy", None] == 0.9
    assert bounds["alignment.iou", "red"] > 0.1
    assert "# A comment to keep." in output.read_text()
    assert "only 3 versions" in result.output
    assert "only 3 versions" in output.read_text()


def test_one_version_is_refused_and_nothing_is_written(gate):
    """A spread needs two versions; the exit code is that of bad options."""
    output = gate.with_name("calibrated.yaml")
    result = run("--config", str(gate), "--checkpoint", *checkpoints_of(gate, 1), "--output", str(output))
    assert (result.exit_code, output.exists()) == (4, False)
    assert "at least two" in result.output


def test_classes_makes_a_rule_apply_to_these_only(gate):
    """One row per named class; a class that the data do not have is an error with its line."""
    rows = [rule.key for rule in plan(load_config(gate), ["red", "green"]) if rule.check == "alignment.lift"]
    assert rows == ["alignment.lift[grad_cam-red]"]
    gate.write_text(gate.read_text().replace("classes: [red]", "classes: [blue]"))
    with pytest.raises(
        ConfigError, match=r"thresholds\.yaml:15: checks\.alignment\.lift\.classes: blue is not a class"
    ):
        plan(load_config(gate), ["red", "green"])
