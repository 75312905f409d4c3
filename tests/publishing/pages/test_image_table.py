"""Every image is a row, worst first, with its scores and an address that stays."""

from dataclasses import replace

import numpy as np

from explain_gate.comparing.per_image import PerImage
from explain_gate.profile.profile import load_profile
from explain_gate.publishing.pages.image_table import build_table
from explain_gate.publishing.pictures.gallery import Gallery, anchors_of, build_gallery
from explain_gate.publishing.publish import publish
from explain_gate.records import Profile


def _table(run, profile=None):
    per_image = PerImage(profile or run.profile)
    return build_table(run.verdict, per_image, build_gallery(run.verdict, per_image, run.folder))


def test_every_image_is_there_with_every_score(run):
    """Eighteen images, six scores each, none of the gate's controls; the one without a value has none."""
    table = _table(run)
    assert sorted(row.row for row in table.rows) == list(range(18))
    assert [column.check for column in table.columns].count("alignment.iou") == 2
    assert not any((column.method or "").startswith("control.") for column in table.columns)
    lost = next(row for row in table.rows if row.row == 1)
    assert lost.scores[1] is None
    measured = run.profile.measurement("alignment.iou", "grad_cam").values
    assert all(abs(row.scores[1] - measured[row.row]) < 1e-3 for row in table.rows if row.row != 1)


def test_the_worst_come_first(run):
    """Broken rules before passed ones, in the order of the gallery."""
    per_image = PerImage(run.profile)
    gallery = build_gallery(run.verdict, per_image, run.folder)
    table = build_table(run.verdict, per_image, gallery)
    assert [row.row for row in table.rows] == [shown.row for shown in gallery.shown]
    assert table.rows[0].status == "failed"
    assert table.rows[0].breach


def test_an_address_stays_when_other_images_come_and_go(run):
    """The id of an image is made of its name; two that would share one are kept apart."""
    kept = tuple(image for row, image in enumerate(run.profile.images) if row % 2)
    before = dict(zip((image.image for image in run.profile.images), anchors_of(run.profile), strict=True))
    after = dict(zip((image.image for image in kept), anchors_of(replace(run.profile, images=kept)), strict=True))
    assert all(before[name] == anchor for name, anchor in after.items())
    first, second = (replace(image, image=name) for image, name in zip(kept, ("a b", "a-b"), strict=False))
    anchors = anchors_of(replace(run.profile, images=(first, second)))
    assert anchors == ["image-a-b", "image-a-b-2"]


def test_a_page_holds_so_many_scores_and_says_how_many_images(run, monkeypatch, page_of):
    """Beyond the room of a page the worst are kept, and those with pictures with them; no id is used twice."""
    monkeypatch.setattr("explain_gate.publishing.pages.image_table.MOST_ROWS", 4)
    monkeypatch.setattr("explain_gate.publishing.pictures.gallery.LIMIT", 6)
    table = _table(run)
    assert table.total == 18
    assert 4 <= len(table.rows) <= 10
    publish(run.verdict, run.profile, run.folder)
    assert "the worst" in page_of(run.folder).text


def test_what_the_script_reads_names_no_class_twice(run):
    """Classes and statuses are places in a list, scores plain numbers or none."""
    data = _table(run).data()
    assert data["statuses"][0] == "failed"
    assert len(data["classes"]) == 3
    row = data["rows"][0]
    assert data["classes"][row[3]] == run.profile.images[row[0]].class_name
    assert all(score is None or np.isfinite(score) for score in row[-1])


def test_without_a_profile_there_is_no_table(run):
    """A run that measured nothing, and a profile without scores."""
    nothing = Gallery(shown=(), total=0, width=1, height=1, scales={})
    assert build_table(run.verdict, None, nothing).rows == ()
    bare = Profile(manifest=run.profile.manifest, images=run.profile.images, measurements=(), folder=None)
    assert len(_table(run, bare).rows) == 18
    assert load_profile(run.profile.folder).images
