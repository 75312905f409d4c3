"""The gallery shows the worst, and a fair sample of the rest."""

from dataclasses import replace

import numpy as np

from explain_gate.comparing.per_image import PerImage, breaches
from explain_gate.publishing.pictures.gallery import LIMIT, PER_CELL, build_gallery, choose_rows


def test_images_that_break_a_blocking_rule_come_first(run):
    """Order follows the status of the worst rule, then how far the image is beyond the bounds."""
    gallery = build_gallery(run.verdict, PerImage(run.profile), run.folder)
    assert len(gallery.shown) == gallery.total == 18
    ranks = [["failed", "unmeasured", "warned", "waived", "passed"].index(shown.status) for shown in gallery.shown]
    assert ranks == sorted(ranks)
    assert ranks[0] == 0
    assert gallery.shown[0].breach.split()[0] in {"alignment.iou", "reliance.background_gap"}


def test_an_image_is_judged_by_its_own_values(run):
    """An image of the failing class that reaches the bound is not marked as failed by that rule."""
    finding = run.verdict.findings[2]
    only = replace(run.verdict, findings=(finding,))
    per_image = PerImage(run.profile)
    rows, values = per_image.values(finding)
    found = breaches(per_image, only)
    assert [found.status_of(row) for row in rows] == ["failed" if v < 0.4 else "passed" for v in values]
    others = set(range(18)) - set(rows.tolist())
    assert {found.status_of(row) for row in others} == {"passed"}


def test_unmeasured_images_are_marked(run):
    """The image whose region is lost is unmeasured for the rule that needs it."""
    unmeasured = run.verdict.findings[4]
    found = breaches(PerImage(run.profile), replace(run.verdict, findings=(unmeasured,)))
    assert found.status_of(1) == "unmeasured"


def test_the_sample_is_the_same_every_time_and_bounded(make_run):
    """A seed fixes the choice; each class has its share of right and wrong predictions."""
    run = make_run(400, pictures=False)
    found = breaches(PerImage(run.profile), run.verdict)
    rows = choose_rows(run.profile, run.verdict, found)
    assert rows == choose_rows(run.profile, run.verdict, found)
    assert rows != choose_rows(run.profile, run.verdict, found, seed=1)
    assert len(rows) <= LIMIT
    for name in run.profile.classes:
        for right in (True, False):
            images = (run.profile.images[row] for row in rows)
            count = sum(image.class_name == name and image.correct is right for image in images)
            assert PER_CELL <= count <= PER_CELL + 3 * len(run.verdict.findings)
    named = {image for finding in run.verdict.findings for image in finding.worst}
    assert named <= {run.profile.images[row].image for row in rows}


def test_a_thousand_classes_stay_within_the_limit(make_run):
    """However many classes, the number of images is bounded."""
    run = make_run(700, pictures=False)
    images = tuple(replace(image, class_name=f"class {row}") for row, image in enumerate(run.profile.images))
    profile = replace(run.profile, images=images)
    rows = choose_rows(profile, run.verdict, breaches(PerImage(profile), run.verdict))
    assert len(rows) == LIMIT
    assert len(np.unique(rows)) == LIMIT


def test_methods_whose_names_differ_in_signs_have_folders_of_their_own(run):
    """`a:b` and `a.b` would be one folder; each gets its own."""
    from explain_gate.publishing.pictures.gallery import slugs_of

    slugs = slugs_of(["shop.models:cam", "shop_models_cam", "../x"])
    assert len(set(slugs.values())) == 3
    assert all("/" not in slug and "." not in slug for slug in slugs.values())
