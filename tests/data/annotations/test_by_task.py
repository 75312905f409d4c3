"""What is drawn, as a task needs it: empty pictures become a class, annotated values two sides of their mean."""

import pytest

from explain_gate.config import GateFile
from explain_gate.data.annotations.annotated import Annotated
from explain_gate.data.annotations.by_task import NOTHING, for_task
from explain_gate.data.regions import Drawn
from explain_gate.errors import DataError


def drawn(name, class_name, value=None):
    return Drawn(file_name=name, class_name=class_name, shapes=(), value=value)


def sections(task, **data):
    return GateFile.model_validate(
        {
            "version": 1,
            "model": {"source": "shop:build", "task": task},
            "data": {"images": "images", "annotations": "a.json", **data},
            "methods": {"grad_cam": {}},
            "checks": {},
        }
    )


def told(annotated, task, tmp_path, **data):
    return for_task(annotated, sections(task, **data), tmp_path / "a.json")


def classes_of(given):
    return {item.file_name: item.class_name for item in given.drawn}


def test_classification_leaves_empty_pictures_out_unless_a_class_is_theirs(tmp_path):
    """A softmax has no right answer for them."""
    annotated = Annotated(drawn=(drawn("a", "cat"), drawn("b", "none")), classes=("cat", "none"), without=("c",))
    assert classes_of(told(annotated, "classification", tmp_path)) == {"a": "cat", "b": "none"}
    with_them = told(annotated, "classification", tmp_path, background_class="none")
    assert classes_of(with_them) == {"a": "cat", "b": "none", "c": "none"}
    with pytest.raises(DataError, match="background_class is sky, which is no class"):
        told(annotated, "classification", tmp_path, background_class="sky")


def test_binary_makes_empty_pictures_the_negative_class(tmp_path):
    """With one annotated category; the positive class comes second."""
    given = told(Annotated(drawn=(drawn("a", "crack"),), classes=("crack",), without=("b",)), "binary", tmp_path)
    assert given.classes == ["no crack", "crack"]
    assert classes_of(given) == {"a": "crack", "b": "no crack"}
    assert given.nothing == "no crack"
    three = Annotated(drawn=tuple(drawn(name, name) for name in "abc"), classes=("a", "b", "c"))
    with pytest.raises(DataError, match="binary has two classes"):
        told(three, "binary", tmp_path)


def test_multilabel_gives_empty_pictures_a_class_behind_the_labels(tmp_path):
    """No label's logit moves for it."""
    annotated = Annotated(drawn=(drawn("a", "cat"), drawn("a", "dog")), classes=("cat", "dog"), without=("b",))
    given = told(annotated, "multilabel", tmp_path)
    assert given.classes == {"cat": 0, "dog": 1, NOTHING: 2}
    assert given.nothing == NOTHING


def test_regression_puts_each_picture_on_its_side_of_the_mean(tmp_path):
    """Values of 0, 10 and 50 have the mean 20."""
    items = (drawn("a", "x", 0.0), drawn("b", "x", 10.0), drawn("c", "x", 50.0))
    given = told(Annotated(drawn=items, classes=("x",)), "regression", tmp_path)
    assert classes_of(given) == {"a": "low", "b": "low", "c": "high"}
    assert given.mean == 20.0
    assert given.deviation == pytest.approx(21.602, abs=1e-3)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ((drawn("a", "x", 1.0), drawn("b", "x")), "1 of 2 have none"),
        ((drawn("a", "x", 1.0), drawn("a", "x", 2.0)), "1 pictures have two values at once"),
        ((drawn("a", "x", 1.0), drawn("b", "x", 1.0)), "all 2 pictures have one value, 1"),
    ],
)
def test_values_that_are_missing_double_or_all_alike_are_refused(items, message, tmp_path):
    """With the first names."""
    with pytest.raises(DataError, match=message):
        told(Annotated(drawn=items, classes=("x",)), "regression", tmp_path)
