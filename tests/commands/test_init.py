"""`explain-gate init`: a gate is written into a repository, and nothing that is there is touched."""

from __future__ import annotations

from explain_gate.commands.init import init


def test_a_new_repository_gets_a_gate_and_what_to_do_next(tmp_path):
    """Every file is named; the last line is the next step."""
    lines = []
    init(tmp_path, say=lines.append)
    assert (tmp_path / "thresholds.yaml").is_file()
    assert list((tmp_path / "checks").glob("test_*.py"))
    wrote = [line.split()[1] for line in lines if line.startswith("wrote")]
    assert all((tmp_path / path).is_file() for path in wrote)
    assert "explain-gate validate" in lines[-1]


def test_what_is_there_stays_and_is_told(tmp_path):
    """A second `init` writes nothing."""
    init(tmp_path, say=lambda _: None)
    (tmp_path / "thresholds.yaml").write_text("ours")
    lines = []
    init(tmp_path, say=lines.append)
    assert (tmp_path / "thresholds.yaml").read_text() == "ours"
    assert not any(line.startswith("wrote") for line in lines)
    assert any(line.startswith("kept") and "thresholds.yaml" in line for line in lines)


def test_reports_are_kept_out_of_a_repository_that_ignores_by_its_own_file(tmp_path):
    """Its .gitignore is its own: what is missing there is told, not written."""
    (tmp_path / ".gitignore").write_text("*.pyc\n")
    lines = []
    init(tmp_path, say=lines.append)
    assert (tmp_path / ".gitignore").read_text() == "*.pyc\n"
    (told,) = [line for line in lines if line.startswith("add to .gitignore")]
    assert "reports" in told
