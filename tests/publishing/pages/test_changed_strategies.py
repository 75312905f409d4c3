"""A group of maps that only one version has is new or lost; what both have is neither."""

from dataclasses import replace

import numpy as np

from explain_gate.comparing.profiles import compare_profiles
from explain_gate.profile.writer import write_tables
from explain_gate.publishing.pages.changed_strategies import changed_strategies
from explain_gate.publishing.pages.comparison import write_comparison
from explain_gate.records import Measurement


def _clustered(run, corner):
    """Six images of the first class, mapped on the middle; where `corner` is set the last three are mapped there."""
    path = run.profile.folder / "maps" / "grad_cam.npy"
    maps = np.load(path)
    maps[:6] = 0
    for row in range(6):
        maps[row, 12 + row % 2 : 20, 12:20] = 1
    if corner:
        maps[3:6] = 0
        maps[3:6, :6, :6] = 1
    np.save(path, maps)
    groups = [0, 0, 0, 1, 1, 1] if corner else [0] * 6

    def noted(name, values):
        rows = np.arange(6)
        return Measurement(check=f"strategies.outside@{name}", method="grad_cam", rows=rows,
                           values=np.array(values, dtype=float), reasons=(None,) * 6)  # fmt: skip

    inside = noted("inside", [0.9] * 3 + [0.0 if corner else 0.9] * 3)
    notes = (noted("cluster as they are", groups), inside)
    profile = replace(run.profile, measurements=(*run.profile.measurements, *notes))
    return write_tables(profile, run.profile.folder)


def test_a_new_and_a_lost_group_are_told_with_pictures(make_run, page_of, tmp_path):
    """The corner is new in the second version, lost the other way round; the middle, which both have, is neither."""
    honest, cheat = _clustered(make_run(name="honest"), corner=False), _clustered(make_run(name="cheat"), corner=True)
    [new] = changed_strategies(honest, cheat, tmp_path)
    assert (new.kind, new.strategy.count, new.strategy.of, new.strategy.outside) == ("new", 3, 6, True)
    [lost] = changed_strategies(cheat, honest, tmp_path)
    assert (lost.kind, lost.strategy.count) == ("lost", 3)
    assert all(member.photo for member in (*new.strategy.members, *lost.strategy.members))
    page = page_of(write_comparison(compare_profiles(honest, cheat), honest, cheat, tmp_path / "page"))
    assert "New: 3 of 6 images of Abyssinian, 0 % on the object, less than even maps would have (25 %)" in page.text
    assert all((tmp_path / "page" / image["src"]).is_file() for image in page.all("img"))


def test_the_same_maps_have_neither(make_run, page_of, tmp_path):
    """Nothing new, nothing lost, and no section; likewise where a version was not clustered."""
    one, same = (_clustered(make_run(name=name), corner=True) for name in ("one", "same"))
    assert changed_strategies(one, same, tmp_path) == ()
    bare = make_run(name="bare").profile
    assert changed_strategies(bare, one, tmp_path) == ()
    page = page_of(write_comparison(compare_profiles(bare, one), bare, one, tmp_path / "page"))
    assert "strategies" not in page.ids
