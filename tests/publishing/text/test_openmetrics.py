"""metrics.txt is OpenMetrics that a parser accepts, one series per rule."""

from dataclasses import replace
from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from explain_gate.publishing.text.openmetrics import verdict_to_openmetrics

GOLDEN = Path(__file__).with_name("golden") / "metrics.txt"


def samples(verdict):
    """Every sample by metric and labels."""
    families = list(text_string_to_metric_families(verdict_to_openmetrics(verdict)))
    assert all(family.type == "gauge" for family in families)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def test_metrics_are_as_recorded(run):
    """The text for the made-up run equals the golden file."""
    assert verdict_to_openmetrics(run.verdict) == GOLDEN.read_text(encoding="utf-8")


def test_every_value_is_one_sample_with_its_labels(run):
    """Values, changes and outcomes come back as they were; a rule without a value has no sample."""
    found = samples(run.verdict)
    finding = run.verdict.findings[2]
    labels = {"check": "alignment.iou", "method": "grad_cam", "class": finding.class_name, "statistic": "mean"}
    key = tuple(sorted(labels.items()))
    assert found["explain_gate_value", key] == finding.value
    assert found["explain_gate_rule_held", key] == 0
    assert sum(name == "explain_gate_value" for name, _ in found) == len(run.verdict.findings) - 1
    assert sum(name == "explain_gate_change" for name, _ in found) == 1
    assert found["explain_gate_rules", (("status", "failed"),)] == 2


def test_an_inconclusive_rule_is_counted_as_such(run):
    """It is neither held nor told apart from a broken one by that alone: it has a sample and a total of its own."""
    unsure = replace(run.verdict.findings[1], status="inconclusive", cause="undecided")
    found = samples(replace(run.verdict, findings=(unsure,)))
    assert found["explain_gate_rules", (("status", "inconclusive"),)] == 1
    assert [value for (name, _), value in found.items() if name == "explain_gate_rule_inconclusive"] == [1]


def test_a_run_without_findings_is_valid(crashed):
    """Nothing measured still gives totals and the end mark."""
    assert samples(crashed)["explain_gate_rules", (("status", "missing"),)] == 2


def test_names_cannot_break_the_format(run):
    """Quotes, backslashes and line feeds in a class are escaped."""
    nasty = 'a"b\\c\nd{e="f"} 1'
    finding = replace(run.verdict.findings[2], class_name=nasty)
    found = samples(replace(run.verdict, findings=(finding,)))
    assert nasty in {value for _, labels in found for name, value in labels if name == "class"}
