"""Git LFS pointers are told from files."""

from __future__ import annotations

import pytest

from explain_gate.data.git_lfs import pointer_fault


def test_a_pointer_is_told_with_the_command_that_fetches_it(tmp_path):
    """The file's name and `git lfs pull`."""
    path = tmp_path / "v7.safetensors"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    assert str(path) in pointer_fault(path)
    assert "git lfs pull" in pointer_fault(path)


@pytest.mark.parametrize("content", [b"", b"version", b"\x89PNG\r\n", b"oid sha256:00"])
def test_other_files_are_no_pointers(tmp_path, content):
    """Nor is a file that is not there."""
    path = tmp_path / "file"
    path.write_bytes(content)
    assert pointer_fault(path) is None
    assert pointer_fault(tmp_path / "none") is None
    assert pointer_fault(tmp_path) is None
