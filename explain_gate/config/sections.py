"""What thresholds.yaml may say: a class a section, typed, with what contradicts itself refused."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from explain_gate.config.preprocessing import PreprocessingSection
from explain_gate.config.section import Section, Text

Decide = Literal["value", "evidence"]
Statistic = Literal["mean", "median", "p05", "p95", "min", "max"]


class TaskSection(Section):
    """What the model's output means; docs/tasks.md. A name alone stands for {name: NAME}."""

    name: Text = Field(
        default="classification",
        description="classification, binary, multilabel, regression, segmentation or detection",
    )
    threshold: float | list[float] | dict[Text, float] | None = Field(
        default=None, description="binary, multilabel: probability above which a class is said"
    )
    tolerance: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        default=None, description="regression: how far off a value may be and still be right"
    )

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return value if isinstance(value, dict | TaskSection) else {"name": value}

    @property
    def parameters(self) -> dict[str, Any]:
        """What is set beside the name."""
        return {name: value for name, value in self.model_dump(exclude={"name"}).items() if value is not None}


class ModelSection(Section):
    """Which model is gated and how its output becomes one score per class."""

    source: Text = Field(
        description="package.module:callable, torchvision:NAME, timm:NAME, models:/NAME@ALIAS, FILE.pt2, MLflow folder"
    )
    arguments: dict[str, Any] = Field(default={}, description="keyword arguments of the callable")
    checkpoint: Path | None = Field(
        default=None,
        description="weights: .safetensors, a .pt/.pth/.ckpt of tensors, an index of shards, or a folder of one",
    )
    checkpoint_key: Text | None = Field(
        default=None, description="which weights of the checkpoint, where it holds several: model_ema, or a.b if nested"
    )
    target_layer: str | list[str] = Field(default="auto", description="for CAM methods: auto, a dotted name, or a list")
    target: Text | None = Field(
        default=None, description="package.module:function from the model's output to logits (N, classes)"
    )
    task: TaskSection = Field(
        default=TaskSection(),
        description="what the output means: a name, or {name: NAME, threshold: P}; docs/tasks.md",
    )
    name: Text | None = Field(default=None, description="the model's name in reports and tracking")


class DataSection(Section):
    """The annotated regression set."""

    images: Path = Field(description="folder of image files")
    annotations: Path = Field(
        description="COCO, VOC, YOLO, labelme, CVAT, a CSV or mask PNGs: a file or a folder; docs/data.md"
    )
    classes: list[Text] | dict[Text, Annotated[int, Field(ge=0)]] | None = Field(
        default=None, description="class names in the order of the logits, or {name: logit index}"
    )
    background_class: Text | None = Field(
        default=None, description="the class of pictures on which nothing is annotated"
    )
    licence: Text | None = Field(default=None, description="of the pictures, for whoever audits a run")
    preprocessing: PreprocessingSection = PreprocessingSection()
    training: Path | None = Field(
        default=None, description="folder of the pictures that models were trained on, for `explain-gate labels`"
    )
    limit: Annotated[int, Field(gt=0)] | None = Field(default=None, description="use at most this many images")

    @field_validator("classes")
    @classmethod
    def _distinct(cls, value: Any) -> Any:
        if value is not None:
            positions = list(value) if isinstance(value, list) else list(value.values())
            if not positions:
                raise ValueError("must name at least one class")
            twice = sorted({str(entry) for entry in positions if positions.count(entry) > 1})
            if twice:
                raise ValueError(f"must not name a class or logit twice: {', '.join(twice)}")
        return value


