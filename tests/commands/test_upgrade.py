"""`explain-gate upgrade`: an old file gets today's rules where nobody chose the old ones; all else stays."""

from __future__ import annotations

import sys

import pytest
import yaml
from click.testing import CliRunner

from explain_gate.cli import main
from explain_gate.commands.earlier_rules import EARLIER
from explain_gate.commands.scaffold import packaged_thresholds, rules_that_are_on
from explain_gate.config import load_config
from explain_gate.plan import plan

pytest.importorskip("ruamel.yaml")

OLD = """\
# yaml-language-server: $schema=https://example.org/explain-gate/main/thresholds.schema.json
# Ours since March.
version: 1
model: {source: "shop:build"}   # the shop's
data:
  images: "pictures"
  annotations: boxes.json   # as COCO

methods:
  grad_cam: {}

checks:
  alignment:
    # Covers the object.
    iou: {methods: [grad_cam], at_least: 0.20, per_class: true}   # chosen in a hurry
    lift: {methods: [grad_cam], at_least: 2.0, per_class: true}   # our own bound
  reliance:
    background_gap: {at_most: 0.15, per_class: true}

waivers:
  - {check: alignment.iou, reason: "moved", owner: us, expires: 2027-01-31}
"""


@pytest.fixture
def old(tmp_path):
    """An old file."""
    path = tmp_path / "thresholds.yaml"
    path.write_text(OLD, encoding="utf-8")
    return path


def call(path, *arguments):
    return CliRunner().invoke(main, ["upgrade", "--config", str(path), *arguments])


def test_rules_that_nobody_chose_become_todays_and_all_else_stays(old):
    """Each change is said with its line; comments, quotes, order and own bounds are as they were."""
    done = call(old)
    assert done.exit_code == 0, done.output
    text = old.read_text(encoding="utf-8")
    data = yaml.safe_load(text)
    today = rules_that_are_on()
    assert data["checks"]["alignment"]["iou"] == today["alignment.iou"]
    assert data["checks"]["reliance"]["background_gap"] == today["reliance.background_gap"]
    assert data["checks"]["alignment"]["lift"]["at_least"] == 2.0
    assert data["judging"] == {"decide": "evidence"}
    for kept in ("# Ours since March.", "# the shop's", 'images: "pictures"', "# as COCO", "    # Covers the object.\n",
                 "# chosen in a hurry", "# our own bound", '  - {check: alignment.iou, reason: "moved"'):  # fmt: skip
        assert kept in text, kept
    assert f"change {old}:15: checks.alignment.iou: " in done.output
    assert f"change {old}:18: checks.reliance.background_gap: " in done.output
    assert "judging.decide: evidence" in done.output
    assert text.startswith("# yaml-language-server: $schema=.explain-gate/")
    assert [rule for rule in plan(load_config(old), ("a", "b")) if rule.check == "reliance.background_gap"]
    changed = [(one, two) for one, two in zip(OLD.splitlines()[:9], text.splitlines()[:9], strict=True) if one != two]
    assert len(changed) == 1


def test_a_second_time_changes_nothing(old):
    """To the byte."""
    call(old)
    once = old.read_bytes()
    done = call(old)
    assert (done.exit_code, old.read_bytes()) == (0, once)
    assert "nothing was changed" in done.output


def test_check_tells_and_writes_nothing(old):
    """1 where something would change, 0 where nothing would."""
    assert call(old, "--check").exit_code == 1
    assert old.read_text(encoding="utf-8") == OLD
    call(old)
    assert call(old, "--check").exit_code == 0


def test_what_is_not_known_stays_and_is_told(old):
    """With its line, and what may be meant."""
    old.write_text(OLD.replace("version: 1\n", "version: 1\nsede: 3   # luck\n"), encoding="utf-8")
    done = call(old)
    assert done.exit_code == 0
    assert "sede: 3   # luck" in old.read_text(encoding="utf-8")
    assert "4: sede: unknown key; did you mean seed?" in done.output


def test_who_decides_by_value_keeps_that_and_the_new_rule_says_its_own(old):
    """`judging.decide: value` was written by somebody."""
    old.write_text(OLD.replace("checks:\n", "judging: {decide: value}\nchecks:\n"), encoding="utf-8")
    call(old)
    data = yaml.safe_load(old.read_text(encoding="utf-8"))
    assert data["judging"] == {"decide": "value"}
    assert data["checks"]["reliance"]["background_gap"]["decide"] == "evidence"


def test_todays_own_file_is_up_to_date(tmp_path):
    """And none of its rules is an earlier one."""
    path = tmp_path / "thresholds.yaml"
    path.write_text(packaged_thresholds(), encoding="utf-8")
    done = call(path)
    assert done.exit_code == 0
    assert path.read_text(encoding="utf-8") == packaged_thresholds()
    for check, rules in EARLIER.items():
        assert check in rules_that_are_on()
        assert dict(rules_that_are_on()[check]) not in [dict(rule) for rule in rules], check


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [1\n", "not valid YAML"),
        ("- 1\n", "must be a mapping"),
        ("\ud800", "must be UTF-8"),
        (None, "cannot be read"),
    ],
)
def test_what_is_no_file_of_this_kind_is_exit_4(tmp_path, text, told):
    """Nothing is written."""
    path = tmp_path / "thresholds.yaml"
    if text is not None:
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
    done = call(path)
    assert done.exit_code == 4
    assert told in done.output


def test_without_the_package_that_keeps_comments_it_says_how_to_install_it(old, monkeypatch):
    """Exit 4, and the file stays."""
    monkeypatch.setitem(sys.modules, "ruamel.yaml", None)
    done = call(old)
    assert done.exit_code == 4
    assert "pip install 'explain-gate[upgrade]'" in done.output
    assert old.read_text(encoding="utf-8") == OLD
