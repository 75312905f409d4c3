"""An answer is a file before anybody hears of it; undo, resume and two people at once follow from the files."""

import threading

import pytest

from explain_gate.decisions.files import LONGEST_NOTE, read_decisions
from explain_gate.errors import DataError, OptionError
from explain_gate.reviewing.desk import OPINIONS, now, reviewed


def opinions(desk):
    """What is decided, question by question."""
    return [one["opinion"] for one in desk.standings()]


def test_an_answer_is_on_disk_when_it_is_returned(desk):
    """About the picture, annotation, map and weights of the question."""
    changed = dict(desk.decide(0, "not plausible", "  it looks at the lamp "))
    (kept,) = read_decisions(desk.folder)
    question, image = desk.questions[0], desk.profile.images[desk.questions[0].row]
    assert (kept.opinion, kept.note, kept.reviewer) == ("not plausible", "it looks at the lamp", "anna")
    assert (kept.image, kept.method) == (image.image, question.method)
    assert (kept.image_digest, kept.version) == (image.digest, desk.profile.manifest["model"]["digest"])
    assert changed[0]["opinion"] == "not plausible"


def test_another_desk_goes_on_where_the_first_was(run, sit, desk):
    """The files are all that it needs."""
    for number, opinion in enumerate(("plausible", "unsure", "not plausible")):
        desk.decide(number, opinion, "")
    again = sit(run)
    assert opinions(again)[:4] == ["plausible", "unsure", "not plausible", None]
    assert again.counted() == (3, len(again.questions))
    assert reviewed(again) == f"3 of {len(again.questions)} maps judged by anna"


def test_undo_takes_back_one_answer_after_the_other(desk):
    """What stood there before comes back; nothing is left to undo at the end."""
    desk.decide(0, "plausible", "first")
    desk.decide(0, "not plausible", "second")
    desk.decide(1, "unsure", "")
    assert desk.undo()[0] == 1
    number, changed = desk.undo()
    assert (number, dict(changed)[0]["opinion"], dict(changed)[0]["note"]) == (0, "plausible", "first")
    desk.undo()
    assert desk.undo() is None
    assert read_decisions(desk.folder) == ()


def test_others_are_seen_only_by_who_has_answered(run, sit, desk):
    """So that two people say what they think, and their agreement means something."""
    other = sit(run, "ben")
    other.decide(0, "not plausible", "")
    assert desk.standings()[0] == {"opinion": None, "note": "", "others": 1, "said": {}, "settled": False}
    desk.decide(0, "plausible", "")
    assert desk.standings()[0]["said"] == {"ben": "not plausible"}


def test_two_people_at_once_lose_nothing(run, sit):
    """Every answer of both is on disk, and none is the other's."""
    desks = [sit(run, name) for name in ("anna", "ben")]

    def work(desk, opinion):
        for number in range(len(desk.questions)):
            desk.decide(number, opinion, "")

    threads = [threading.Thread(target=work, args=pair) for pair in zip(desks, ("plausible", "unsure"), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opinions(desks[0]) == ["plausible"] * len(desks[0].questions)
    assert opinions(desks[1]) == ["unsure"] * len(desks[1].questions)
    assert len(read_decisions(desks[0].folder)) == 2 * len(desks[0].questions)


def test_a_wrong_label_settles_every_map_of_its_image(desk):
    """Nobody is asked whether another method's map of it is plausible."""
    rows = [question.row for question in desk.questions]
    row = next(row for row in rows if rows.count(row) > 1)
    numbers = [number for number, one in enumerate(rows) if one == row]
    changed = dict(desk.decide(numbers[0], "label wrong", ""))
    assert {number: one["settled"] for number, one in changed.items()} == dict.fromkeys(numbers, True)
    assert changed[numbers[1]]["opinion"] is None


def test_what_cannot_be_kept_is_refused_and_nothing_is_written(desk):
    """An opinion that there is not, a note without end."""
    with pytest.raises(OptionError, match="must be one of"):
        desk.decide(0, "fine", "")
    with pytest.raises(OptionError, match="at most"):
        desk.decide(0, "plausible", "x" * (LONGEST_NOTE + 1))
    assert not desk.folder.exists()


def test_a_foreign_file_is_told_and_not_written_over(desk):
    """Until somebody removes it."""
    desk.folder.mkdir()
    (desk.folder / "stray.txt").write_text("mine")
    with pytest.raises(DataError, match=r"stray\.txt"):
        desk.decide(0, "plausible", "")
    assert [path.name for path in desk.folder.iterdir()] == ["stray.txt"]


def test_a_folder_that_cannot_be_written_is_an_error(run, sit, tmp_path):
    """A decision that is not kept is never told to be."""
    (tmp_path / "file").write_text("")
    desk = sit(run, folder=tmp_path / "file" / "reviews")
    with pytest.raises(OptionError, match="cannot be written"):
        desk.decide(0, "plausible", "")


def test_a_secret_in_a_note_is_not_kept(desk):
    """Reviews are committed."""
    desk.decide(0, "plausible", "see http://anna:hunter22secret@host/x")
    assert "hunter22secret" not in read_decisions(desk.folder)[0].note


def test_the_questions_are_described_as_they_are(desk):
    """Names that bite are data."""
    described = desk.described()
    assert described["opinions"] == list(OPINIONS)
    assert described["methods"] == ["grad_cam", "integrated_gradients"]
    assert "blue against" in described["legends"][1] != described["legends"][0]
    assert described["questions"][0]["image"] == desk.profile.images[desk.questions[0].row].image
    assert {'<script>alert("Bengal")</script>'} <= {one["class"] for one in described["questions"]}
    assert now()[-6] in "+-"
