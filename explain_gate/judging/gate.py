"""The gate itself: judge a profile by the planned rules, conclude a verdict. Pure: records in, records out.

judge(profile, rules, reference)    -> one finding per rule
conclude(planned, findings)         -> the verdict; a planned rule without a finding is an error, never a pass
unfinished(planned, exit_code)      -> the verdict of a run that ended before there was anything to conclude
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from explain_gate.judging import sentences
from explain_gate.judging.chance import judge_chance
from explain_gate.judging.changes import NO_REFERENCE, judge_changes
from explain_gate.judging.counting import answers_of_control, control_breaks, judge_counted
from explain_gate.judging.excluding import excluded_of, told_excluded, without_excluded
from explain_gate.judging.findings import WORST_LISTED, breaks, judge_bound, select
from explain_gate.judging.waivers import waive, waiver_messages
from explain_gate.records import (
    BLOCKING,
    Confound,
    Control,
    FailedTest,
    Finding,
    Profile,
    Rule,
    Verdict,
    VerdictName,
    Waiver,
)
from explain_gate.statistics import summarize
from explain_gate.tasks import DEFAULT


def judge(
    profile: Profile,
    rules: Sequence[Rule],
    reference: Profile | None = None,
    *,
    waivers: Sequence[Waiver] = (),
    today: str = "",
) -> tuple[Finding, ...]:
    """One finding per rule, in the order of the rules.

    Args:
        profile: what was measured.
        rules: what was planned.
        reference: the profile that `max_drop` and `max_rise` compare with.
        waivers: rules that may break; only those that have not expired by `today` (ISO date) count.
        today: ISO date; judge has no clock.
    """
    every, profile = profile, without_excluded(profile)
    vacuous = {(control.check, control.method): control for control in judge_controls(profile, rules) if not control.ok}
    counted = judge_counted(profile, rules)
    bounded = [counted.get(place) or _judge_one(profile, reference, rule) for place, rule in enumerate(rules)]
    findings = judge_changes(profile, reference, rules, judge_chance(profile, rules, bounded))
    for position, finding in enumerate(findings):
        control = vacuous.get((finding.check, finding.method))
        if control is not None and finding.status in ("passed", "inconclusive"):
            findings[position] = _told_vacuous(finding, rules[position], control)
    told = [told_excluded(every, rule, finding) for rule, finding in zip(rules, findings, strict=True)]
    return tuple(waive(finding, waivers, today) for finding in told)


def judge_controls(profile: Profile, rules: Sequence[Rule]) -> tuple[Control, ...]:
    """The gate's test of itself: a random map must fail alignment, the region itself pass, a random model fail.

    Controls are judged over all classes: a class alone has too few of their images to tell chance from skill.
    """
    profile = without_excluded(profile)
    controls = []
    tested = {(rule.check, rule.method): replace(rule, class_name=None) for rule in rules}
    for rule in tested.values():
        if rule.at_least is None and rule.at_most is None:
            continue
        for name, source, expected in (
            ("random map", "control.random", "failed"),
            ("region itself", "control.region", "passed"),
            ("randomized model", f"control.randomized.{rule.method}", "failed"),
        ):
            if rule.decide == "evidence":
                counted = _counted_control(profile, rule, name, source, expected)
                controls += [] if counted is None else [counted]
                continue
            measurement = profile.measurement(rule.check, source)
            if measurement is None:
                continue
            _, values, _ = select(profile, measurement, rule)
            if values.size == 0:
                continue
            value = summarize(values, rule.statistic)
            bound = float(rule.at_least if rule.at_least is not None else rule.at_most or 0.0)
            seen = "failed" if breaks(rule, value) else "passed"
            controls.append(
                Control(
                    check=rule.check,
                    method=rule.method,
                    class_name=rule.class_name,
                    control=name,
                    expected="failed" if expected == "failed" else "passed",
                    value=value,
                    ok=seen == expected,
                    message=sentences.of_control(name, value, bound, ok=seen == expected),
                )
            )
    return tuple(controls)


def _counted_control(profile: Profile, rule: Rule, name: str, source: str, expected: str) -> Control | None:
    """A control of a rule that counts images: would the bound find its maps to be placed by chance?"""
    answers = answers_of_control(profile, rule, source)
    if answers is None:
        return None
    yes, images = answers
    seen = "failed" if control_breaks(rule, yes, images) else "passed"
    return Control(
        check=rule.check,
        method=rule.method,
        class_name=rule.class_name,
        control=name,
        expected="failed" if expected == "failed" else "passed",
        value=yes / images,
        ok=seen == expected,
        message=sentences.of_counted_control(name, yes, images, ok=seen == expected),
    )


def conclude(
    planned: Sequence[Rule],
    findings: Sequence[Finding],
    *,
    controls: Sequence[Control] = (),
    waivers: Sequence[Waiver] = (),
    today: str = "",
    failed_tests: Sequence[FailedTest] = (),
    messages: Sequence[str] = (),
    profile: Profile | None = None,
    no_weaker: bool = False,
    **facts: Any,
) -> Verdict:
    """The verdict of a run. A planned rule without exactly one finding makes it an error (exit code 3).

    Args:
        planned: the rules that the run asks for, from thresholds.yaml, not what pytest collected.
        findings: what was judged.
        controls: the gate's test of itself.
        waivers: those that are expired, unused or about to end are reported.
        today: ISO date.
        failed_tests: the team's own tests that failed.
        messages: anything that made the run incomplete; each one turns the verdict into an error.
        profile: where model, dataset, environment, seconds and passes are taken from.
        no_weaker: whether asking for less than the reference's run (`weaker`) fails the run.
        facts: other fields of the Verdict. With `selection` "only", rules that hold are no verdict (exit code 3).
    """
    left_out, weaker = tuple(facts.pop("left_out", ())), tuple(facts.pop("weaker", ()))
    problems = [*messages, *_unlike_the_plan(planned, findings)]
    broken = any(finding.status in BLOCKING for finding in findings) or bool(failed_tests)
    if facts.get("selection") == "only" and not (problems or broken):
        problems.append(sentences.of_a_part(len(planned), len(left_out)))
    verdict, exit_code = _decided(error=bool(problems) or not planned, failed=broken or (no_weaker and bool(weaker)))
    manifest: Mapping[str, Any] = profile.manifest if profile is not None else {}
    excluded = excluded_of(profile)
    told = (
        *waiver_messages(planned, findings, waivers, today, whole=not left_out),
        *dict.fromkeys(sentences.of_looser(rule) for rule in planned if rule.accept_looser),
        *sentences.of_excluded(excluded),
    )
    return Verdict(
        verdict=verdict,
        exit_code=exit_code,
        planned=tuple(rule.key for rule in planned),
        judged=tuple(finding.key for finding in findings),
        findings=tuple(findings),
        controls=tuple(controls),
        failed_tests=tuple(failed_tests),
        waivers=tuple(waivers),
        messages=(*problems, *told, *manifest.get("warnings", ())),
        left_out=left_out,
        weaker=weaker,
        confounds=tuple(Confound(**one) for one in manifest.get("confounds", ())),
        excluded=excluded,
        **{**_described(manifest), **facts},
    )


def _described(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What the verdict takes from the manifest; the model's task is named where it is not classification."""
    taken = {name: manifest[name] for name in _DESCRIBED if name in manifest}
    if "model" in taken and manifest.get("task", DEFAULT) != DEFAULT:
        taken["model"] = {**taken["model"], "task": manifest["task"]}
    return taken


