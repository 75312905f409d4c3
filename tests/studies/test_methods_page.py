"""What a reader is told of the methods."""

import numpy as np

from explain_gate.studies.methods import study_methods
from explain_gate.studies.methods_page import render_methods, told_choice, told_methods

IOU = "alignment.iou"
PLAIN = np.random.default_rng(0).uniform(0.3, 0.5, 40)


def test_the_best_one_is_named_and_the_class_that_says_otherwise(make_profile):
    """With its mean and how many images say so."""
    better = PLAIN + np.where(np.arange(40) % 4 == 1, -0.2, 0.3)
    lines = told_methods(study_methods(make_profile({(IOU, "grad_cam"): PLAIN, (IOU, "occlusion"): better})))
    assert lines[0].startswith("occlusion is best aligned by alignment.iou: ")
    assert lines[0].endswith("over 40 images.")


def test_ties_are_said(make_profile):
    """In words and in the table."""
    record = study_methods(make_profile({(IOU, "a"): PLAIN, (IOU, "b"): PLAIN}))
    assert told_methods(record) == [
        "By alignment.iou no method is best aligned beyond chance: all 2 tie over 40 images."
    ]
    page = render_methods(record)
    assert "alignment.iou: all images" in page
    assert "<td>tie</td>" in page


def test_a_class_with_another_best_is_told(make_profile):
    """Where the method of all images is not even tied for the class."""
    other = PLAIN + np.where(np.arange(40) % 4 == 1, -0.2, 0.3)
    profile = make_profile({(IOU, "a"): PLAIN, (IOU, "b"): other}, classes=("w", "x", "y", "z"))
    assert "Not so for x (a)." in told_methods(study_methods(profile))


def test_what_to_write_is_said(make_profile):
    """Only where one is most faithful, and with what it asks for."""
    auc = "faithfulness.deletion_auc"
    lines = told_choice(study_methods(make_profile({(auc, "a"): PLAIN - 0.1, (auc, "b"): PLAIN})))
    assert "methods: [a]." in lines[0]
    assert "calibrate" in lines[1]
    tied = told_choice(study_methods(make_profile({(auc, "a"): PLAIN, (auc, "b"): PLAIN})))
    assert "methods: [a], or one of b, which tie." in tied[0]
    assert told_choice(study_methods(make_profile({(IOU, "a"): PLAIN, (IOU, "b"): PLAIN})))[0].startswith(
        "To choose: none"
    )
