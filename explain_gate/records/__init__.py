"""Every frozen record that flows between measure, judge and publish; no behaviour beyond small properties.

`measured` leads to a profile, `planned` is what a gate asks for, `judged` leads to a verdict, `people` what they say.
"""

from __future__ import annotations

from explain_gate.records.judged import (
    BLOCKING,
    STATUS_ORDER,
    Cause,
    Control,
    Evidence,
    FailedTest,
    Finding,
    Status,
    Verdict,
    VerdictName,
)
from explain_gate.records.measured import (
    STEPS_NEEDED,
    Answer,
    Attribution,
    Confound,
    ImageRow,
    MapKind,
    Measurement,
    ModelUnderTest,
    Profile,
    Sample,
    Score,
    Truth,
)
from explain_gate.records.people import Decision, Excluded, Leader, Leaderboard, Lesson, Opinion
from explain_gate.records.planned import Direction, Rule, SelectionName, Waiver

__all__ = [
    "BLOCKING",
    "STATUS_ORDER",
    "STEPS_NEEDED",
    "Answer",
    "Attribution",
    "Cause",
    "Confound",
    "Control",
    "Decision",
    "Direction",
    "Evidence",
    "Excluded",
    "FailedTest",
    "Finding",
    "ImageRow",
    "Leader",
    "Leaderboard",
    "Lesson",
    "MapKind",
    "Measurement",
    "ModelUnderTest",
    "Opinion",
    "Profile",
    "Rule",
    "Sample",
    "Score",
    "SelectionName",
    "Status",
    "Truth",
    "Verdict",
    "VerdictName",
    "Waiver",
]
