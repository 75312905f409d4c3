"""A file is what it holds, wherever it lies."""

from __future__ import annotations

from explain_gate.measuring.remembering.digests import digest, file_digest, files_in


def test_values_are_told_apart_by_what_they_are_and_not_by_their_order():
    """Keys of a mapping have none."""
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest([1, 2]) != digest([2, 1])


def test_a_file_is_its_bytes(tmp_path):
    """Neither its name nor its time counts."""
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(b"same")
    assert file_digest(tmp_path / "one") == file_digest(tmp_path / "two")


def test_files_count_by_content(tmp_path):
    """In folders of folders too; a place that is no name of a file is a text."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "one.txt").write_text("1")
    before = files_in({"reference": "a", "other": ["."], "n": 0.5}, tmp_path)
    assert before["other"] == ["."]
    (tmp_path / "a" / "b" / "one.txt").write_text("2")
    assert files_in({"reference": "a", "other": ["."], "n": 0.5}, tmp_path) != before
