"""Pairs of pictures that differ in a cue alone."""

import torch
from projects import write_project

from explain_gate.config import load_config
from explain_gate.measuring.job import open_job
from explain_gate.metrics.patches import Window
from explain_gate.studies.twins import background_twins, patch_twins


def test_backgrounds_of_either_class_around_one_object(tmp_path):
    """The object is the same in both; the mark beside it is that of the class that lent it."""
    job = open_job(load_config(write_project(tmp_path)))
    twins = list(background_twins(job, range(8), tmp_path))
    assert len(twins) == 8
    for one in twins:
        assert one.other == 1 - one.sample.label
        assert torch.equal(one.base[:, one.region], one.twin[:, one.region])
        mark = {"base": one.base[:2, 2, 2].argmax().item(), "twin": one.twin[:2, 2, 2].argmax().item()}
        assert mark == {"base": one.sample.label, "twin": one.other}


def test_a_patch_changes_its_place_alone(tmp_path):
    """And what lies there is another class's."""
    job = open_job(load_config(write_project(tmp_path)))
    for one in patch_twins(job, range(8), Window(top=0, left=0, side=8)):
        changed = (one.base != one.twin).any(dim=0)
        assert bool(changed[:8, :8].any())
        assert int(changed.sum()) == int(changed[:8, :8].sum())
        assert one.twin[:2, 2, 2].argmax().item() == one.other
