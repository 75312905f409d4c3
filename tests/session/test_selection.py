"""Which rules a run asks for: the named ones alone, over all their images or one."""

import json

import pytest

from explain_gate.errors import OptionError
from explain_gate.options import RunOptions, read_options
from explain_gate.records import Rule
from explain_gate.session.selection import select_only, select_quick


def _rule(check, *, method=None, class_name=None, own=True):
    return Rule(check=check, method=method, class_name=class_name, better="higher", at_least=0.5, own=own)


RULES = (
    _rule("alignment.iou", method="grad_cam", class_name="red"),
    _rule("alignment.iou", method="grad_cam", class_name="green"),
    _rule("alignment.iou/fine", method="grad_cam"),
    _rule("reliance.background_follow", class_name="red", own=False),
    _rule("reliance.background_follow", class_name="green", own=False),
)
IMAGES = {"a/red_00.png": "red", "b/green_01.png": "green", "both.png#red": "red", "both.png#green": "green"}


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ("alignment.iou[grad_cam-red]", ["alignment.iou[grad_cam-red]"]),
        ("alignment.iou/fine", ["alignment.iou/fine[grad_cam]"]),
        (
            "alignment.iou",
            ["alignment.iou[grad_cam-red]", "alignment.iou[grad_cam-green]", "alignment.iou/fine[grad_cam]"],
        ),
        ("reliance", ["reliance.background_follow[red]", "reliance.background_follow[green]"]),
        ("*_follow, alignment.iou/fine", [
            "alignment.iou/fine[grad_cam]", "reliance.background_follow[red]", "reliance.background_follow[green]",
        ]),
    ],
)  # fmt: skip
def test_rules_are_named_by_key_check_family_or_pattern(wanted, chosen):
    """In the file's order; everything else is left out, and said to be."""
    selection = select_only(RULES, wanted)
    assert [rule.key for rule in selection.rules] == chosen
    assert selection.name == "only"
    assert list(selection.left_out) == [rule.key for rule in RULES if rule.key not in chosen]


@pytest.mark.parametrize("wanted", ["alignment.oui", "alignment.iou[grad_cam-blue]"])
def test_a_name_that_stands_for_nothing_tells_the_nearest(wanted):
    """Never an empty selection."""
    with pytest.raises(OptionError, match=r"stands for no rule of this file; nearest: .*alignment\.iou"):
        select_only(RULES, wanted)


def test_an_image_is_asked_only_where_it_has_a_part():
    """In its own class's rows, and in the rows of other classes that are told by what it does."""
    selection = select_only(RULES, "alignment,reliance", image="red_00.png", images=IMAGES)
    assert [rule.key for rule in selection.rules] == [
        "alignment.iou[grad_cam-red]",
        "alignment.iou/fine[grad_cam]",
        "reliance.background_follow[green]",
    ]
    assert {rule.image for rule in selection.rules} == {"a/red_00.png"}
    with pytest.raises(OptionError, match="whose images have no part in"):
        select_only(RULES, "alignment.iou[grad_cam-green]", image="red_00.png", images=IMAGES)


def test_an_image_that_is_none_or_several_is_refused():
    """An image with two classes is two questions."""
    with pytest.raises(OptionError, match=r"nearest: a/red_00\.png"):
        select_only(RULES, "alignment", image="red_0.png", images=IMAGES)
    with pytest.raises(OptionError, match=r"stands for several: both\.png#red, both\.png#green"):
        select_only(RULES, "alignment", image="both.png", images=IMAGES)


def test_quick_takes_behaviour_and_cheap_maps():
    """What is slow, or compares with a reference, is left out and named."""
    slow = (_rule("alignment.iou", method="integrated_gradients"), _rule("drift.map_correlation", method="grad_cam"))
    selection = select_quick([*RULES, *slow])
    assert [rule.key for rule in selection.rules] == [rule.key for rule in RULES]
    assert list(selection.left_out) == [rule.key for rule in slow]
    with pytest.raises(OptionError, match="--quick has nothing to ask"):
        select_quick(slow)


@pytest.mark.parametrize(("corner", "code"), [(False, 3), (True, 1)])
def test_a_rule_alone_fails_or_has_no_verdict(tmp_path, write_project, measured, corner, code):
    """1 where it breaks, else 3 and never 0, and nothing is recorded."""
    write_project(tmp_path / "project", corner=corner)
    options = {"only": "reliance.background_gap", "tracking": True}
    session = measured(**options)
    verdict = session.conclude()
    finished = session.finish(verdict)
    assert (verdict.exit_code, finished.recorded) == (code, None)
    told = json.loads((finished.output / "verdict.json").read_text(encoding="utf-8"))
    assert told["selection"] == "only"
    assert told["planned"] == ["reliance.background_gap[all]"]
    assert "performance.accuracy[all]" in told["left_out"]
    assert any("looked at alone" in message for message in told["messages"]) is (code == 3)
    assert not list((tmp_path / "project").glob("*.db"))


def test_one_image_of_a_rule_has_the_value_it_has_among_all(tmp_path, write_project, measured):
    """The row is reproduced by itself: same image, same number."""
    write_project(tmp_path / "project", corner=True)
    profile = measured().profile
    whole = profile.measurement("reliance.background_gap", None)
    row = [image.image for image in profile.images].index("green_03.png")
    session = measured(only="reliance.background_gap", image="green_03.png")
    alone = session.profile.measurement("reliance.background_gap", None)
    assert alone.rows.tolist() == [row]
    assert alone.values.tolist() == whole.values[whole.rows == row].tolist()
    assert session.conclude().exit_code == 1


def test_an_image_without_a_rule_is_refused():
    """It would change what every row counts."""
    with pytest.raises(OptionError, match="--image is for --only"):
        read_options({"image": "a.png"})
    assert read_options({"image": "a.png", "only": "alignment"}) == RunOptions(image="a.png", only="alignment")
