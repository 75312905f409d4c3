"""Every frozen record that flows between measure, judge and publish; no behaviour beyond small properties."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

MapKind = Literal["positive", "magnitude", "signed"]
Status = Literal["passed", "failed", "warned", "waived", "unmeasured", "inconclusive"]
STATUS_ORDER: tuple[Status, ...] = ("failed", "unmeasured", "warned", "inconclusive", "waived", "passed")
BLOCKING: frozenset[Status] = frozenset({"failed", "unmeasured"})
Cause = Literal["bound", "change", "undecided", "unmeasured", "budget", "vacuous", "chance", "not compared", "excluded"]
STEPS_NEEDED = "attribution.budget@steps_needed"
"""The measurement that names the images whose maps ran out of their budget of passes, and about how many it takes."""
Direction = Literal["higher", "lower"]
SelectionName = Literal["full", "quick", "only"]
"""How much of a gate a run plans."""
VerdictName = Literal["passed", "failed", "error"]
Opinion = Literal["plausible", "not plausible", "label wrong", "region wrong", "unsure"]
"""What a person may find of a map."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth:
    """What is annotated on one picture, for one sample: all that a model's output may be compared with.

    `label` is the class that is explained, `accepted` every class annotated on the image, `value` the number that is
    annotated where the task has one. `region` (H, W), bool, is the sample's object; None where nothing is drawn.
    """

    label: int
    accepted: tuple[int, ...]
    value: float | None = None
    region: torch.Tensor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model says of one image.

    `predicted` is the class that it says first, None where it says none; `said` are all that it says. `probability` is
    that of what it says first, `value` the number that it says; None where the task has no such thing.
    """

    predicted: int | None
    said: tuple[int, ...]
    probability: float | None
    value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """One annotated image as the model sees it.

    Shapes: pixels (C, H, W), float32, normalised; region (H, W), bool, moved by the same transform as the image.
    `region` is None where nothing can be compared with a map; `region_reason` then says why.
    `accepted` holds every class annotated on the image: a prediction of any of them is right. `annotators` holds one
    region (H, W), bool, per annotator, where several people drew the same image; `region` is their union. `ignored`
    (H, W), bool, are pixels that count neither as inside nor outside; `parts` the region of each named part. `looks`
    are numbers on how the file became this, for warnings: see `data.oddities`. `value`: the annotated number. `empty`:
    the picture is known to show no object, so that it is a background as it is. `drawn` is all that is drawn for the
    sample, None where nothing is; `region` is that where a map can be compared with it.
    """

    index: int
    image: str
    label: int
    class_name: str
    accepted: tuple[int, ...]
    digest: str
    pixels: torch.Tensor
    region: torch.Tensor | None
    region_reason: str | None
    annotators: tuple[torch.Tensor, ...] = ()
    ignored: torch.Tensor | None = None
    parts: Mapping[str, torch.Tensor] = field(default_factory=dict)
    looks: Mapping[str, float] = field(default_factory=dict)
    value: float | None = None
    empty: bool = False
    drawn: torch.Tensor | None = None

    @property
    def truth(self) -> Truth:
        """What an output for this image is compared with."""
        region = self.region if self.drawn is None else self.drawn
        return Truth(label=self.label, accepted=self.accepted, value=self.value, region=region)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModelUnderTest:
    """A loaded model in eval mode with its identity; `target_layers` are dotted module names for CAM methods.

    `checkpoint_key` is which weights of the checkpoint were asked for; `notes` say what a reader should know of how
    they were read: where they were, what was left out, how they were cast. `weights_sha256` is of the file that holds
    them as it was read; None where there is not exactly one.
    """

    module: torch.nn.Module
    source: str
    checkpoint: str | None
    digest: str
    target_layers: tuple[str, ...]
    name: str
    version: str | None = None
    checkpoint_key: str | None = None
    notes: tuple[str, ...] = ()
    weights_sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Attribution:
    """Maps of one method for a batch.

    Shapes: maps (N, H, W), float32, at the resolution of the input. `details` holds per-image tensors (N,), such as
    `completeness_error` and `steps` of Integrated Gradients. Kinds: `positive` (CAM family, not negative),
    `magnitude` (gradient family, not negative), `signed` (positive speaks for the target).
    """

    method: str
    kind: MapKind
    maps: torch.Tensor
    details: Mapping[str, torch.Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One number for one image, or the reason why there is none."""

    image: str
    label: int
    predicted: int | None
    check: str
    method: str | None
    value: float | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measurement:
    """All scores of one check and method, by columns.

    Shapes: rows (M,), int, positions in `Profile.images`; values (M,), float64, meaningless where `reasons` is set;
    reasons has M entries, None where the image was measured. `about` (M,), int, is the class that each value speaks
    of, where that is not the image's own: what an image did when it was given something of another class tells about
    that class. An image may then have a value for each of several classes. None: every image's own.
    `not_applicable` (M,), bool, says which reasons follow from image and annotation alone, so that no model chose
    them. None: none of them.
    """

    check: str
    method: str | None
    rows: NDArray[np.int64]
    values: NDArray[np.float64]
    reasons: tuple[str | None, ...]
    about: NDArray[np.int64] | None = None
    not_applicable: NDArray[np.bool_] | None = None

    @property
    def measured(self) -> NDArray[np.bool_]:
        """(M,), True where there is a value."""
        import numpy as np

        return np.array([reason is None for reason in self.reasons], dtype=bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRow:
    """What is known of one image of the regression set, beside its scores.

    `predicted` is the class that the model says first and `probability` that of it; None where it says none, or gave no
    finite output. `region_area` is the annotated share of the frame in [0, 1], i.e. the chance level of a map.
    `right` is whether the model is right by its task, None where it gave nothing to judge, and in profiles of earlier
    versions, which hold the prediction alone. `said` are all classes that it says; `value` is the number that it says
    and `annotated` the one that it should.
    """

    image: str
    label: int
    class_name: str
    accepted: tuple[int, ...]
    digest: str
    predicted: int | None
    probability: float | None
    region_area: float | None
    region_reason: str | None
    right: bool | None = None
    said: tuple[int, ...] | None = None
    value: float | None = None
    annotated: float | None = None

    @property
    def correct(self) -> bool:
        """Whether the model is right about the image."""
        return self.predicted in self.accepted if self.right is None else self.right

    @property
    def answered(self) -> bool:
        """Whether the model said anything that can be compared."""
        return self.said is not None or self.value is not None or self.predicted is not None

    def differs(self, other: ImageRow, tolerance: float = 0.0) -> bool:
        """Whether another version says something else of the image: other classes, or a value further off."""
        if self.value is not None and other.value is not None:
            return abs(self.value - other.value) > tolerance
        if self.said is not None and other.said is not None:
            return self.said != other.said
        return self.predicted != other.predicted


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Profile:
    """Everything measured on one model version; what the verdict is judged from and reports are rendered from.

    `manifest` is JSON: schema_version, model, dataset, methods, environment, config_digest, seconds, passes.
    `folder` holds maps/<method>.npy (N, H, W) float16, each map divided by its largest magnitude; regions.npy
    (N, H, ceil(W / 8)) bits; thumbnails/<row>.jpg. It is None for a profile that was never written. `unverified` says
    why nobody can tell whether its files are those that were measured; None where they are.
    """

    manifest: Mapping[str, Any]
    images: tuple[ImageRow, ...]
    measurements: tuple[Measurement, ...]
    folder: Path | None = None
    unverified: str | None = None

    def measurement(self, check: str, method: str | None) -> Measurement | None:
        """The scores of one check and method, or None where it was not measured."""
        for measurement in self.measurements:
            if measurement.check == check and measurement.method == method:
                return measurement
        return None

    def scores(self) -> Iterator[Score]:
        """Every score in long form, as in scores.parquet."""
        for measurement in self.measurements:
            for row, value, reason in zip(
                measurement.rows.tolist(), measurement.values.tolist(), measurement.reasons, strict=True
            ):
                image = self.images[row]
                yield Score(
                    image=image.image,
                    label=image.label,
                    predicted=image.predicted,
                    check=measurement.check,
                    method=measurement.method,
                    value=value if reason is None else None,
                    reason=reason,
                )

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the logits."""
        return tuple(self.manifest["dataset"]["classes"])

    @property
    def bare(self) -> tuple[str, ...]:
        """Classes on whose pictures nothing is drawn, such as those of pictures without the object."""
        return tuple(self.manifest["dataset"].get("bare", ()))

    @property
    def tolerance(self) -> float:
        """How far two values may be apart that count as the same, where the task has values."""
        return float(self.manifest.get("task_parameters", {}).get("tolerance", 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One planned row of the gate: a check, for one method and one class where it has them, with its bound.

    `check` is "family.metric", with "/name" behind it where one metric has several rules. `better` is the metric's
    direction. `file` and `line` are where it was asked for, the file as messages name it.

    `decide` is what breaks the rule: its "value", or the "evidence" of images that are counted; `at_most` is then the
    worst honest share of images that say yes to `question`, and `must_catch` the true share that the rule has to find.
    `part` is the probability of a false alarm that the rule's bound may spend over all its rows, `change_part` that of
    its change, None for 1 - confidence. `own` tells whether the images of the class answer, or those of other classes
    that were given something of it. `accept_looser` is why the bound may be looser than the package's own, where
    somebody accepted that. `sample` is of all images, or, with `sample_each`, of those of each class;
    `image` is the only one that answers, where one is looked at alone.
    """

    check: str
    method: str | None
    class_name: str | None
    better: Direction
    at_least: float | None = None
    at_most: float | None = None
    max_drop: float | None = None
    max_rise: float | None = None
    confidence: float = 0.95
    statistic: str = "mean"
    max_unmeasured: float = 0
    max_not_applicable: float = 0.5
    max_excluded: float = 0.05
    min_images: int = 5
    severity: Literal["fail", "warn"] = "fail"
    inconclusive: Literal["warn", "fail"] = "warn"
    decide: Literal["value", "evidence"] = "value"
    must_catch: float | None = None
    part: float = 0.005
    change_part: float | None = None
    small_classes: Literal["alone", "pool"] = "alone"
    question: str = ""
    own: bool = True
    accept_looser: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    sample: int | None = None
    sample_each: bool = False
    image: str | None = None
    file: str = "thresholds.yaml"
    line: int = 0

    @property
    def place(self) -> str:
        """`thresholds.yaml:21`."""
        return _place(self.file, self.line)

    @property
    def key(self) -> str:
        """`alignment.iou[grad_cam-Bengal]`: unique in a gate, the same on every machine."""
        return f"{self.check}[{self.variant}]"

    @property
    def variant(self) -> str:
        """`grad_cam-Bengal`, or "all" for a rule without method and class."""
        return "-".join(part for part in (self.method, self.class_name) if part is not None) or "all"

    @property
    def metric(self) -> str:
        """The name in the METRICS table: the check without its "/name"."""
        return self.check.partition("/")[0]

    @property
    def bound(self) -> Mapping[str, float]:
        """The bounds that are set, e.g. {"at_least": 0.4, "max_drop": 0.03}."""
        names = ("at_least", "at_most", "max_drop", "max_rise")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    @property
    def shares(self) -> tuple[float, float]:
        """Of a rule that counts images: the worst honest share of yes, and the true share that it has to find."""
        if self.at_most is None or self.must_catch is None:
            raise ValueError(f"{self.key} counts images, so it must say at_most and must_catch")
        return self.at_most, self.must_catch


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A rule that may break until a date, with its owner and reason; `unmeasured`: that may have no result either."""

    check: str
    method: str | None
    class_name: str | None
    reason: str
    owner: str
    ticket: str | None
    expires: str
    unmeasured: bool = False
    file: str = "thresholds.yaml"
    line: int

    @property
    def place(self) -> str:
        """`thresholds.yaml:30`."""
        return _place(self.file, self.line)


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
        return _place(self.file, self.line)

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
class Confound:
    """A property of pictures or files, beside their objects, that tells classes apart: a warning about the data set.

    `class_name` is the class that it tells from all others; None where it tells all apart. `accuracy` is balanced and
    cross-validated, `chance` what guessing reaches, both in [0, 1]; `images` were looked at.
    """

    property: str
    class_name: str | None
    accuracy: float
    chance: float
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What a version taught. `at` is ISO 8601 in UTC; `version` names the version as people do, `digest` its model.

    `image` and `rule` are what it is about, None where it is about the version: a later version that is asked the same
    rule or the same image is told.
    """

    text: str
    at: str
    by: str
    version: str
    digest: str = ""
    image: str | None = None
    rule: str | None = None

    def concerns(self, rules: Collection[str], images: Collection[str]) -> bool:
        """Whether one of these rules, by key or by check, or one of these images is what it is about."""
        return self.image in images or any(rule == self.rule or rule.partition("[")[0] == self.rule for rule in rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person found of one map of one image. `at` is ISO 8601 with the zone's offset.

    `image_digest` is of the picture's file, `annotation_digest` of its label and region, `map_digest` of the map as the
    profile keeps it and `sketch` what is enough of it to tell another map from it. `version` is the digest of the
    weights whose map it was, "" where nobody knows.
    """

    opinion: Opinion
    note: str = ""
    reviewer: str
    at: str
    image: str
    method: str
    image_digest: str
    annotation_digest: str
    map_digest: str
    sketch: str
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """An image that people took out of its rules until its annotation changes: what is wrong with it, and who says so.

    `at` is when the last of them said so, ISO 8601 with the zone's offset; `notes` are what they wrote.
    """

    image: str
    reason: Literal["label wrong", "region wrong"]
    reviewers: tuple[str, ...]
    at: str
    notes: tuple[str, ...] = ()

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Excluded:
        """The record of its fields as JSON holds them."""
        return cls(**{**plain, "reviewers": tuple(plain["reviewers"]), "notes": tuple(plain["notes"])})


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


def _place(file: str, line: int) -> str:
    return f"{file}:{line}" if line else file
