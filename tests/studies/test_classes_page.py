"""What a reader is told of the pictures of classes."""

import pytest
from browsers import browser
from projects import write_project

from explain_gate.config import load_config
from explain_gate.measuring.job import open_job
from explain_gate.measuring.progress import Silent
from explain_gate.studies.classes import ClassesRecord, Sheet, study_classes
from explain_gate.studies.classes_page import render_classes, told_classes

__all__ = ["browser"]


def sheet(objects, backgrounds):
    """One class with these likenesses."""
    scores = ((9.0, 0.99), (8.0, 1.0))
    return Sheet(class_name="a<b", logit="l.png", softmax="s.png", scores=scores, like_objects=objects,
                 like_backgrounds=backgrounds, images=7)  # fmt: skip


@pytest.mark.parametrize(
    ("likeness", "told"),
    [
        ((0.8, 0.1), "its picture is more like its objects alone"),
        ((0.1, 0.8), "its picture is more like its backgrounds alone"),
        ((None, None), "no regions to compare its picture with"),
    ],
)
def test_what_a_picture_is_like_is_said(likeness, told):
    """And a name is no markup."""
    record = ClassesRecord(model="m", model_digest="ab" * 32, seed=0, steps=1, sheets=(sheet(*likeness),))
    assert told in told_classes(record)[0]
    assert "a<b" not in render_classes(record)


def test_the_page_shows_its_pictures_from_disk(tmp_path, browser):
    """Nothing is refused by its policy."""
    job = open_job(load_config(write_project(tmp_path / "p")))
    record = study_classes(job, tmp_path / "out", steps=3, progress=Silent())
    file = tmp_path / "out" / "index.html"
    file.write_text(render_classes(record), encoding="utf-8")
    page, told = browser.new_page(), []
    page.on("console", lambda message: told.append(message.text))
    page.goto(file.as_uri())
    assert page.evaluate("[...document.images].map(one => one.naturalWidth)") == [32] * 4
    assert told == []
    page.close()
