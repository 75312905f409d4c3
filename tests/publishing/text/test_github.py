"""Annotations point at thresholds.yaml and never outgrow what GitHub shows; the summary never outgrows its cap."""

import re
from dataclasses import replace
from pathlib import Path

from explain_gate.publishing.text.github import (
    repository_path,
    verdict_to_annotations,
)

GOLDEN = Path(__file__).with_name("golden") / "annotations.txt"
COMMAND = re.compile(r"::(error|warning) ([^:]*(?:=[^:,]*,?)*)::(.*)", re.DOTALL)


def parsed(line):
    """(level, properties, message) as the runner reads a workflow command."""
    level, properties, message = COMMAND.fullmatch(line).groups()

    def plain(text):
        for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
            text = text.replace(code, character)
        return text

    return level, {k: plain(v) for k, _, v in (p.partition("=") for p in properties.split(","))}, plain(message)


def test_annotations_are_as_recorded(run):
    """The lines for the made-up run equal the golden file."""
    assert "\n".join(verdict_to_annotations(run.verdict)) + "\n" == GOLDEN.read_text(encoding="utf-8")


def test_worst_rules_come_first_and_point_at_their_line(run):
    """Failures are errors, warnings warnings; passed and waived rules say nothing."""
    found = [parsed(line) for line in verdict_to_annotations(run.verdict, file="gates/pets, new:v2/thresholds.yaml")]
    assert [level for level, _, _ in found] == ["error", "error", "error", "warning"]
    assert {properties["file"] for _, properties, _ in found} == {"gates/pets, new:v2/thresholds.yaml"}
    assert found[0][1]["line"] == "12"
    assert found[0][2] == run.verdict.findings[2].message


def test_five_thousand_failures_are_nine_and_one(big_verdict):
    """The tenth annotation counts what the others leave out."""
    lines = verdict_to_annotations(big_verdict)
    assert len(lines) == 10
    assert "4,995 more rules" in parsed(lines[-1])[2]


def test_line_breaks_percent_signs_and_delimiters_survive(run):
    """A message cannot start a command of its own."""
    nasty = "50 % off\r\n::error::gotcha, a:b"
    finding = replace(run.verdict.findings[2], class_name=nasty, message=nasty)
    (line,) = verdict_to_annotations(replace(run.verdict, findings=(finding,), planned=(finding.key,)))
    assert "\n" not in line
    assert "\r" not in line
    level, properties, message = parsed(line)
    assert (level, message) == ("error", nasty)
    assert nasty in properties["title"]


def test_a_crash_names_what_has_no_result(crashed):
    """Planned rules without a result are errors of the file; a run without any says why."""
    assert all("has no result" in line for line in verdict_to_annotations(crashed))
    (line,) = verdict_to_annotations(replace(crashed, planned=()))
    assert "worker gw1 crashed" in line


def test_a_pass_is_silent_and_an_inconclusive_change_warns(run):
    """Nothing is said of a clean pass; inconclusive is its own word."""
    passed = replace(run.verdict, verdict="passed", findings=run.verdict.findings[:2], planned=())
    assert verdict_to_annotations(passed) == []
    unsure = replace(run.verdict.findings[1], status="inconclusive", message="80 more images would decide it.")
    (line,) = verdict_to_annotations(replace(passed, findings=(unsure,)))
    assert line.startswith("::warning ")
    assert "inconclusive" in parsed(line)[1]["title"]


def test_annotations_name_files_from_the_repositorys_root(tmp_path, monkeypatch):
    """GitHub knows only paths from the checkout; a step may run in a folder below it, or the gate lie beside it."""
    gate = tmp_path / "checkout" / "gates" / "pets"
    gate.mkdir(parents=True)
    monkeypatch.chdir(gate)
    file = gate / "thresholds.yaml"
    root = str(tmp_path / "checkout")
    assert repository_path(file, root) == "gates/pets/thresholds.yaml"
    assert repository_path(Path("thresholds.yaml"), root) == "gates/pets/thresholds.yaml"
    assert repository_path(file, None) == "thresholds.yaml"
    assert repository_path(file, str(tmp_path / "elsewhere")) == "thresholds.yaml"
    assert repository_path(tmp_path / "other.yaml", root) == (tmp_path / "other.yaml").as_posix()
