"""thresholds.yaml: what is allowed, and that every mistake is told with file, line, key and what to write."""

from __future__ import annotations

import contextlib
from pathlib import Path

import jsonschema
import projects
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from explain_gate.config import json_schema, load_config
from explain_gate.errors import ConfigError, ExplainGateError, NothingPlanned
from explain_gate.plan import plan, waivers_of

GOOD = projects.THRESHOLDS.format(corner="false")


@pytest.fixture
def load(tmp_path):
    """Load a text as thresholds.yaml."""

    def load_text(text: str):
        path = tmp_path / "thresholds.yaml"
        path.write_text(text, encoding="utf-8")
        return load_config(path)

    return load_text


def test_the_projects_own_file_is_valid_and_fits_its_schema():
    """What `init` starts from loads, plans, and agrees with the published JSON Schema."""
    path = Path(__file__).parents[1] / "thresholds.yaml"
    config = load_config(path)
    assert plan(config, ["zero", "one"])
    jsonschema.validate(yaml.safe_load(path.read_text()), json_schema())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("at_least: 0.9", "at_lest: 0.9"), ":11: checks.performance.accuracy.at_lest: unknown key; allowed here:"),
        (
            ("at_least: 0.9", "at_least: high"),
            ":11: checks.performance.accuracy.at_least: input should be a valid number",
        ),
        (("at_least: 0.9", "at_least: .nan"), ":11: checks.performance.accuracy.at_least"),
        (("at_least: 0.9", "at_least: 0.9, at_most: 1"), "exactly one of at_least and at_most"),
        (("{at_least: 0.9}", "{}"), "must have a bound"),
        (("version: 1", "version: 2"), ":1: version"),
        (("version: 1\n", ""), "version: is missing"),
        (("performance:", "alignment:"), "the key is written twice"),
        (("grad_cam: {layer: window}", "{}"), "methods"),
        (("images: images", "images: [a"), "not valid YAML"),
        (("data:", "data: &a\n  x: *a\n  y: 1\n "), "alias"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_write(load, change, told):
    """File, line, key, what is wrong."""
    with pytest.raises(ConfigError) as caught:
        load(GOOD.replace(*change))
    assert told in str(caught.value)
    assert "thresholds.yaml:" in str(caught.value)


def test_all_mistakes_are_told_at_once(load):
    """Nobody wants to run the gate once per typing error."""
    with pytest.raises(ConfigError) as caught:
        load(GOOD.replace("at_least: 0.9", "at_lest: 0.9").replace("at_most: 0.3", "at_mst: 0.3"))
    assert "at_lest" in str(caught.value)
    assert "at_mst" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("accuracy:", "acuracy:"), "unknown metric; performance has accuracy"),
        (("performance:", "perfomance:"), "unknown family of checks; there are"),
        (("grad_cam: {layer: window}", "grad_cma: {}"), "unknown method; there are gradient"),
        (("grad_cam: {layer: window}", "guided_backprop: {}"), "cannot rest on them alone"),
        (("layer: window", "layr: window"), "unknown option; allowed here: layer"),
        (("at_least: 0.9", "at_least: 0.9, max_unmeasured: 1.5"), "must be a whole number of images, or a share"),
        (("at_least: 0.9", "at_most: 0.9"), "is better when higher, so the bound must be at_least"),
        (("at_least: 0.9", "at_least: 90"), "must lie in the metric's range, 0 to 1, got 90"),
        (("at_least: 0.9", "at_least: 0.9, methods: [grad_cam]"), "takes no methods"),
        (("at_least: 0.6", "at_least: 0.6, methods: [gradient]"), "is not among `methods` of this file"),
        (("at_least: 0.6", "at_least: 0.6, parameters: {cut: 1}"), "unknown parameter; allowed here: binarize"),
        (("at_least: 0.9", "max_rise: 0.1"), "bounded by max_drop"),
        (("reliance:\n    background_gap", "completeness:\n    relative_error"), "add integrated_gradients"),
    ],
)
def test_a_rule_that_no_metric_answers_is_told(load, change, told):
    """Unknown names list what there is; bounds in the wrong direction or out of range are refused."""
    with pytest.raises(ConfigError) as caught:
        plan(load(GOOD.replace(*change)), ["red", "green"])
    assert told in str(caught.value)


