"""Text files in whatever encoding their tool wrote."""

from __future__ import annotations

import pytest

from explain_gate.data.annotations.text import read_json, read_text
from explain_gate.errors import DataError


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_what_says_its_encoding_is_read_without_a_word(tmp_path, encoding):
    """With a mark or as UTF-8."""
    (tmp_path / "a.json").write_bytes('{"name": "Kätzchen"}'.encode(encoding))
    assert read_json(tmp_path / "a.json") == ({"name": "Kätzchen"}, ())


def test_a_guess_is_told(tmp_path):
    """Names of classes may look wrong."""
    (tmp_path / "a.txt").write_bytes("Kätzchen".encode("cp1252"))
    text, (note,) = read_text(tmp_path / "a.txt")
    assert text == "Kätzchen"
    assert "is not UTF-8 (byte 1); read as Windows-1252" in note


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff\xfea", "begins like utf-16 and is not"),
        (b"\x89PNG\x00\xff", "not a text file"),
        (b"{", "not a readable JSON file"),
        (b"[" * 100_000, "not a readable JSON file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n", "Git LFS"),
    ],
)
def test_what_is_no_text_or_json_is_told(tmp_path, content, told):
    """With the file's name, without a traceback."""
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DataError, match=told) as caught:
        read_json(tmp_path / "a.json")
    assert str(tmp_path / "a.json") in str(caught.value)
