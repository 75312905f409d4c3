"""Regions beside their objects are found, and the move back is told."""

import numpy as np
import pytest
from label_projects import FLIPPED, SHIFTED

from explain_gate.labels.placed import NEITHER, place, shifted, told_move, untouched
from explain_gate.profile.files import REGIONS_FILE
from explain_gate.profile.profile import load_region


def tell(done, total):
    """Nobody listens."""


@pytest.fixture
def placed(project):
    """Runs, and what their maps say."""
    runs = project.runs
    return runs, place(runs, tell)


def test_shifted_regions_are_the_lists(placed):
    """Both: no map touches them, and they would fit where the object is."""
    runs, facts = placed
    seen = ["no"] * len(runs.images)
    assert {one.image for one in untouched(runs, facts, seen).suspects} == set(SHIFTED)
    listed = shifted(runs, facts, seen)
    assert {one.image for one in listed.suspects} == set(SHIFTED)
    for one in listed.suspects:
        assert one.move == pytest.approx((-26 / 64, -28 / 64), abs=1 / 32)
        assert one.why.endswith("0 % is usual at most")
        assert "% up and 44 % left it would hold" in one.why


def test_the_lift_is_relevance_inside_over_area(placed):
    """As by hand for one sample."""
    runs, facts = placed
    row = next(row for row, image in enumerate(runs.images) if image.image == "pic_00.png")
    region = load_region(runs.profiles[0], int(runs.rows[0, row]))
    map_ = np.load(runs.profiles[0].folder / "maps" / "grad_cam.npy")[int(runs.rows[0, row])].astype(float)
    assert facts.lift[row] == pytest.approx(map_[region].sum() / map_.sum() / region.mean(), rel=1e-6)
    assert facts.gain[row] == pytest.approx(0, abs=0.05)


def test_a_doubted_label_is_not_asked_about_its_region(placed):
    """Its map explains a class that it may not show."""
    runs, facts = placed
    rows = {row for row, image in enumerate(runs.images) if image.image in (*FLIPPED, SHIFTED[0])}
    listed = shifted(runs, facts, ["no"] * len(runs.images), rows)
    assert {one.image for one in listed.suspects} == {SHIFTED[1]}
    assert listed.asked == len(runs.images) - 3
    assert "3 samples of doubted labels are not asked" in listed.note


def test_a_version_that_disagrees_keeps_a_region_off_the_list(project):
    """All must gain by the same move."""
    maps = np.load(project.versions[1] / "maps" / "grad_cam.npy", mmap_mode="r+")
    names = [entry.image for entry in project.data.entries]
    for name in SHIFTED:
        maps[names.index(name)] = np.rot90(maps[names.index(name)], 2)
    maps.flush()
    _without_digests(project.versions[1])
    runs = project.runs
    assert shifted(runs, place(runs, tell), ["no"] * len(runs.images)).suspects == ()


def test_runs_without_regions_are_not_asked(project):
    """In a sentence."""
    for folder in project.versions:
        (folder / REGIONS_FILE).unlink()
        _without_digests(folder)
    runs = project.runs
    facts = place(runs, tell)
    assert untouched(runs, facts, ["no"] * len(runs.images)).unasked == NEITHER
    assert shifted(runs, facts, ["no"] * len(runs.images)).unasked == NEITHER


def test_moves_are_told_by_direction():
    """And not where there is none."""
    assert told_move(0.12, -0.08) == "12 % down and 8 % left"
    assert told_move(0.0, 0.25) == "25 % right"
    assert told_move(0.0, 0.001) == "nowhere"


def _without_digests(folder):
    """A profile as an earlier version wrote it, whose files may be changed."""
    import json

    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    del manifest["files"]
    path.write_text(json.dumps({**manifest, "schema_version": 1}), encoding="utf-8")