def test_a_rule_becomes_one_row_per_method_and_class(load):
    """Keys are unique and readable."""
    rules = plan(load(GOOD), ["red", "green"])
    assert [rule.key for rule in rules] == [
        "performance.accuracy[all]",
        "alignment.iou[grad_cam-red]",
        "alignment.iou[grad_cam-green]",
        "reliance.background_gap[all]",
    ]
    assert rules[1].line == 13


def test_one_metric_may_have_several_named_rules(load):
    """`iou/strict` is a second rule over iou with its own name."""
    text = GOOD.replace("    iou:", "    iou/strict: {at_least: 0.8, severity: warn}\n    iou:")
    keys = {rule.key: rule.metric for rule in plan(load(text), ["red", "green"])}
    assert keys["alignment.iou/strict[grad_cam]"] == "alignment.iou"


def test_nothing_planned_is_its_own_error(load):
    """An empty gate is exit code 5."""
    with pytest.raises(NothingPlanned):
        plan(load(GOOD[: GOOD.index("checks:")] + "checks: {}\n"), ["red"])


def test_waivers_are_read_with_their_line(load):
    """A waiver names rule, class, owner, reason and last day."""
    waiver = "waivers:\n  - {check: alignment.iou, class: red, reason: masks, owner: me, expires: 2027-01-31}\n"
    (found,) = waivers_of(load(GOOD + waiver), "2026-11-26")
    assert (found.class_name, found.expires) == ("red", "2027-01-31")
    assert found.line == GOOD.count("\n") + 2


@pytest.mark.parametrize(
    ("expires", "most", "told"),
    [
        ("2027-02-24", "", None),
        ("2027-02-25", "", "at most 90 days ahead, on 2027-02-24, got 2027-02-25; write an earlier day, or raise"),
        ("2027-02-25", "waivers_max_days: 91\n", None),
        ("2020-01-01", "", None),
    ],
)
def test_a_waiver_ends_at_most_90_days_ahead(load, expires, most, told):
    """A waiver is a delay; the file may say how long one may be, and an expired one is told by the verdict."""
    waiver = f"waivers:\n  - {{check: alignment.iou, reason: masks, owner: me, expires: {expires}}}\n"
    config = load(GOOD + waiver + most)
    if told is None:
        assert waivers_of(config, "2026-11-26")[0].expires == expires
    else:
        with pytest.raises(ConfigError, match=told) as error:
            waivers_of(config, "2026-11-26")
        assert f"thresholds.yaml:{GOOD.count(chr(10)) + 2}: waivers.0.expires" in str(error.value)


def test_class_names_that_yaml_reads_as_something_else_are_told(load):
    """`no` is a class of somebody's; YAML makes it False."""
    with pytest.raises(ConfigError, match="quote it"):
        load(GOOD.replace("images: images", "images: images\n  classes: [yes, no]"))


def test_a_missing_file_says_how_to_get_one(tmp_path):
    """The first thing a newcomer meets."""
    with pytest.raises(ConfigError, match="explain-gate init"):
        load_config(tmp_path / "none.yaml")


def test_aliases_that_explode_are_refused(load):
    """A small file cannot become a large one in memory."""
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for name, before in zip("bcdefgh", "abcdefg", strict=True):
        bomb += f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    with pytest.raises(ConfigError, match="aliases"):
        load(bomb)


@given(st.data())
@settings(deadline=None, max_examples=150, derandomize=True)
def test_no_mutation_of_the_file_raises_anything_unexpected(tmp_path_factory, data):
    """Whatever a hand or a merge does to the file, the answer is a plan or one clear error."""
    text = GOOD
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        stop = data.draw(st.integers(start, min(len(text), start + 12)))
        text = text[:start] + data.draw(st.text(alphabet=":{}[],-&*!|>%@'\"# \n\t019aé\x00", max_size=6)) + text[stop:]
    path = tmp_path_factory.getbasetemp() / "mutated.yaml"
    path.write_text(text, encoding="utf-8")
    with contextlib.suppress(ExplainGateError):
        assert plan(load_config(path), ["red", "green"])
