"""The command line on terminals of every kind: narrow, without letters or colours, none at all; help, completion."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import found_projects
import projects
import pytest
from click.testing import CliRunner

from explain_gate.cli import main
from explain_gate.commands.edge import GROUPS

COLOUR = re.compile(rb"\x1b\[(?!0?m)[\d;]*m")


def command(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "explain_gate", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        timeout=120,
        check=False,
    )


def test_the_package_is_a_command_of_python(tmp_path):
    """For machines on which its script is not on the path; it calls itself by its own name."""
    done = command(tmp_path, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(b"Usage: explain-gate [OPTIONS] COMMAND")
    assert command(tmp_path, "runn").returncode == 4


def test_help_has_every_command_once_in_its_group_with_a_whole_sentence():
    """Nothing is cut off, and examples follow."""
    text = CliRunner().invoke(main, ["--help"], terminal_width=100).output
    for name in main.commands:
        assert len(re.findall(rf"^  {name}  ", text, re.MULTILINE)) == 1, name
        assert any(name in names for names in GROUPS.values()), f"{name} is in no group"
    assert "..." not in text.partition("\n")[2].partition("Examples:")[0]
    assert "explain-gate run --quick" in text.partition("Examples:")[2]


@pytest.mark.parametrize("name", [None, *sorted(main.commands)])
def test_help_fits_a_narrow_terminal_and_one_without_letters(name):
    """Forty columns, ASCII; only what must stay one word is wider."""
    text = CliRunner().invoke(main, [*([name] if name else []), "--help"], terminal_width=40).output
    assert text.isascii()
    prose = text.partition("Examples:" if name is None else "Options:")[0]
    assert [line for line in prose.splitlines() if len(line) > 40 and len(line.split()) > 3] == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("validat",), "Did you mean validate?"),
        (("calibrat",), "Did you mean calibrate?"),
        (("run", "--referense", "x"), "Did you mean one of: '--reference'"),
    ],
)
def test_a_word_that_is_nearly_right_is_told(arguments, told):
    """Commands and options."""
    assert told in CliRunner().invoke(main, list(arguments)).output


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("preprocessing:", "preprocesing:", "did you mean preprocessing?"),
        ("model: {{source", "seeds: 1\nmodel: {{source", "did you mean seed?"),
        ("images: images", "images: images\n  checkpoint: a.pt", "it belongs to model;"),
        ("grad_cam:", "gradcam:", "did you mean grad_cam?"),
        ("{{layer: window}}", "{{layers: window}}", "did you mean layer?"),
        ("iou:", "iuo:", "did you mean iou?"),
        ("alignment:", "alignement:", "did you mean alignment?"),
        ("    accuracy:", "    iou:", "did you mean alignment.iou?"),
        ("per_class: true", "per_class: true, statistic: medain", "did you mean median?"),
        ("layer: window", "layer: windw", "it has window"),
    ],
)
def test_a_name_in_the_file_that_is_nearly_right_is_told(tmp_path, monkeypatch, right, wrong, told):
    """Keys, families, metrics, methods, their options, values, layers."""
    assert right in projects.THRESHOLDS
    config = projects.write_project(tmp_path, thresholds=projects.THRESHOLDS.replace(right, wrong, 1))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "tinymodel", raising=False)
    done = CliRunner().invoke(main, ["validate", "--config", str(config)])
    assert done.exit_code == 4
    assert told in done.output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(tmp_path, shell):
    """As docs/command-line.md says."""
    name = {"_EXPLAIN_GATE_COMPLETE": f"{shell}_source"}
    done = command(tmp_path, **name)
    assert b"_EXPLAIN_GATE_COMPLETE" in done.stdout
    words = {"COMP_WORDS": "explain-gate va", "COMP_CWORD": "va" if shell == "fish" else "1"}
    done = command(tmp_path, _EXPLAIN_GATE_COMPLETE=f"{shell}_complete", **words)
    assert b"validate" in done.stdout


@pytest.mark.parametrize(("encoding", "written"), [("latin-1", rb"\u732b"), ("utf-8", "\u732b".encode())])
def test_names_that_a_terminal_has_no_letters_for_end_no_command(tmp_path, encoding, written):
    """They are written by number."""
    folder = tmp_path / "\u732b"
    folder.mkdir()
    done = command(folder, "init", "--yes", PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert b"model.name: " + written in done.stdout
    assert "name: \u732b" in (folder / "thresholds.yaml").read_text(encoding="utf-8")


def on_terminal(folder: Path, *arguments: str, typed: bytes = b"", **environment: str) -> tuple[int, bytes]:
    """Runs a command on a terminal of its own; returns the exit code and all that it wrote there."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "explain_gate", *arguments],
        cwd=folder,
        env={**os.environ, "TERM": "xterm", **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        os.write(ours, typed)
        text = b""
        with contextlib.suppress(OSError):  # the other side is closed: the process has ended
            while more := os.read(ours, 65536):
                text += more
    os.close(ours)
    return process.returncode, text


def test_init_asks_on_a_terminal_which_of_several_is_meant(tmp_path):
    """A number that is not on the list is asked again; the pictures follow the annotations."""
    for split in ("test", "train"):
        found_projects.write_coco(tmp_path / f"{split}.json", found_projects.draw(tmp_path / split, count=2))
    code, text = on_terminal(tmp_path, "init", typed=b"7\n2\n")
    assert code == 0, text
    assert b"data.annotations: which set is to be gated?" in text
    assert b"1. test.json (COCO, 4 samples)" in text
    written = (tmp_path / "thresholds.yaml").read_text(encoding="utf-8")
    assert "images: train\n" in written
    assert "annotations: train.json\n" in written


@pytest.mark.slow
def test_a_run_on_a_terminal_that_wants_no_colour(tmp_path):
    """NO_COLOR, forty columns, ASCII alone: the verdict and where the report lies, and no colour."""
    projects.write_project(tmp_path)
    narrow = {"COLUMNS": "40", "LINES": "24", "PYTHONIOENCODING": "ascii", "NO_COLOR": "1"}
    code, text = on_terminal(tmp_path, "run", "--no-tracking", "--output", "out", **narrow)
    assert code == 0, text
    assert text.isascii()
    assert not COLOUR.search(text), COLOUR.search(text)
    assert b"index.html" in text.replace(b"\r\n", b"")
