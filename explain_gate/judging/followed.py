"""What turned images to a class, in a sentence: how many, by what, and how many under the control. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from explain_gate.judging.findings import classes_about
from explain_gate.metrics.everyday import said
from explain_gate.records import Profile, Rule

_OPERATIONS = "reliance.operation_follow"

Answers = Mapping[tuple[int, str], float]
"""Numbers by row and the class that they are about."""


def told_followed(profile: Profile, rule: Rule) -> str:
    """Such as "Of 40 answers 31 turn, 31 of them where it is saved as JPEG of low quality; 1 under an exchange as ...".

    Empty for rules whose metric notes no turns of its own.
    """
    turned, control = (_answers(profile, rule, name) for name in ("turned", "control"))
    if not turned:
        return ""
    operations = _answers(profile, rule, "operation")
    if rule.metric == _OPERATIONS and not operations:
        return "No everyday operation left its mark on these pictures, so that there was nothing to follow."
    where = _where([int(operations[key]) for key in sorted(turned) if turned[key] > 0 and key in operations])
    return (
        f"Of {len(turned)} answers {_count(turned)} turn{where}; {_count(control)} under an exchange as strong that "
        "brings nothing of the class."
    )


def _where(operations: Sequence[int]) -> str:
    if not operations:
        return ""
    ways = Counter(map(said, operations)).most_common()
    most = ways[0][1]
    return f", {most} of them where {min(way for way, count in ways if count == most)}"


def _answers(profile: Profile, rule: Rule, name: str) -> Answers:
    measurement = profile.measurement(f"{rule.check}@{name}", rule.method)
    if measurement is None:
        return {}
    about = classes_about(profile, measurement)
    return {
        (row, label): value
        for row, label, value in zip(measurement.rows.tolist(), about, measurement.values.tolist(), strict=True)
        if rule.class_name in (None, label)
    }


def _count(answers: Answers) -> int:
    return sum(value > 0 for value in answers.values())
