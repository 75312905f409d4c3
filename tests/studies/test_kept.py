"""What a killed study has left, and what another question must not go on from."""

from explain_gate.studies.kept import Kept


def test_what_was_kept_is_there_again(tmp_path):
    """To the bit, also after a line that was cut off."""
    file = tmp_path / "out" / "images.jsonl"
    Kept(file, {"seed": 1}).keep("a", [0.1, None])
    with file.open("a") as stream:
        stream.write('{"key": "b", "ans')
    again = Kept(file, {"seed": 1})
    assert again.answers == {"a": [0.1, None]}
    again.keep("b", 2)
    assert Kept(file, {"seed": 1}).answers == {"a": [0.1, None], "b": 2}


def test_another_question_begins_anew(tmp_path):
    """An answer to another seed is no answer."""
    file = tmp_path / "images.jsonl"
    Kept(file, {"seed": 1}).keep("a", 1)
    assert Kept(file, {"seed": 2}).answers == {}
    assert Kept(file, {"seed": 1}).answers == {}


def test_a_question_that_holds_tuples_is_the_same_one_again(tmp_path):
    """JSON has lists alone, and keys that are texts."""
    file = tmp_path / "images.jsonl"
    asked = {"channels": {"layer1": ((1, 2), (3, 4))}, "by": {1: 2.0}}
    Kept(file, asked).keep("a", 1)
    assert Kept(file, asked).answers == {"a": 1}
