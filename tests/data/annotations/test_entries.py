"""From what is drawn to samples: one a class of an image, one an object where the task wants it."""

from __future__ import annotations

from pathlib import Path

import pytest

from explain_gate.data.annotations.entries import classes_of, entries_of
from explain_gate.data.annotations.names import Names
from explain_gate.data.regions import Drawn, Shape
from explain_gate.errors import DataError

BOX, OTHER = Shape(box=(2, 3, 8, 7)), Shape(box=(9, 3, 12, 7))
CLASSES = {"cat": 0, "dog": 1}
SOURCE = Path("a.json")


def drawn(class_name: str, *shapes: Shape, name: str = "a.png", **more) -> Drawn:
    """Shapes of one class on one image."""
    return Drawn(**{"file_name": name, "class_name": class_name, "shapes": shapes, "size": None, **more})


def entries(images, *items: Drawn, per_object: bool = False):
    """The samples that these make."""
    return entries_of(items, CLASSES, Names(images), SOURCE, per_object=per_object)


def test_an_image_of_two_classes_is_two_samples_that_accept_both(images):
    """Each asks for the map of its own class; a prediction of any class on the image is right."""
    made = entries(images, drawn("dog", OTHER), drawn("cat", BOX))
    assert [(one.image, one.label, one.accepted) for one in made] == [
        ("a.png#cat", 0, (0, 1)),
        ("a.png#dog", 1, (0, 1)),
    ]
    assert [one.shapes for one in made] == [(BOX,), (OTHER,)]


def test_objects_of_one_class_are_one_region_or_a_sample_each(images):
    """As the task's sample is an image or an object."""
    items = (drawn("cat", BOX), drawn("cat", OTHER))
    (one,) = entries(images, *items)
    assert (one.image, one.shapes) == ("a.png", (BOX, OTHER))
    assert [each.image for each in entries(images, *items, per_object=True)] == ["a.png#cat.1", "a.png#cat.2"]


def test_what_is_ignored_is_so_for_every_class_and_no_sample(images):
    """A crowd of cats hides dogs too."""
    crowd = Shape(box=(0, 0, 2, 2), ignore=True)
    (one,) = entries(images, drawn("dog", BOX), drawn("cat", crowd))
    assert (one.class_name, one.shapes) == ("dog", (BOX, crowd))


def test_all_files_that_cannot_be_used_are_told_at_once(images):
    """Missing, of two sizes, with more shapes than a person draws."""
    with pytest.raises(DataError) as caught:
        entries(
            images,
            drawn("cat", BOX, name="gone.png"),
            drawn("cat", BOX, size=(12, 20)),
            drawn("cat", BOX, size=(20, 12)),
            drawn("cat", *[BOX] * 1001, name="b.jpg"),
        )
    for told in (
        "3 image files cannot be used",
        "gone.png",
        "annotated as 20 x 12 and 12 x 20 at once",
        "1001 annotated",
    ):
        assert told in str(caught.value)


def test_classes_are_those_of_the_file_or_of_the_annotations_in_their_order():
    """The order of the logits."""
    items = [drawn("dog", BOX), drawn("cat", BOX)]
    assert classes_of(None, ["cat", "dog"], items, SOURCE) == {"cat": 0, "dog": 1}
    assert classes_of(["dog", "cat"], ["cat", "dog"], items, SOURCE) == {"dog": 0, "cat": 1}
    assert classes_of({"dog": 7, "cat": 3}, [], items, SOURCE) == {"dog": 7, "cat": 3}
    with pytest.raises(DataError, match=r"missing in data\.classes: cat"):
        classes_of(["dog"], [], items, SOURCE)
    with pytest.raises(DataError, match="classes without an annotated image: cow"):
        classes_of(["dog", "cat", "cow"], [], items, SOURCE)
