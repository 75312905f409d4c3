"""What is judged: findings with their evidence, the gate's controls, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from explain_gate.records.measured import Confound
from explain_gate.records.people import Excluded, Lesson
from explain_gate.records.planned import SelectionName, Waiver, place_of

Status = Literal["passed", "failed", "warned", "waived", "unmeasured", "inconclusive"]
STATUS_ORDER: tuple[Status, ...] = ("failed", "unmeasured", "warned", "inconclusive", "waived", "passed")
BLOCKING: frozenset[Status] = frozenset({"failed", "unmeasured"})
Cause = Literal["bound", "change", "undecided", "unmeasured", "budget", "vacuous", "chance", "not compared", "excluded"]
VerdictName = Literal["passed", "failed", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """How many images of a row say yes to its question, and what that is worth; all of it can be redone by hand.

    `question` completes "3 of 20 images ...". `bound` is the worst honest share. `part` is the probability of a false
    alarm that the row may spend with certainty, and `fails_from` the number of yes from which it breaks then; None
    where not even all of them would. `finds` is the smallest true share that `images` find with a probability of 0.8,
    `needed` the number of images from which `must_catch` is found so. `limits` are 95 % limits of the true share,
    `upper` the one-sided one. `more` is how many more images would decide an inconclusive row. `pooled` names the
    classes of the row where it has several because each has too few images: the cue of one class can hide there.
    """

    question: str
    yes: int
    images: int
    bound: float
    must_catch: float
    part: float
    fails_from: int | None
    finds: float | None
    needed: int | None
    limits: tuple[float, float]
    upper: float
    more: int | None = None
    pooled: tuple[str, ...] = ()

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Evidence:
        """The record of its fields as JSON holds them."""
        low, high = plain["limits"]
        return cls(**{**plain, "limits": (low, high), "pooled": tuple(plain["pooled"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One judged rule. Field by field what verdict.json holds (`class_name` is its `class`).

    `cause` is what the status rests on, None for a rule that passed: "bound" (the value lies beyond its fixed bound),
    "change" (it is worse than the reference by more than allowed), "undecided" (the images do not tell whether it is),
    "unmeasured", "budget" (images are left out because their maps needed more passes than they were given), "vacuous"
    (a control passes the bound too), "chance" (a permutation test does as well), "not compared" (there was no
    reference), "excluded" (people took more of its images out than may be). A waived rule keeps the cause of what was
    waived. `excluded` counts the images that people took out of the rule.
    """

    check: str
    method: str | None
    class_name: str | None
    statistic: str
    value: float | None
    interval: tuple[float, float] | None
    bound: Mapping[str, float]
    reference_value: float | None = None
    change: float | None = None
    change_interval: tuple[float, float] | None = None
    status: Status
    cause: Cause | None = None
    images: int
    unmeasured: int
    not_applicable: int = 0
    excluded: int = 0
    worst: tuple[str, ...]
    evidence: Evidence | None = None
    message: str
    file: str = "thresholds.yaml"
    line: int

    @property
    def place(self) -> str:
        """Where the rule was asked for: `thresholds.yaml:21`."""
        return place_of(self.file, self.line)

    @property
    def may_hide(self) -> bool:
        """Whether an inconclusive row cannot tell this version from one that the rule must catch."""
        return (
            self.status == "inconclusive"
            and self.evidence is not None
            and self.evidence.upper >= self.evidence.must_catch
        )

    @property
    def key(self) -> str:
        """The key of the rule this finding answers."""
        variant = "-".join(part for part in (self.method, self.class_name) if part is not None) or "all"
        return f"{self.check}[{variant}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The gate's test of itself for one rule: what must fail did fail, what must pass did pass.

    `control` is "random map", "region itself" or "randomized model"; `expected` is what the rule's bound should say
    of it; `ok` is False where the bound is vacuous or cannot be met.
    """

    check: str
    method: str | None
    class_name: str | None
    control: str
    expected: Literal["passed", "failed"]
    value: float | None
    ok: bool
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedTest:
    """A test of the team's own that failed beside the rules: its id, and what it said."""

    test: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The result of a run: what was planned, what was judged, what follows. Rendered as verdict.json.

    `waivers` are those of the file, used or not; `lessons` those that are about a rule or an image of this run.
    `promotion` is the alias's move to this version: model, alias, from, to, by, at, why; None where none was.
    `run_id` tells this run's verdict from any other's. `not_published` says which surfaces beside verdict.json
    could not be written or recorded; they decide nothing. `selection` says how much of the gate was planned: all
    of it ("full"), what a budget allows ("quick"), or what somebody looked at ("only"); `left_out` holds the keys
    of the rest. `weaker` says what this run asks for less than that of its reference. `confounds` are what tells
    the data set's classes apart beside their objects. `excluded` are images that people took out of their rules.
    """

    verdict: VerdictName
    exit_code: int
    planned: tuple[str, ...]
    judged: tuple[str, ...]
    findings: tuple[Finding, ...]
    controls: tuple[Control, ...] = ()
    failed_tests: tuple[FailedTest, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    lessons: tuple[Lesson, ...] = ()
    messages: tuple[str, ...] = ()
    not_published: tuple[str, ...] = ()
    run_id: str = ""
    model: Mapping[str, Any] = field(default_factory=dict)
    reference: Mapping[str, Any] | None = None
    dataset: Mapping[str, Any] = field(default_factory=dict)
    config_digest: str = ""
    environment: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    passes: Mapping[str, int] = field(default_factory=dict)
    promotion: Mapping[str, str | None] | None = None
    selection: SelectionName = "full"
    left_out: tuple[str, ...] = ()
    weaker: tuple[str, ...] = ()
    confounds: tuple[Confound, ...] = ()
    excluded: tuple[Excluded, ...] = ()

    @property
    def task(self) -> str:
        """`model.task`, whose language the verdict is told in; verdicts without one are of classifiers."""
        return str(self.model.get("task") or "classification")
