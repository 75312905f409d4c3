"""`explain-gate init`: a gate is written into a repository, and nothing that is there is touched."""

from __future__ import annotations

import found_projects as projects
from click.testing import CliRunner

from explain_gate.cli import main
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


def test_what_is_guessed_and_what_is_left_is_told(tmp_path):
    """Each guess with where it comes from, each place to fill in with why; whether anything is left is returned."""
    projects.write_coco(tmp_path / "val.json", projects.draw(tmp_path / "images"))
    lines = []
    assert init(tmp_path, say=lines.append) is False
    assert any(line.startswith("guess  data.annotations: val.json   (it reads as COCO: 12 samples") for line in lines)
    assert any(line.startswith("left   model.checkpoint: FILL IN   (no file of weights") for line in lines)
    assert "data   12 samples: dog 6, cat 6" in lines
    written = (tmp_path / "thresholds.yaml").read_text()
    assert "annotations: val.json" in written
    assert init(tmp_path, say=lines.append) is False


def test_a_first_run_in_one_go(tmp_path, monkeypatch):
    """`--run` validates and starts `run --quick` where nothing is left, and says so where something is."""
    import explain_gate.commands.init as module

    asked = []
    monkeypatch.setattr(
        "explain_gate.commands.validate.validate", lambda options: asked.append(options.config) or ["fits"]
    )
    monkeypatch.setattr("explain_gate.commands.run.launch", lambda given, **_: asked.append(given) or 0)
    left = CliRunner().invoke(main, ["init", str(tmp_path), "--run"])
    assert (left.exit_code, asked) == (4, [])
    assert "fill in what is left first" in left.output
    monkeypatch.setattr(module, "init", lambda *_, **__: True)
    done = CliRunner().invoke(main, ["init", str(tmp_path), "--run"])
    config = str(tmp_path / "thresholds.yaml")
    assert (done.exit_code, asked) == (0, [config, {"config": config, "quick": True}])