_DESCRIBED = ("model", "dataset", "environment", "config_digest", "seconds", "passes")
"""What the verdict takes from the profile's manifest as it stands."""


def _unlike_the_plan(planned: Sequence[Rule], findings: Sequence[Finding]) -> list[str]:
    """What keeps findings from being exactly one for each planned rule."""
    asked, answered = [rule.key for rule in planned], [finding.key for finding in findings]
    counted = (*Counter(asked).items(), *Counter(answered).items())
    twice = list(dict.fromkeys(key for key, count in counted if count > 1))
    missing = [key for key in asked if key not in set(answered)]
    unplanned = sorted(set(answered) - set(asked))
    problems = []
    if twice:
        problems.append(f"rules that were planned or judged more than once: {', '.join(twice[:WORST_LISTED])}")
    if missing:
        named = ", ".join(missing[:WORST_LISTED])
        problems.append(f"{len(missing)} of {len(planned)} planned rules have no result: {named}")
    if unplanned:
        problems.append(f"results for rules that were not planned: {', '.join(unplanned[:WORST_LISTED])}")
    return problems


def _decided(*, error: bool, failed: bool) -> tuple[VerdictName, int]:
    return ("error", 3) if error else ("failed", 1) if failed else ("passed", 0)


def unfinished(
    planned: Sequence[Rule],
    *,
    exit_code: int,
    messages: Sequence[str],
    failed_tests: Sequence[FailedTest] = (),
    **facts: Any,
) -> Verdict:
    """The verdict of a run that was interrupted, refused or broken before its rules were judged: an error, always.

    Args:
        planned: the rules of thresholds.yaml, as far as it could be read.
        exit_code: 2 interrupted, 3 no verdict, 4 something that cannot be used, 5 nothing planned.
        messages: why it ended.
        failed_tests: the team's own tests that failed until then.
        facts: the Verdict's descriptive fields.
    """
    if exit_code not in (2, 3, 4, 5):
        raise ValueError(f"a run without judged rules must end with 2, 3, 4 or 5, got {exit_code}")
    return Verdict(
        verdict="error",
        exit_code=exit_code,
        planned=tuple(rule.key for rule in planned),
        judged=(),
        findings=(),
        failed_tests=tuple(failed_tests),
        messages=tuple(messages),
        **facts,
    )


def _judge_one(profile: Profile, reference: Profile | None, rule: Rule) -> Finding:
    finding = judge_bound(profile, rule)
    if reference is None and rule.metric.startswith("drift."):
        text = sentences.of_no_comparison(rule, NO_REFERENCE)
        return replace(finding, status="warned", cause="not compared", message=text)
    return finding


def _told_vacuous(finding: Finding, rule: Rule, control: Control) -> Finding:
    """A rule that its control passes too is told instead of passing; one that is inconclusive stays that.

    Where it says what it must catch, a bound that chance passes catches nothing: the row says nothing at all.
    """
    message = f"{finding.message} {control.message}"
    if rule.must_catch is not None and control.expected == "failed":
        return replace(finding, status="unmeasured", cause="vacuous", message=message)
    if finding.status == "inconclusive":
        return replace(finding, message=message)
    return replace(finding, status="warned", cause="vacuous", message=message)