class RuleSection(Section):
    """One rule: a bound on a statistic of one metric."""

    at_least: float | None = Field(default=None, allow_inf_nan=False)
    at_most: float | None = Field(default=None, allow_inf_nan=False)
    max_drop: float | None = Field(default=None, ge=0, allow_inf_nan=False, description="against the reference")
    max_rise: float | None = Field(default=None, ge=0, allow_inf_nan=False, description="against the reference")
    confidence: float | None = Field(
        default=None, gt=0.5, lt=1, description="of max_drop and max_rise, in place of what false_alarms says"
    )
    decide: Decide | None = Field(
        default=None, description="value: the number is beyond its bound; evidence: more images say yes than may"
    )
    must_catch: float | None = Field(
        default=None, gt=0, le=1, description="the true share of yes that the rule has to find; evidence only"
    )
    false_alarms: float | None = Field(
        default=None, gt=0, lt=0.5, description="the rule's part: probability that it blocks an honest version"
    )
    small_classes: Literal["alone", "pool"] = Field(
        default="alone", description="pool: classes with too few images make one row; the cue of one can hide there"
    )
    inconclusive: Literal["warn", "fail"] = "warn"
    accept_looser: Text | None = Field(
        default=None, description="why the bound may be looser than the package's own; every report prints it"
    )
    statistic: Statistic = "mean"
    methods: list[Text] | None = Field(default=None, description="default: every method the metric applies to")
    per_class: bool = False
    classes: list[Text] | None = Field(default=None, description="only these classes, one row each")
    max_unmeasured: int | float = Field(default=0, ge=0, description="so many images or, below 1, such a share of them")
    max_not_applicable: float = Field(
        default=0.5, ge=0, le=1, description="share of the images that image and annotation may rule out"
    )
    min_images: int = Field(default=5, ge=1, description="that must be left where some are ruled out")
    severity: Literal["fail", "warn"] = "fail"
    parameters: dict[str, Any] = Field(default={})
    sample: int | None = Field(
        default=None, gt=0, description="use at most so many images, stratified and seeded; by class: so many of each"
    )

    @field_validator("max_unmeasured")
    @classmethod
    def _is_a_count_or_a_share(cls, value: float) -> float:
        if value >= 1 and value != int(value):
            raise ValueError(f"must be a whole number of images, or a share below 1, got {value:g}")
        return value

    @model_validator(mode="after")
    def _has_a_bound(self) -> RuleSection:
        if self.at_least is not None and self.at_most is not None:
            raise ValueError("must have exactly one of at_least and at_most, got both")
        if self.max_drop is not None and self.max_rise is not None:
            raise ValueError("must have at most one of max_drop and max_rise, got both")
        if all(bound is None for bound in (self.at_least, self.at_most, self.max_drop, self.max_rise)):
            raise ValueError("must have a bound: at_least, at_most, max_drop or max_rise")
        if self.methods is not None and not self.methods:
            raise ValueError("methods must name at least one method; leave the key out to use all of them")
        if self.classes is not None and (not self.classes or len(set(self.classes)) < len(self.classes)):
            raise ValueError("classes must name at least one class, none of them twice")
        return self


class JudgingSection(Section):
    """What breaks a rule. A file without this section means its value."""

    decide: Decide = Field(default="value", description="for rules that say must_catch and do not say how themselves")
    false_alarms: float = Field(
        default=0.005, gt=0, lt=0.5, description="each rule's part: probability that it blocks an honest version"
    )
    max_excluded: float = Field(
        default=0.05, ge=0, lt=1, description="share of a rule's images that reviews may take out of it"
    )


class WaiverSection(Section):
    """A rule that may break until a date."""

    check: Text
    method: Text | None = None
    class_name: Text | None = Field(default=None, alias="class")
    reason: Text
    owner: Text
    ticket: Text | None = None
    expires: dt.date = Field(description="its last day, at most waivers_max_days ahead")
    unmeasured: bool = Field(default=False, description="also while the rule is unmeasured")


class PromoteSection(Section):
    """The registry alias that moves to a version that passes."""

    model: Text
    alias: Text
    inconclusive: Literal["hold", "allow"] = Field(
        default="hold", description="hold: not while a rule could hide what it must catch"
    )
    four_eyes: bool = Field(
        default=False, description="the alias moves only by `explain-gate approve` under two different names"
    )
    require_attestation: bool = Field(
        default=False, description="the alias moves only by `explain-gate approve` of a folder whose attestation holds"
    )
    verify_signature: tuple[Text, ...] = Field(
        default=(), description="the signer's command, as a list; {attestation} is the statement's file"
    )

    @field_validator("alias")
    @classmethod
    def _not_reserved(cls, value: str) -> str:
        if value == "latest" or (value.startswith("v") and value[1:].isdigit()):
            raise ValueError(f"must not be `latest` or `vN`, which MLflow reserves, got {value}")
        return value

    @field_validator("verify_signature")
    @classmethod
    def _names_the_statement(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value and not any("{attestation}" in argument for argument in value[1:]):
            raise ValueError(
                'must be a command and its arguments, one of them with "{attestation}", the statement\'s file, '
                f"got {list(value)}"
            )
        return value

    @model_validator(mode="after")
    def _signature_of_something(self) -> Self:
        if self.verify_signature and not self.require_attestation:
            raise ValueError("verify_signature checks an attestation, so require_attestation must be true")
        return self


class TrackingSection(Section):
    """Where runs are recorded."""

    uri: Text = "sqlite:///mlflow.db"
    experiment: Text = "explain-gate"
    on_unreachable: Literal["outbox", "fail"] = "outbox"
    promote: PromoteSection | None = None


class PublishSection(Section):
    """What a run shows of the pictures that it measured: in its folder, its report and its record alike."""

    pictures: Literal["all", "failed", "none"] = Field(
        default="all",
        description="failed: the photographs of images that a broken rule names, and none made with other images",
    )


class GateFile(Section):
    """thresholds.yaml as a whole."""

    version: Literal[1]
    model: ModelSection
    data: DataSection
    methods: dict[Text, dict[str, Any] | None] = Field(min_length=1)
    judging: JudgingSection = JudgingSection()
    checks: dict[Text, dict[Text, RuleSection] | None] = Field(description="family -> metric -> rule")
    waivers: list[WaiverSection] = Field(default=[])
    waivers_max_days: int = Field(default=90, ge=1, le=3660, description="how far ahead a waiver may end")
    tracking: TrackingSection = TrackingSection()
    publish: PublishSection = PublishSection()
    seed: int = Field(default=0, ge=0, lt=2**63)
