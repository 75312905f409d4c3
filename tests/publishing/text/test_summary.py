"""The verdict as text: short, failures first, nothing of it taken for markup."""

import re
from dataclasses import replace

from explain_gate.publishing.text.summary import LIMIT, terminal_lines, verdict_to_markdown


def test_the_first_line_says_why(run):
    """The verdict and its reason open the summary; failures come before what holds."""
    lines = verdict_to_markdown(run.verdict).splitlines()
    assert lines[0].startswith("## Blocked: on ")
    assert "looks outside the annotated region" in lines[0]
    text = "\n".join(lines)
    assert text.index("✕ failed") < text.index("~ waived") < text.index("✓ passed")


def test_five_thousand_rules_stay_under_the_limit(big_verdict):
    """The size is bounded whatever the run, and the summary says what it leaves out."""
    text = verdict_to_markdown(big_verdict)
    assert len(text.encode()) < LIMIT
    assert "more rules, in `verdict.json`" in text
    assert text.count("<details>") == text.count("</details>")


def test_long_texts_cannot_break_the_limit(run, crashed):
    """Messages, keys and names of any length are cut."""
    long = "ü" * 100_000
    finding = replace(run.verdict.findings[2], class_name=long, message=long)
    verdict = replace(run.verdict, findings=(finding,) * 50, messages=(long,) * 50, planned=(long,) * 50)
    assert len(verdict_to_markdown(verdict).encode()) < LIMIT
    assert len(verdict_to_markdown(replace(crashed, messages=(long,) * 30)).encode()) < LIMIT


def test_class_names_are_not_markup(run):
    """Markdown and HTML in a class name reach the reader as they are."""
    text = verdict_to_markdown(run.verdict)
    assert "<script>" not in text
    assert r"Bulldogge \| \*große\* \`ß\`" in text
    rows = [line for line in text.splitlines() if line.startswith("| ") and "alignment.iou" in line]
    assert {line.replace(r"\|", "").count("|") for line in rows} == {11}


def test_a_crash_lists_what_has_no_result(crashed):
    """Rules without a result are named."""
    text = verdict_to_markdown(crashed)
    assert text.startswith("## No verdict: 2 of 2 planned rules gave no result")
    assert "`alignment.iou[grad_cam-Bengal]`" in text


def test_terminal_lines_are_few_and_plain(big_verdict, crashed):
    """At most forty lines, no control characters, failures first, the report named last."""
    lines = terminal_lines(big_verdict, report="reports/8f2c/index.html")
    assert len(lines) <= 40
    assert lines[-1] == "report: reports/8f2c/index.html"
    assert any("more rules, all in the report" in line for line in lines)
    assert all(line.isprintable() for line in [*lines, *terminal_lines(crashed)])


def test_terminal_columns_are_aligned(run):
    """The values of all rules end in one column."""
    lines = [line for line in terminal_lines(run.verdict) if line.startswith("  ") and line[2] != " "]
    assert len(lines) == len(run.verdict.findings)
    assert [line[2] for line in lines] == list("✕✕?!~✓✓✓")
    assert len({line.index("at ") for line in lines}) == 1


def test_a_rule_that_blocks_says_why_at_once(run):
    """Below the numbers of a failed or unmeasured rule stands its reason; what holds or only warns has none."""
    lines = terminal_lines(run.verdict)
    reasons = [(lines[at - 1][2], line.strip()) for at, line in enumerate(lines) if line.startswith("      ")]
    blocking = [finding for finding in run.verdict.findings if finding.status in ("failed", "unmeasured")]
    assert sorted(reason for _, reason in reasons) == sorted(finding.message for finding in blocking)
    assert {mark for mark, _ in reasons} == {"✕", "?"}


def test_reasons_leave_room_for_the_count_of_what_is_hidden(big_verdict):
    """Where not all rules fit, every rule shown still has its reason, and the rest is counted."""
    for limit in range(8, 40):
        lines = terminal_lines(big_verdict, limit=limit)
        assert len(lines) <= limit
        rows = [line for line in lines if line.startswith("  ") and line[2] in "✕?"]
        assert len(rows) == sum(line.startswith("      ") for line in lines)
        assert f"... and {len(big_verdict.findings) - len(rows):,} more rules" in "\n".join(lines)


def test_a_hostile_name_neither_calls_people_nor_turns_text_around(run):
    """Mentions, right-to-left marks and line breaks in a class name reach a comment as harmless text."""
    name = "@everyone | `x` <script>\n\u202eevil"
    findings = tuple(replace(finding, class_name=name, message=name) for finding in run.verdict.findings)
    text = verdict_to_markdown(replace(run.verdict, findings=findings))
    # Inside code spans nobody is called.
    outside = re.sub(r"`[^`\n]*`", "", text.replace("\\`", ""))
    assert "@everyone" not in outside
    assert "@\u200beveryone" in outside
    assert "<script>" not in outside.replace("\\<script\\>", "")
    assert "\u202e" not in text
