"""Which decisions hold: for the same picture, annotated alike, with the same map."""

from dataclasses import replace

import numpy as np
import pytest
from made_up_maps import blob

from explain_gate.decisions.holding import annotation_digest, excluded_by, opinions_of
from explain_gate.decisions.likeness import sketch_of
from explain_gate.profile.audit import map_digest
from explain_gate.profile.profile import load_profile
from explain_gate.profile.writer import ProfileWriter


@pytest.fixture
def make(tmp_path, make_profile):
    """Writes a profile of three images, with one map and one region for all of them."""

    def write(kept=None, *, region=slice(10, 20), name="profile", **changed):
        made = make_profile({("performance.accuracy", None): [1.0, 1.0, 1.0]})
        dataset = {**made.manifest["dataset"], "height": 32, "width": 32}
        images = [replace(image, **changed) for image in made.images]
        with ProfileWriter(tmp_path / name, count=3, height=32, width=32) as writer:
            writer.maps("grad_cam")[:] = blob() if kept is None else kept
            drawn = np.zeros((32, 32), dtype=bool)
            drawn[region, region] = True
            writer.regions()[:] = np.packbits(drawn, axis=-1)
            writer.finish(images, made.measurements, {**made.manifest, "dataset": dataset})
        return load_profile(tmp_path / name)

    return write


@pytest.fixture
def about(decide):
    """Makes a decision about a row of a profile."""

    def of(profile, opinion="plausible", row=0, **changed):
        kept = np.load(profile.folder / "maps" / "grad_cam.npy")[row]
        fields = {
            "image": profile.images[row].image, "image_digest": profile.images[row].digest,
            "annotation_digest": annotation_digest(profile, row), "map_digest": map_digest(kept),
            "sketch": sketch_of(kept),
        }  # fmt: skip
        return decide(opinion, **{**fields, **changed})

    return of


def test_a_decision_holds_for_its_own_image_and_method(make, about):
    """And for no other of either."""
    profile = make()
    one = about(profile, row=1)
    assert opinions_of(profile, "grad_cam", [one]) == [{}, {"anna": one}, {}]
    assert opinions_of(profile, "grad_cam", [replace(one, method="occlusion")]) == [{}, {}, {}]
    assert opinions_of(profile, "grad_cam", []) == [{}, {}, {}]


def test_an_unchanged_map_of_a_new_version_does_not_ask_again_and_another_does(make, about):
    """Whatever the version's weights."""
    one = about(make(), version="old")
    noise = np.random.default_rng(1).normal(0, 0.003, (32, 32))
    nearly = make((blob() + noise).clip(0).astype(np.float16), name="nearly")
    moved = make(blob(y=22), name="moved")
    assert opinions_of(nearly, "grad_cam", [one])[0] == {"anna": one}
    assert opinions_of(moved, "grad_cam", [one])[0] == {}


@pytest.mark.parametrize("changed", [{"class_name": "lynx"}, {"accepted": (1,)}, {"annotated": 2.0}])
def test_another_annotation_asks_again(make, about, changed):
    """A label, a further class, a value or a region."""
    one = about(make())
    assert opinions_of(make(name="other", **changed), "grad_cam", [one])[0] == {}
    assert opinions_of(make(name="drawn", region=slice(10, 21)), "grad_cam", [one])[0] == {}


def test_of_one_reviewer_the_last_decision_counts(make, about):
    """About this map; each other reviewer has their own."""
    profile = make()
    first = about(profile, map_digest="0" * 64)
    last = about(profile, "not plausible", at="2027-02-01T00:00:00+00:00")
    other = about(profile, "unsure", reviewer="ben")
    assert opinions_of(profile, "grad_cam", [first, other, last])[0] == {"anna": last, "ben": other}


def test_images_are_out_while_more_people_find_their_annotation_wrong_than_not(make, about):
    """One against one stays in, since taking out turns failures green."""
    profile = make()
    wrong = about(profile, "label wrong", note="this is a lynx")
    (out,) = excluded_by(profile, [wrong])
    assert (out.image, out.reason, out.reviewers) == ("cat_000.png", "label wrong", ("anna",))
    assert out.notes == ("this is a lynx",)
    fine = about(profile, "not plausible", reviewer="ben")
    assert excluded_by(profile, [wrong, fine]) == ()
    second = about(profile, "region wrong", reviewer="cem", at="2027-02-01T00:00:00+00:00")
    (out,) = excluded_by(profile, [wrong, fine, second])
    assert out.reviewers == ("anna", "cem")
    assert out.at == second.at
    assert excluded_by(profile, [wrong, about(profile, "unsure", reviewer="ben")]) != ()


def test_an_image_is_out_whatever_its_map_until_its_annotation_changes(make, about):
    """A new version does not bring it back, a corrected label does; so does who said so."""
    wrong = about(make(), "label wrong")
    assert excluded_by(make(blob(y=25), name="new"), [wrong]) != ()
    assert excluded_by(make(name="mended", class_name="lynx"), [wrong]) == ()
    again = about(make(), "plausible", method="occlusion", at="2027-02-01T00:00:00+00:00")
    assert excluded_by(make(), [wrong, again]) == ()
