"""The verdict as text: Markdown for the CI job summary, plain lines for the terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import accumulate

from explain_gate.digits import number, plural
from explain_gate.metrics import family
from explain_gate.publishing.words.headline import headline
from explain_gate.publishing.words.wording import (
    STATUS_MARKS,
    VERDICT_WORDS,
    bounds_of,
    by_severity,
    change_text,
    counts_text,
    missing,
    notes_of,
    span_of,
    untold,
    value_text,
)
from explain_gate.records import BLOCKING, Control, FailedTest, Finding, Lesson, Verdict

LIMIT = 60_000
"""Bytes a summary may have; CI systems cut or drop longer ones."""

_TABLE_HEAD = """\
| | rule | method | class | value | 95 % interval | bound | change | images | line |
|---|---|---|---|---:|---|---|---|---:|---:|"""
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~&$])")
_MENTION = re.compile(r"@(?=\w)")
_CELL = 160
_REASON = 500


def verdict_to_markdown(verdict: Verdict) -> str:
    """The job summary: the verdict first, failures before everything else, never more than `LIMIT` bytes."""
    page = _Page(LIMIT)
    page.add(f"## {escape(headline(verdict), 600)}", "", f"{counts_text(verdict)} · {_about(verdict, escape)}", "")
    page.add("The whole report, with pictures, is `index.html` in this run's output folder.", "")
    page.bullets([escape(note, 400) for note in notes_of(verdict)], "messages")
    page.bullets([f"no result: `{code(key)}`" for key in untold(verdict)], "rules without result")
    page.bullets([_failed_test(failed) for failed in verdict.failed_tests], "failed tests")
    page.bullets([escape(text, 400) for text in verdict.not_published], "surfaces that were not published")
    page.bullets([escape(_lesson(lesson), 400) for lesson in verdict.lessons], "lessons")
    findings = by_severity(verdict.findings)
    passed = [finding for finding in findings if finding.status == "passed"]
    others = [finding for finding in findings if finding.status != "passed"]
    if others:
        page.bullets([_reason(finding) for finding in others[:5]], "reasons")
        page.table("### Rules that need attention", [_row(finding) for finding in others])
    vacuous = [control for control in verdict.controls if not control.ok]
    if verdict.controls:
        page.add("### Controls", "", _controls_line(verdict), "")
    page.bullets([_control(control) for control in vacuous], "controls")
    if passed:
        page.table("<details><summary>Rules that hold</summary>", [_row(finding) for finding in passed], "</details>")
    return page.text()


def terminal_lines(verdict: Verdict, report: str | None = None, limit: int = 40) -> list[str]:
    """The verdict as plain lines with aligned columns, failures first, at most `limit` of them.

    A rule that blocks says below its numbers why, and which images are the worst.
    """
    head = [_cut(_plain(headline(verdict)), 300), f"{counts_text(verdict)} · {_about(verdict, _plain)}"]
    head += [_cut(_plain(note), 300) for note in notes_of(verdict)[:5]]
    head += [
        _cut(f"failed test {_plain(failed.test)}: {_last_line(failed.text)}", 300)
        for failed in verdict.failed_tests[:5]
    ]
    foot = [_cut(_plain(_control_words(control)), 200) for control in verdict.controls if not control.ok][:5]
    foot += _not_applicable(verdict)
    foot += [f"report: {_plain(report)}"] if report else []
    rows = [((STATUS_MARKS["missing"], "no result", _plain(key), "", "", ""), "") for key in missing(verdict)]
    rows += [(_terminal_row(finding), _why(finding)) for finding in by_severity(verdict.findings)]
    shown = _fitting([2 if why else 1 for _, why in rows], max(limit - len(head) - len(foot), 3))
    lines = head
    for row, (_, why) in zip(_aligned([row for row, _ in rows[:shown]]), rows, strict=False):
        lines += [row, f"      {why}"] if why else [row]
    hidden = len(rows) - shown
    if hidden:
        lines.append(f"  ... and {plural(hidden, 'more rule')}, all in the report")
    return [*lines, *foot]


def _not_applicable(verdict: Verdict) -> list[str]:
    """`reliance does not apply to 3 images, whatever the model: judged on 57`, one line a family: its worst row."""
    most: dict[str, Finding] = {}
    for finding in verdict.findings:
        name = family(finding.check)
        if finding.not_applicable > (most[name].not_applicable if name in most else 0):
            most[name] = finding
    return [
        f"{name} does not apply to {plural(one.not_applicable, 'image')} of "
        f"{one.not_applicable + one.images + one.unmeasured}, whatever the model: judged on {one.images}"
        for name, one in most.items()
    ]


def escape(text: str, limit: int = _CELL) -> str:
    """Text that Markdown shows as it is, on one line, cut to `limit` characters, and that calls nobody.

    Hosts read mentions from the rendered text, where no backslash is left: a space without width parts the two.
    """
    return _MENTION.sub("@\u200b", _MARKDOWN.sub(r"\\\1", _cut(_plain(text), limit)))


def code(text: str) -> str:
    """Text for a code span: no backticks, no line breaks, no cell borders."""
    return _cut(_plain(text).replace("`", "'").replace("|", "¦"), _CELL)


class _Page:
    """Collects lines and refuses those that would break the limit; says what it left out."""

    def __init__(self, limit: int) -> None:
        self._left = limit - 2_000  # kept back for what is left out and the closing tag
        self._lines: list[str] = []

    def add(self, *lines: str) -> bool:
        size = sum(len(line.encode("utf-8", "replace")) + 1 for line in lines)
        if size > self._left:
            return False
        self._left -= size
        self._lines.extend(lines)
        return True

    def bullets(self, items: Iterable[str], what: str) -> None:
        entries = list(items)
        for position, item in enumerate(entries):
            if position == 20 or not self.add(f"- {item}"):
                self._lines.append(f"- ... and {len(entries) - position:,} more {what}, in `verdict.json`")
                break
        if entries:
            self._lines.append("")

    def table(self, title: str, rows: list[str], end: str = "") -> None:
        if not self.add(title, "", _TABLE_HEAD):
            return
        for position, row in enumerate(rows):
            if not self.add(row):
                self._lines += ["", f"... and {plural(len(rows) - position, 'more rule')}, in `verdict.json`"]
                break
        self._lines += ["", end, ""] if end else [""]

    def text(self) -> str:
        return "\n".join(self._lines).rstrip() + "\n"


def _about(verdict: Verdict, escaped: Callable[[str], str]) -> str:
    name = verdict.model.get("name") or verdict.model.get("source")
    images = verdict.dataset.get("images")
    parts = [f"model {escaped(str(name))}"] if name else []
    parts += [plural(images, "image")] if isinstance(images, int) else []
    parts += [f"{verdict.seconds:.0f} s"] if verdict.seconds else []
    return " · ".join(parts) or VERDICT_WORDS[verdict.verdict].lower()


def _lesson(lesson: Lesson) -> str:
    about = ", ".join(one for one in (lesson.rule, lesson.image) if one)
    return f"lesson of {lesson.at[:10]} about {about}: {lesson.text} ({lesson.by})"


def _failed_test(failed: FailedTest) -> str:
    return f"failed test: `{code(failed.test)}` {escape(_last_line(failed.text), 300)}".rstrip()


def _last_line(text: str) -> str:
    """What a failure comes to: pytest marks it with E, and ends with the place."""
    lines = [line for line in text.splitlines() if line.strip()]
    marked = [line[1:].strip() for line in lines if line.startswith("E ")]
    return _plain((marked or [line.strip() for line in lines] or [""])[0 if marked else -1])


def _reason(finding: Finding) -> str:
    return f"**{finding.status}** {escape(finding.message, 500)}"


def _row(finding: Finding) -> str:
    cells = (
        f"{STATUS_MARKS[finding.status]} {finding.status}",
        f"`{code(finding.check)}`",
        escape(finding.method or ""),
        escape(finding.class_name or ""),
        f"**{value_text(finding)}**" if finding.status in BLOCKING else value_text(finding),
        span_of(finding),
        bounds_of(finding),
        change_text(finding),
        f"{finding.images:,}",
        str(finding.line or ""),
    )
    return f"| {' | '.join(cells)} |"


def _controls_line(verdict: Verdict) -> str:
    wrong = sum(not control.ok for control in verdict.controls)
    if wrong:
        return f"{wrong:,} of {plural(len(verdict.controls), 'control')} did not behave as they must:"
    return f"All {len(verdict.controls):,} behaved as they must: what has to fail failed, what has to pass passed."


def _control(control: Control) -> str:
    return escape(_control_words(control), 400)


def _control_words(control: Control) -> str:
    variant = "-".join(part for part in (control.method, control.class_name) if part is not None) or "all"
    return f"control {control.control} for {control.check}[{variant}] ({number(control.value)}): {control.message}"


def _why(finding: Finding) -> str:
    return _cut(_plain(finding.message), _REASON) if finding.status in BLOCKING else ""


def _fitting(sizes: list[int], room: int) -> int:
    """How many of the blocks fit, with a line kept back to tell of the rest where not all do."""
    if sum(sizes) <= room:
        return len(sizes)
    return sum(total < room for total in accumulate(sizes))


def _terminal_row(finding: Finding) -> tuple[str, str, str, str, str, str]:
    return (
        STATUS_MARKS[finding.status],
        finding.status,
        _plain(finding.key),
        value_text(finding),
        f"[{span_of(finding)}]" if span_of(finding) else "",
        _bound_and_change(finding),
    )


def _bound_and_change(finding: Finding) -> str:
    change = change_text(finding)
    return f"{bounds_of(finding)}; {change} since the reference" if change else bounds_of(finding)


def _aligned(rows: list[tuple[str, str, str, str, str, str]]) -> list[str]:
    if not rows:
        return []
    widths = [min(max(len(row[column]) for row in rows), 60) for column in range(6)]
    return [
        f"  {row[0]} {row[1]:<{widths[1]}}  {row[2]:<{widths[2]}}  {row[3]:>{widths[3]}}  "
        f"{row[4]:<{widths[4]}}  {row[5]}".rstrip()
        for row in rows
    ]


def _plain(text: str) -> str:
    """One line without control characters: a class name must not move the cursor or colour the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
