"""Where a run works, and what becomes of it: whole or not at all."""

from __future__ import annotations

from types import SimpleNamespace

from explain_gate.session.destination import Destination, from_here

VERDICT = SimpleNamespace(model={"digest": "0123456789abcdef"})


def test_the_output_appears_when_it_is_whole(tmp_path):
    """Until then there is a hidden sibling, on the same disk."""
    destination = Destination(str(tmp_path / "out"))
    (destination.work / "verdict.json").write_text("{}")
    assert destination.work.parent == tmp_path
    assert not (tmp_path / "out").exists()
    path = destination.place(destination.path_for(VERDICT))
    assert path == tmp_path / "out"
    assert (path / "verdict.json").read_text() == "{}"
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".run-")] == []


def test_a_run_without_an_output_has_a_folder_of_its_own(tmp_path, monkeypatch):
    """Below reports/, called after the time and the model; two of one second do not meet."""
    monkeypatch.chdir(tmp_path)
    placed = []
    for _ in range(2):
        destination = Destination(None)
        (destination.work / "verdict.json").write_text("{}")
        placed.append(destination.place(destination.path_for(VERDICT)))
    assert len(set(placed)) == 2
    assert all(path.parent == tmp_path / "reports" and "01234567" in path.name for path in placed)
    assert "no-verdict" in Destination(None).path_for(SimpleNamespace(model={})).name


def test_what_came_to_nothing_leaves_nothing(tmp_path):
    """An earlier report stays as it is."""
    destination = Destination(str(tmp_path / "out"))
    (destination.work / "half").write_text("x")
    destination.discard()
    assert not (tmp_path / "out").exists()
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".run-")]


def test_a_link_is_followed(tmp_path):
    """What is renamed is the folder that it leads to."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert Destination(str(tmp_path / "link")).asked == tmp_path / "real"


def test_a_place_is_told_as_the_current_folder_sees_it(tmp_path, monkeypatch):
    """CI systems look for pictures from there; what lies elsewhere is told whole."""
    monkeypatch.chdir(tmp_path)
    assert from_here(tmp_path / "a" / "b") == "a/b"
    assert from_here(tmp_path.parent / "c") == str(tmp_path.parent / "c")
