"""The page shows each list with pictures, without scripts, and tells what it lacks."""

import shutil

from label_projects import COPY, SHIFTED
from made_up import Page

from explain_gate.labels.audit import Asked, audit
from explain_gate.labels.page import render_audit, told_audit
from explain_gate.labels.runs import open_runs
from explain_gate.measuring.progress import Silent
from explain_gate.profile.profile import load_profile
from explain_gate.profile.withheld import withhold_pictures


def page_of(project, folder):
    """Record and page of an audit."""
    data = project.data
    runs = open_runs(project.versions, data)
    record = audit(Asked(config=project.config, data=data, runs=runs), folder, Silent())
    return record, render_audit(record, runs, folder)


def test_pictures_regions_and_reasons_are_shown(project, tmp_path):
    """Every picture is a file beside the page; a shifted region is drawn twice."""
    record, text = page_of(project, tmp_path / "out")
    page = Page(text)
    sources = {attributes["src"] for attributes in page.all("img")}
    assert all((tmp_path / "out" / source).is_file() for source in sources)
    moved = [one for one in page.all("path") if "moved" in one["class"]]
    assert len(moved) == 2 * len(SHIFTED)
    assert all(one["transform"].startswith("translate(-28.0 -2") for one in moved)
    assert "% up and 44 % left it would hold" in page.text
    assert "copy.png is dog, pic_06.png is cat" in page.text
    assert "No annotation was changed." in page.text
    assert "<script" not in text
    assert 'style="' not in text
    told = told_audit(record)
    assert told[0].startswith("The label may be wrong: 3 of 17, first ")
    assert told[4].startswith("Among the training pictures: not asked, data.training")


def test_withheld_pictures_are_not_shown(project, tmp_path):
    """Names and reasons stay."""
    for folder in project.versions:
        withhold_pictures(load_profile(folder), folder)
    _, text = page_of(project, tmp_path / "out")
    page = Page(text)
    assert page.all("img") == []
    assert not (tmp_path / "out" / "pictures").exists()
    assert "no picture" in page.text
    assert COPY in page.text


def test_names_are_escaped(project, tmp_path):
    """A file may be called anything."""
    images = project.folder / "images"
    name = "<b>&amp; x.png"
    shutil.move(images / COPY, images / name)
    path = project.folder / "annotations.coco.json"
    path.write_text(path.read_text(encoding="utf-8").replace(COPY, name), encoding="utf-8")
    project.truth[name] = project.truth.pop(COPY)
    from label_projects import write_version

    for number, folder in enumerate(project.versions):
        shutil.rmtree(folder)
        write_version(project, folder, seed=number)
    _, text = page_of(project, tmp_path / "out")
    assert "<b>" not in text
    assert name in Page(text).text
