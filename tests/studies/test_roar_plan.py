"""What is asked for, and which pictures are on which side."""

import shutil

import pytest
from roar_projects import write_leaning
from task_projects import write_task_project

from explain_gate.config import load_config
from explain_gate.errors import DataError, ModelError, OptionError
from explain_gate.measuring.job import open_job
from explain_gate.studies.roar_plan import Asked, plan_roar


def planned(thresholds, folder, **asked):
    """A plan, without anything else."""
    given = {"train": "leaning:train", **asked}
    return plan_roar(open_job(load_config(thresholds)), folder, Asked(**given))


def test_no_picture_is_on_both_sides(tmp_path):
    """Each class is on both; a copy of a file goes where the file goes."""
    thresholds = write_leaning(tmp_path / "p", per_class=20)
    images = tmp_path / "p" / "images"
    for number in range(0, 20, 2):
        shutil.copy(images / f"{number:03d}.png", images / f"{number + 20:03d}.png")
    job = open_job(load_config(thresholds))
    plan = plan_roar(job, tmp_path, Asked(train="leaning:train"))
    sides = [{job.data.digest(plan.rows[place]) for place in side} for side in (plan.fitted, plan.held_out)]
    assert not sides[0] & sides[1]
    assert len(plan.fitted) + len(plan.held_out) == 40
    for side in (plan.fitted, plan.held_out):
        assert {job.data.entries[plan.rows[place]].label for place in side} == {0, 1}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"shares": (0.5, 0.1)}, "--shares must rise"),
        ({"shares": (0.0, 0.1)}, "--shares must rise"),
        ({"seeds": 2}, "--seeds must be at least 3"),
        ({"held_out": 1.0}, "--held-out must be a share between 0 and 1, got 1.0"),
        ({"methods": ("gradint",)}, "leaning:oracle, gradient, leaning:anti_oracle; got gradint. did you mean"),
        ({"images": 12}, "0.5 of 12 are 6"),
        ({"train": "leaning:trains"}, "no attribute 'trains'"),
        ({"train": "leaning"}, "--train must be package.module:callable, got leaning"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_done(tmp_path, asked, told):
    """With what to write."""
    with pytest.raises((OptionError, DataError, ModelError), match=told.replace("(", r"\(")):
        planned(write_leaning(tmp_path / "p"), tmp_path, **asked)


def test_a_task_without_one_label_a_picture_is_refused(tmp_path):
    """It says what it needs."""
    with pytest.raises(OptionError, match="must be classification or binary, got regression"):
        planned(write_task_project(tmp_path, "regression"), tmp_path)
