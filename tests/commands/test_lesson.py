"""`explain-gate lesson` as it is typed: in the store, without one, and refused."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from explain_gate.cli import main
from explain_gate.tracking.lessons import lessons_in_file


@pytest.fixture
def config(tmp_path, write_project):
    """thresholds.yaml of the tiny project."""
    return write_project(tmp_path)


def call(*arguments):
    return CliRunner().invoke(main, ["lesson", *map(str, arguments)])


def test_without_a_store_it_goes_to_the_file(config):
    """With its date, its author and what it is about."""
    done = call("the cue is snow", "--version", "models:/t/1", "--config", config, "--no-tracking", "--image", "red_1",
                "--by", "ann")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "lessons.yaml (--no-tracking)" in done.output
    (kept,) = lessons_in_file(config.parent / "lessons.yaml")
    assert (kept.text, kept.by, kept.image, kept.rule, kept.version) == (
        "the cue is snow", "ann", "red_1", None, "models:/t/1",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("  ", "--version", "x"), "a lesson must have 1 to 2000 characters"),
        (("text", "--version", "x", "--rule", "alignment.iuo"), "--rule must be a rule of"),
    ],
)
def test_what_cannot_be_kept_is_refused(config, arguments, told):
    """Exit 4, and no file."""
    done = call(*arguments, "--config", config, "--no-tracking")
    assert done.exit_code == 4
    assert told in done.output
    assert not (config.parent / "lessons.yaml").exists()
