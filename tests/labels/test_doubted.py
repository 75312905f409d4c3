"""Planted label faults are found; thresholds are means by hand."""

from dataclasses import replace

import numpy as np
import pytest
from label_projects import COPY, FLIPPED, write_version

from explain_gate.labels.doubted import doubted, thresholds
from explain_gate.labels.runs import open_runs


def test_thresholds_are_means_of_the_class(project):
    """Northcutt 2021, equation 2; over what was not trained on, where a class has enough of it."""
    said = np.array([[[0.9, 0.1], [0.5, 0.5], [0.2, 0.8], [np.nan, np.nan]]])
    given = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=bool)
    np.testing.assert_allclose(thresholds(said, given, np.zeros(4, dtype=bool)), [[0.7, 0.8]])
    many = np.concatenate([np.full((1, 5, 2), 0.6), np.full((1, 5, 2), 1.0)], axis=1)
    cuts = thresholds(many, np.ones((10, 2), dtype=bool), np.arange(10) < 5)
    np.testing.assert_allclose(cuts, [[0.6, 0.6]])


def test_flipped_labels_are_the_list(project):
    """And a copy under another label; each with the class that the versions say."""
    runs = project.runs
    listed = doubted(runs, ["unknown"] * len(runs.images))
    assert {one.image for one in listed.suspects} == {*FLIPPED, COPY}
    for one in listed.suspects:
        truth = ("cat", "dog")[project.truth[one.image][0]]
        assert one.suggested == truth != one.class_name
        assert one.number < -0.5
        assert one.why.startswith(f"3 of 3 versions say something else, most of them {truth}")
    assert [one.number for one in listed.suspects] == sorted(one.number for one in listed.suspects)
    assert "not known" in listed.note


def test_one_version_of_three_is_no_doubt(project):
    """Half of the versions must say something else."""
    labels = {name: (1 - label, place) for name, (label, place) in project.truth.items()}
    write_version(replace(project, truth=labels), project.folder / "v0", seed=0)
    runs = project.runs
    listed = doubted(runs, ["no"] * len(runs.images))
    assert {one.image for one in listed.suspects} == {*FLIPPED, COPY}
    assert all(one.why.startswith("2 of 3") for one in listed.suspects)
    assert listed.note.startswith("None of the pictures is among those of training")


def test_tasks_without_probabilities_are_not_asked(project):
    """By name, and runs of earlier versions likewise."""
    write_version(project, project.folder / "w1", seed=1, task="regression")
    listed = doubted(open_runs([project.folder / "w1"], project.data), ["no"] * 17)
    assert (
        listed.unasked == "model.task regression gives no probability of a label; classification, binary, multilabel do"
    )
    write_version(project, project.folder / "w2", seed=1, strengths=False)
    listed = doubted(open_runs([project.folder / "w2"], project.data), ["no"] * 17)
    assert "run it again" in listed.unasked


@pytest.mark.parametrize("seen", ["yes", "no"])
def test_what_was_trained_on_is_told(project, seen):
    """In the note and on each line."""
    runs = project.runs
    listed = doubted(runs, [seen] * len(runs.images))
    assert {one.seen for one in listed.suspects} == {seen}
    assert ("remember with its wrong label" in listed.note) == (seen == "yes")


def test_several_labels_are_a_question_each(project):
    """A label that is not there, and one that is missing, of the same picture."""
    write_version(project, project.folder / "w", seed=1, task="multilabel")
    runs = open_runs([project.folder / "w"], project.data)
    listed = doubted(runs, ["unknown"] * 17)
    asked = {(one.image, one.suggested) for one in listed.suspects}
    expected = set()
    for name in (*FLIPPED, COPY):
        true = project.truth[name][0]
        expected |= {(name, f"with {('cat', 'dog')[true]}"), (name, f"without {('cat', 'dog')[1 - true]}")}
    assert asked == expected
