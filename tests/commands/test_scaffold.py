"""What `init` writes: every metric has a default there, on or behind a comment sign, and each can be switched on."""

import json
import re
import subprocess

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from explain_gate.cli import main
from explain_gate.commands.scaffold import IGNORED, not_ignored, scaffold
from explain_gate.config import json_schema, load_config
from explain_gate.judging.counting import too_few
from explain_gate.metrics import METRICS
from explain_gate.plan import plan

OFF = re.compile(r"(?m)^( +)# (?=[\w/]+: \{.*\}   # \S)")
"""The comment sign of what is off: an entry with its reason behind it. Prose has no braces behind a name."""
ON = {
    "performance.accuracy", "alignment.iou", "alignment.pointing_game", "alignment.lift", "completeness.relative_error",
    "randomization.correlation", "stability.rerun_correlation", "reliance.background_gap",
    "reliance.background_follow", "reliance.background_only", "reliance.object_only", "reliance.transplant_follow",
    "reliance.transplant_follow/inside", "reliance.operation_follow", "reliance.signature_follow",
    "reliance.style_follow",
}  # fmt: skip


@pytest.fixture
def written(tmp_path):
    """The text of the thresholds.yaml that `init` writes."""
    scaffold(tmp_path)
    return (tmp_path / "thresholds.yaml").read_text(encoding="utf-8")


def planned(folder, text, classes=("cat", "dog")):
    """The rules that a file asks for; the checkpoints that it names are there."""
    for name in ("permuted.pt", "seed2.pt"):
        (folder / name).touch()
    (folder / "thresholds.yaml").write_text(text, encoding="utf-8")
    return plan(load_config(folder / "thresholds.yaml"), tuple(classes))


def test_what_is_on_by_default(tmp_path, written):
    """The scaffold asks for these rules and no others, until somebody deletes a comment sign."""
    assert {rule.check for rule in planned(tmp_path, written)} == ON


def test_every_metric_can_be_switched_on(tmp_path, written):
    """With every comment sign deleted the file asks for every metric, with bounds that the table allows."""
    rules = planned(tmp_path, OFF.sub(r"\1", written))
    assert {rule.metric for rule in rules} == set(METRICS)
    assert {rule.method for rule in rules if rule.check.startswith("agreement.")} == {"grad_cam+occlusion"}


def test_each_can_be_switched_on_alone(tmp_path, written):
    """One comment sign deleted gives one more rule; families are there, so nothing else needs to change."""
    methods = OFF.sub(r"\1", written.partition("\nchecks:")[0])
    checks = written.removeprefix(written.partition("\nchecks:")[0])
    off = list(OFF.finditer(checks))
    assert len(off) == len(METRICS) + 1 - len(ON)
    for sign in off:
        one = f"{methods}{checks[: sign.start()]}{sign.group(1)}{checks[sign.end() :]}"
        assert len({rule.check for rule in planned(tmp_path, one)} - ON) == 1


def test_the_schema_allows_the_file_in_both_states(written):
    """An editor that checks against the JSON Schema marks nothing."""
    for text in (written, OFF.sub(r"\1", written)):
        jsonschema.validate(json.loads(json.dumps(yaml.safe_load(text))), json_schema())


def test_lines_fit_a_reader(written):
    """No line is wider than the code's."""
    assert max(map(len, written.splitlines())) <= 120


def test_what_runs_leave_behind_is_ignored_by_git(tmp_path):
    """After `init` git sees no report, cache, outbox, database or artifact; it sees thresholds.yaml and checks."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    scaffold(tmp_path)
    assert not_ignored(tmp_path) == []
    places = ("reports/a/verdict.json", ".explain-gate/cache/x", "mlflow.db", "mlflow.db-journal", "mlartifacts/0/x")
    for place in places:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    seen = subprocess.run(
        ["git", "-C", str(tmp_path), "ls-files", "--others", "--exclude-standard"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert {"thresholds.yaml", ".gitignore", "checks/test_alignment.py"} <= set(seen)
    assert not set(places) & set(seen)


def test_a_gitignore_that_is_there_stays_and_what_it_lacks_is_told(tmp_path):
    """`init` changes no file of a team's; it says which lines to add."""
    (tmp_path / ".gitignore").write_text("*.pyc\n/reports\nmlflow.db\n", encoding="utf-8")
    done = CliRunner().invoke(main, ["init", str(tmp_path)])
    assert (tmp_path / ".gitignore").read_text(encoding="utf-8") == "*.pyc\n/reports\nmlflow.db\n"
    assert done.exit_code == 0
    assert "add to .gitignore, so that no report or database is committed: .explain-gate/ mlartifacts/\n" in done.output
    assert len(not_ignored(tmp_path / "elsewhere")) == len(IGNORED)


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_twenty_images_a_class_are_enough_where_half_of_them_do_not_apply(tmp_path, written, classes):
    """Objects that fill their frame must not block every version, nor does a version decide about it."""
    rules = planned(tmp_path, written, [f"class {number}" for number in range(classes)])
    for rule in rules:
        if rule.decide == "evidence" and rule.class_name is not None:
            images = 10 if rule.own else 10 * (classes - 1)
            rows = sum(other.check == rule.check for other in rules)
            assert too_few(rule, images, rows) is None, f"{rule.check} needs more than {images} of {classes} classes"
