"""`explain-gate calibrate`: measures checkpoints, writes a thresholds.yaml that loads, and says what it promises."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from safetensors.torch import save_file

from explain_gate.cli import main
from explain_gate.commands.calibrate import require_looks
from explain_gate.config import load_config
from explain_gate.errors import ConfigError, OptionError
from explain_gate.judging.gate import judge
from explain_gate.measuring.job import measure
from explain_gate.plan import plan
from explain_gate.reviewing.desk import Desk
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


def checkpoints_of(gate: Path, count: int, *, corner: bool = False) -> list[str]:
    """Versions whose weights differ a little."""
    import tinymodel

    files = []
    for number in range(count):
        state = {name: value.clone() for name, value in tinymodel.build(corner).state_dict().items()}
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


def test_one_version_is_enough_to_start(gate):
    """What nobody has measured stays as it is; the file loads, and says on how little it rests."""
    output = gate.with_name("calibrated.yaml")
    result = run("--config", str(gate), "--checkpoint", *checkpoints_of(gate, 1), "--output", str(output))
    assert result.exit_code == 0, result.output
    assert "only 1 version:" in result.output
    bounds = {(rule.metric, rule.class_name): rule.at_least for rule in plan(load_config(output), ["red", "green"])}
    assert bounds["alignment.iou", "red"] > 0.1


REASON = "colours are their corners, agreed on 3 May"


BEHAVIOUR = """\
judging: {{decide: evidence}}
checks:
  reliance:
    background_follow: {{at_most: 0.10, must_catch: 0.6, per_class: true}}
    background_gap: {{at_most: 0.10, must_catch: 0.6, per_class: true}}
"""


@pytest.fixture
def behaving(tmp_path, gate):
    """The same project with rules of behaviour as `init` writes them, for a model that may look into the corner."""

    def write(*, corner: bool) -> Path:
        text = RULES[: RULES.index("checks:")] + BEHAVIOUR
        return write_project(tmp_path, corner=corner, per_class=20, thresholds=text)

    return write


def test_a_cheat_cannot_calibrate_itself_in(behaving):
    """A version that breaks the package's own rules is refused with what it does; a reason does not help it."""
    gate = behaving(corner=True)
    output = gate.with_name("calibrated.yaml")
    result = run(
        *("--config", str(gate), "--checkpoint", *checkpoints_of(gate, 1, corner=True), "--output", str(output)),
        *("--accept-looser", REASON),
    )
    assert (result.exit_code, output.exists()) == (4, False)
    assert "0.safetensors is no version to calibrate by: it breaks" in result.output
    assert "turn to red on one of its backgrounds" in result.output


def test_bounds_from_one_version_block_a_cheat_and_pass_the_next_honest_one(behaving):
    """What was calibrated on one approved version decides by value, and tells the model of the corner from the next."""
    gate = behaving(corner=False)
    output = gate.with_name("calibrated.yaml")
    approved, following = checkpoints_of(gate, 2)
    assert run("--config", str(gate), "--checkpoint", approved, "--output", str(output)).exit_code == 0
    config = load_config(output)
    rules = plan(config, ["red", "green"])
    assert {rule.decide for rule in rules} == {"value"}
    assert {rule.must_catch for rule in rules} == {0.6}
    honest = judge(measure(config, checkpoint=following, device="cpu"), rules)
    assert {finding.status for finding in honest} == {"passed"}
    (corner,) = checkpoints_of(gate, 1, corner=True)
    cheat = judge(measure(config, checkpoint=corner, device="cpu"), rules)
    assert "failed" in {finding.status for finding in cheat}


def test_a_file_that_would_not_look_at_the_model_any_more_is_not_written(gate):
    """Rules of maps or of behaviour that the file read had may not all be gone."""
    rules = plan(load_config(gate), ["red", "green"])
    require_looks(rules, [rule for rule in rules if rule.metric != "alignment.lift"])
    with pytest.raises(OptionError, match="would have no rule of alignment any more"):
        require_looks(rules, [rule for rule in rules if not rule.check.startswith("alignment.")])


def test_classes_makes_a_rule_apply_to_these_only(gate):
    """One row per named class; a class that the data do not have is an error with its line."""
    rows = [rule.key for rule in plan(load_config(gate), ["red", "green"]) if rule.check == "alignment.lift"]
    assert rows == ["alignment.lift[grad_cam-red]"]
    gate.write_text(gate.read_text().replace("classes: [red]", "classes: [blue]"))
    with pytest.raises(
        ConfigError, match=r"thresholds\.yaml:15: checks\.alignment\.lift\.classes: blue is not a class"
    ):
        plan(load_config(gate), ["red", "green"])


def test_an_image_that_people_took_out_moves_no_bound(gate):
    """Of any version; the command names it."""
    files = checkpoints_of(gate, 2)
    desk = Desk(measure(gate, checkpoint=files[0], device="cpu"), None, gate.with_name("reviews"), "anna")
    desk.decide(0, "label wrong", "")
    image = desk.profile.images[desk.questions[0].row].image
    given = [part for file in files for part in ("--checkpoint", file)]
    done = run("--config", str(gate), *given, "--output", str(gate.with_name("new.yaml")))
    assert done.exit_code == 0, done.output
    assert f"label wrong ({image}, by anna)" in done.output


def test_a_file_that_is_no_decision_ends_a_calibration(gate):
    """Before anything is measured."""
    gate.with_name("reviews").mkdir()
    (gate.with_name("reviews") / "stray").touch()
    done = run("--config", str(gate), "--checkpoint", "none", "--output", str(gate.with_name("new.yaml")))
    assert done.exit_code == 4
    assert "stray" in done.output
