"""Two profiles compared: equal to the bit or by how much not, and in what the runs themselves differ."""

from dataclasses import replace

import numpy as np
import pytest
from made_up import rewritten

from explain_gate.comparing.profiles import compare_profiles
from explain_gate.publishing.text.comparison import comparison_lines


def test_a_profile_equals_itself_to_the_bit(run):
    """The same run twice: no change, maps without a value included."""
    found = compare_profiles(run.profile, run.profile)
    assert found.bit_equal
    assert found.sentence == "The same model, and every prediction, score and map is equal to the bit"
    assert {change.trend for change in found.checks} == {"equal"}
    assert found.facts == ()


def test_the_same_model_on_other_threads_says_how_far_and_where(run, make_run):
    """One map a hair apart and other threads: not equal, by how much, and in what the runs differ."""
    again = make_run(name="again")
    path = again.profile.folder / "maps" / "grad_cam.npy"
    maps = np.load(path)
    maps[4, 0, 0] += np.float16(0.25)
    np.save(path, maps)
    environment = {**again.profile.manifest["environment"], "threads": 4}
    profile = rewritten(again, manifest={"environment": environment})
    found = compare_profiles(run.profile, profile)
    assert not found.bit_equal
    assert "1 map not equal to the bit, apart by at most 0.25 of 1" in found.sentence
    assert found.facts == (("environment threads", "", "4"),)
    lines = comparison_lines(found)
    assert "maps grad_cam: 17 of 18 equal to the bit, apart by at most 0.25, median correlation 1.00" in lines
    assert "differs: environment threads: nothing -> 4" in lines


def test_changes_carry_their_direction_and_interval(run, make_run):
    """More error is worse, more overlap better; the interval holds the change."""
    other = make_run(name="other")
    profile = rewritten(other, shift={"alignment.iou": 0.05, "completeness.relative_error": 0.02})
    trends = {(c.check, c.method): c for c in compare_profiles(run.profile, profile).checks}
    assert trends["alignment.iou", "grad_cam"].trend == "better"
    assert trends["completeness.relative_error", "integrated_gradients"].trend == "worse"
    change = trends["alignment.iou", "grad_cam"]
    assert change.change == pytest.approx(0.05)
    assert change.interval[0] <= change.change + 1e-12
    assert change.images == 17, "an image that one side could not measure has no pair"


def test_controls_are_not_compared(run):
    """The gate's own measurements are no checks of the model."""
    assert not [c for c in compare_profiles(run.profile, run.profile).checks if (c.method or "").startswith("control")]


def test_other_images_are_counted_not_compared(run, make_run):
    """Images that only one side holds are named; nothing in common is said so."""
    fewer = replace(make_run(name="fewer").profile, images=run.profile.images[:12])
    found = compare_profiles(run.profile, fewer)
    assert found.only_before == tuple(image.image for image in run.profile.images[12:])
    strange = replace(fewer, images=tuple(replace(image, digest="x") for image in fewer.images))
    assert compare_profiles(run.profile, strange).sentence == "The two profiles have no image in common"
