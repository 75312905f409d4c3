"""One small file a decision: whole or not there, merged by git, and nothing in it that nobody decided."""

import json
import subprocess

import pytest
from made_up_maps import blob

from explain_gate.decisions.files import (
    file_name,
    read_decisions,
    remove_decision,
    reviewer_of,
    take_decisions,
    text_of,
    write_decision,
)
from explain_gate.errors import DataError, OptionError


def test_what_is_written_is_read(tmp_path, decide):
    """Oldest first, by the moment and not by the text of the time."""
    later = decide(at="2027-01-31T08:45:00+00:00", image="Käfer 7.png", note="an „Umlaut“, \n and a line")
    earlier = decide(at="2027-01-31T09:30:00+01:00")
    for one in (later, earlier):
        write_decision(one, tmp_path / "reviews")
    assert read_decisions(tmp_path / "reviews") == (earlier, later)
    assert read_decisions(tmp_path / "none") == ()


def test_a_decision_about_the_same_map_takes_the_place_of_the_last(tmp_path, decide):
    """And another reviewer's, another map's or another annotation's does not."""
    write_decision(decide(), tmp_path)
    write_decision(decide("not plausible"), tmp_path)
    assert [one.opinion for one in read_decisions(tmp_path)] == ["not plausible"]
    others = (decide(reviewer="ben"), decide(kept=blob(y=20)), decide(annotation_digest="2" * 64), decide(method="ig"))
    for one in others:
        write_decision(one, tmp_path)
    assert len(read_decisions(tmp_path)) == 5
    remove_decision(decide(), tmp_path)
    assert decide("not plausible") not in read_decisions(tmp_path)


def test_only_decisions_are_left_in_the_folder(tmp_path, decide):
    """No draft stays, and what people put beside them is theirs."""
    (tmp_path / "README.md").write_text("who reviews what")
    (tmp_path / ".gitkeep").touch()
    path = write_decision(decide(), tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted([".gitkeep", "README.md", path.name])
    assert len(read_decisions(tmp_path)) == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"opinion": "fine"}, "opinion"),
        ({"at": "2027-01-31T09:30:00"}, "must say its zone"),
        ({"map_digest": "abc"}, "map_digest"),
        ({"sketch": "2x2:AAAA"}, "sketch"),
        ({"weight": 3}, "weight"),
        ({"note": "x" * 2001}, "note"),
        ({"reviewer": "../anna"}, "reviewer"),
        ({"image": "dog.png"}, "must be called dog.png--"),
    ],
)
def test_a_file_that_was_edited_into_something_else_is_named(tmp_path, decide, change, told):
    """With what is wrong in it."""
    path = write_decision(decide(), tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(DataError, match=told) as caught:
        read_decisions(tmp_path)
    assert str(path) in str(caught.value)


def test_every_foreign_file_is_named(tmp_path, decide):
    """Damaged, of another program, a folder, or far too large."""
    write_decision(decide(), tmp_path)
    (tmp_path / "half.json").write_text(text_of(decide())[:50])
    (tmp_path / "notes.txt").write_text("remember the dogs")
    (tmp_path / "large.json").write_text(" " * 40_000)
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError) as caught:
        read_decisions(tmp_path)
    assert all(name in str(caught.value) for name in ("half.json", "notes.txt", "large.json", "folder"))


@pytest.mark.parametrize("image", ["../../etc/passwd", "a/b c:d*.png", ".hidden", "x" * 300, "ü"])
def test_no_name_of_an_image_leads_out_of_the_folder(tmp_path, decide, image):
    """Nor is it too long for a file system, nor hidden."""
    path = write_decision(decide(image=image), tmp_path / "reviews")
    assert path.resolve().parent == (tmp_path / "reviews").resolve()
    assert len(path.name) < 200
    assert [one.image for one in read_decisions(tmp_path / "reviews")] == [image]


def test_reviewers_are_names_that_files_can_have():
    """In small letters, as some file systems know no others."""
    assert reviewer_of(" Anna.Lee@shop.com ") == "anna.lee@shop.com"
    for name in ("", "a/b", "..", "Anna Lee", "ä", "x" * 41):
        with pytest.raises(OptionError, match="must be 1 to 40"):
            reviewer_of(name)


def test_two_branches_that_are_reviewed_at_once_merge(tmp_path, decide):
    """Two people about the same images, and one person about others: git has nothing to ask."""

    def git(*arguments):
        identity = ("-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", *identity, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def commit(*decisions):
        for one in decisions:
            write_decision(one, tmp_path / "reviews")
        git("add", "-A")
        git("commit", "-qm", "reviewed")

    git("init", "-q", "-b", "main")
    commit(decide(image="first.png"))
    git("checkout", "-qb", "ben")
    commit(decide(reviewer="ben", image="first.png"), decide(reviewer="ben"), decide(image="other.png"))
    git("checkout", "-q", "main")
    commit(decide(), decide("label wrong", image="third.png"))
    git("merge", "-q", "--no-edit", "ben")
    assert len(read_decisions(tmp_path / "reviews")) == 6


def saved(path, *decisions):
    """What a page without a server saves."""
    path.write_text(json.dumps({"decisions": [json.loads(text_of(one)) for one in decisions]}))
    return path


def test_what_a_page_saved_is_taken_into_files(tmp_path, decide):
    """Twice is once; what its reviewer has decided since stays; others are left alone."""
    old, new = decide(), decide("not plausible", at="2027-02-01T00:00:00+00:00")
    other = decide("unsure", image="other.png")
    write_decision(decide(reviewer="ben"), tmp_path / "reviews")
    assert take_decisions(saved(tmp_path / "a.json", old, other), tmp_path / "reviews") == (2, 2)
    assert take_decisions(tmp_path / "a.json", tmp_path / "reviews") == (0, 2)
    assert take_decisions(saved(tmp_path / "b.json", new), tmp_path / "reviews") == (1, 1)
    assert take_decisions(tmp_path / "a.json", tmp_path / "reviews") == (0, 2)
    assert {one.opinion for one in read_decisions(tmp_path / "reviews")} == {"plausible", "not plausible", "unsure"}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"decisions": [{}]}', '{"decisions": 3}', '{"more": []}', "\xff"])
def test_a_saved_file_is_taken_whole_or_not(tmp_path, text):
    """And named."""
    (tmp_path / "a.json").write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match=r"a\.json: is no file of a saved review"):
        take_decisions(tmp_path / "a.json", tmp_path / "reviews")
    with pytest.raises(DataError, match=r"none\.json: cannot be read"):
        take_decisions(tmp_path / "none.json", tmp_path / "reviews")
    assert not (tmp_path / "reviews").exists()


def test_the_name_tells_what_it_is_about(decide):
    """A merge request shows it."""
    assert file_name(decide()).startswith("cat_000.png--grad_cam--")
    assert file_name(decide()).endswith("--anna.json")
