"""thresholds.yaml -> a typed description of one gate. Every error names file, line and key; unknown keys are errors."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from explain_gate.errors import ConfigError, did_you_mean

Decide = Literal["value", "evidence"]
Statistic = Literal["mean", "median", "p05", "p95", "min", "max"]
_MOST_NODES = 100_000  # a file of aliases to aliases must not fill the memory
_MOST_BYTES = 2_000_000


def load_config(path: str | Path) -> GateConfig:
    """Read and validate one thresholds.yaml.

    Raises:
        ConfigError: the file is missing or malformed, or a key or value in it is not allowed.
    """
    file = Path(path)
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{file}: cannot be read ({error.strerror}). `explain-gate init` writes a thresholds.yaml to start from."
        ) from error
    return read_config(raw, file)


def read_config(raw: bytes, file: Path) -> GateConfig:
    """Validate the bytes of a thresholds.yaml as if they stood in `file`.

    Raises:
        ConfigError: they are malformed, or a key or value in them is not allowed.
    """
    if len(raw) > _MOST_BYTES:
        raise ConfigError(f"{file}: must be smaller than {_MOST_BYTES} bytes, got {len(raw)}")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: must be UTF-8 text, got a byte that is not at position {error.start}") from error
    data, lines = _parse(text, file)
    try:
        sections = GateFile.model_validate(data)
    except ValidationError as error:
        raise ConfigError(_describe(error, file, lines)) from error
    return GateConfig(
        path=file.absolute(), text=text, digest=hashlib.sha256(raw).hexdigest(), sections=sections, lines=lines
    )


def json_schema() -> dict[str, Any]:
    """The JSON Schema of thresholds.yaml, for editors."""
    schema = GateFile.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "explain-gate thresholds.yaml",
        **schema,
    }


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_text(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        raise ValueError(
            f"must be text, got {value!r}: YAML reads bare yes, no, on, off, null as other types; quote it"
        )
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_as_text), Field(min_length=1)]
Size = Annotated[int, Field(gt=0, le=8192)]
Sides = Size | tuple[Size, Size]
Colour = Annotated[float, Field(ge=0, le=255)]


class TaskSection(_Section):
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


class ModelSection(_Section):
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


class PadSection(_Section):
    """Letterbox: the whole picture fits into a size, and what is left over is filled."""

    size: Sides = Field(description="side, or [height, width], in pixels")
    colour: Colour | list[Colour] = Field(default=0, description="0 to 255, one number or one a channel")


class PreprocessingSection(_Section):
    """How an image file becomes the model's input; regions move with it."""

    weights: Text | None = Field(default=None, description="a torchvision weights entry whose transforms are used")
    timm: Text | None = Field(default=None, description="a timm model whose evaluation transform is used")
    processor: Path | None = Field(default=None, description="a folder with Hugging Face's preprocessor_config.json")
    transform: Text | None = Field(
        default=None,
        description="package.module:callable of picture and mask: torchvision v2, albumentations, or a function",
    )
    resize: Sides | None = Field(default=None, description="shorter side, or [height, width], in pixels")
    crop: Sides | None = Field(default=None, description="centre crop: side, or [height, width], in pixels")
    pad: Sides | PadSection | None = Field(
        default=None, description="fit the whole picture into a size: side, [height, width], or {size, colour}"
    )
    interpolation: Literal["nearest", "bilinear", "bicubic"] | None = Field(
        default=None, description="of resize and pad"
    )
    mean: list[float] | None = Field(default=None, description="per channel, of values in [0, 1]")
    std: list[Annotated[float, Field(gt=0)]] | None = Field(default=None, description="per channel")
    channels: Annotated[int, Field(gt=0, le=1024)] = Field(default=3, description="of the model's input: 1, 3 or bands")
    order: Literal["rgb", "bgr"] = Field(default="rgb", description="of the three colours in the model's input")
    range: tuple[float, float] | None = Field(
        default=None, description="the stored values that become 0 and 1, such as [0, 4095] for 12 bits"
    )
    window: tuple[float, Annotated[float, Field(gt=0)]] | Literal["file"] | None = Field(
        default=None, description="DICOM: [centre, width], or file for the one that the file names"
    )

    @model_validator(mode="after")
    def _one_way(self) -> PreprocessingSection:
        ways = [name for name in ("weights", "timm", "processor", "transform") if getattr(self, name) is not None]
        if len(ways) > 1:
            raise ValueError(f"must name one of {', '.join(ways)}, got {len(ways)} of them")
        steps = ["resize", "crop", "pad", "interpolation", "mean", "std", "order"]
        steps += ["range"] if self.transform is not None else ["channels"]
        others = [name for name in steps if getattr(self, name) != type(self).model_fields[name].default]
        if ways and others:
            raise ValueError(f"{ways[0]} already says how to resize, crop and normalise; remove {', '.join(others)}")
        if self.pad is not None and (self.resize is not None or self.crop is not None):
            raise ValueError("pad already says the size; remove resize and crop")
        if self.interpolation is not None and self.resize is None and self.pad is None:
            raise ValueError("interpolation says how resize and pad work; write one of them")
        if (self.mean is None) != (self.std is None):
            raise ValueError("mean and std belong together; write both or neither")
        if self.mean is not None and self.std is not None and not len(self.mean) == len(self.std) == self.channels:
            raise ValueError(
                f"mean and std must have {self.channels} numbers each, one per channel, got {len(self.mean)} and "
                f"{len(self.std)}; preprocessing.channels says how many there are"
            )
        return self

    @model_validator(mode="after")
    def _values(self) -> PreprocessingSection:
        if self.order == "bgr" and self.channels != 3:
            raise ValueError(f"order: bgr is of three colours, got channels: {self.channels}")
        if self.range is not None and not self.range[0] < self.range[1]:
            raise ValueError(f"range must be [low, high], low first, got {list(self.range)}")
        if self.range is not None and self.window is not None:
            raise ValueError("range and window both say which values become 0 and 1; write one")
        colour = self.pad.colour if isinstance(self.pad, PadSection) else 0
        if isinstance(colour, list) and len(colour) != self.channels:
            raise ValueError(f"pad.colour must be one number or {self.channels}, got {len(colour)}")
        return self


class DataSection(_Section):
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


class RuleSection(_Section):
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
    parameters: dict[str, Any] = {}
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


class JudgingSection(_Section):
    """What breaks a rule. A file without this section means its value."""

    decide: Decide = Field(default="value", description="for rules that say must_catch and do not say how themselves")
    false_alarms: float = Field(
        default=0.005, gt=0, lt=0.5, description="each rule's part: probability that it blocks an honest version"
    )
    max_excluded: float = Field(
        default=0.05, ge=0, lt=1, description="share of a rule's images that reviews may take out of it"
    )


class WaiverSection(_Section):
    """A rule that may break until a date."""

    check: Text
    method: Text | None = None
    class_name: Text | None = Field(default=None, alias="class")
    reason: Text
    owner: Text
    ticket: Text | None = None
    expires: dt.date = Field(description="its last day, at most waivers_max_days ahead")
    unmeasured: bool = Field(default=False, description="also while the rule is unmeasured")


class PromoteSection(_Section):
    """The registry alias that moves to a version that passes."""

    model: Text
    alias: Text
    inconclusive: Literal["hold", "allow"] = Field(
        default="hold", description="hold: not while a rule could hide what it must catch"
    )
    four_eyes: bool = Field(
        default=False, description="the alias moves only by `explain-gate approve` under two different names"
    )

    @field_validator("alias")
    @classmethod
    def _not_reserved(cls, value: str) -> str:
        if value == "latest" or (value.startswith("v") and value[1:].isdigit()):
            raise ValueError(f"must not be `latest` or `vN`, which MLflow reserves, got {value}")
        return value


class TrackingSection(_Section):
    """Where runs are recorded."""

    uri: Text = "sqlite:///mlflow.db"
    experiment: Text = "explain-gate"
    on_unreachable: Literal["outbox", "fail"] = "outbox"
    promote: PromoteSection | None = None


class PublishSection(_Section):
    """What a run shows of the pictures that it measured: in its folder, its report and its record alike."""

    pictures: Literal["all", "failed", "none"] = Field(
        default="all",
        description="failed: the photographs of images that a broken rule names, and none made with other images",
    )


class GateFile(_Section):
    """thresholds.yaml as a whole."""

    version: Literal[1]
    model: ModelSection
    data: DataSection
    methods: dict[Text, dict[str, Any] | None] = Field(min_length=1)
    judging: JudgingSection = JudgingSection()
    checks: dict[Text, dict[Text, RuleSection] | None] = Field(description="family -> metric -> rule")
    waivers: list[WaiverSection] = []
    waivers_max_days: int = Field(default=90, ge=1, le=3660, description="how far ahead a waiver may end")
    tracking: TrackingSection = TrackingSection()
    publish: PublishSection = PublishSection()
    seed: int = Field(default=0, ge=0, lt=2**63)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GateConfig:
    """A validated thresholds.yaml with its place on disk; paths in it are relative to the file."""

    path: Path
    text: str
    digest: str
    sections: GateFile
    lines: Mapping[tuple[str | int, ...], int]

    def resolve(self, path: Path) -> Path:
        """A path of the file as an absolute path."""
        return path if path.is_absolute() else self.path.parent / path

    def line(self, *keys: str | int) -> int:
        """The line of a key, or of the nearest enclosing one."""
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return self.lines.get(keys, 1)

    def rules(self) -> Iterator[tuple[str, RuleSection, int]]:
        """Every rule as ("family.metric", rule, line), in the order of the file."""
        for family, metrics in self.sections.checks.items():
            for metric, rule in (metrics or {}).items():
                yield f"{family}.{metric}", rule, self.line("checks", family, metric)

    def method_options(self) -> dict[str, dict[str, Any]]:
        """Options by method name."""
        return {name: dict(options or {}) for name, options in self.sections.methods.items()}

    def require_filled(self, *given: str) -> None:
        """Nothing under model or data still says FILL_IN, as `init` wrote it, but for keys that are `given` otherwise.

        Raises:
            ConfigError: every key that does, with its line.
        """
        dumped = self.sections.model_dump(mode="json", include={"model", "data"}, exclude_none=True)
        keys = [keys for keys in _placeholders(dumped, ()) if ".".join(map(str, keys)) not in given]
        if keys:
            raise ConfigError(
                "\n".join(f"{self.path}:{self.line(*one)}: {'.'.join(map(str, one))}: {_LEFT}" for one in keys)
            )

    def error(self, message: str, *keys: str | int) -> ConfigError:
        """A ConfigError that points at a key."""
        return ConfigError(f"{self.path}:{self.line(*keys)}: {'.'.join(map(str, keys))}: {message}")


_LEFT = "still says FILL_IN; write yours in its place"


def _placeholders(value: Any, keys: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    """The keys of values that `init` left to be filled in."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        if "FILL_IN" in str(key):
            yield keys
        yield from _placeholders(inner, (*keys, key))
    if isinstance(value, str) and "FILL_IN" in value:
        yield keys


def _parse(text: str, file: Path) -> tuple[Any, dict[tuple[str | int, ...], int]]:
    loader = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            raise ConfigError(f"{file}:1: the file is empty. `explain-gate init` writes one to start from.")
        lines: dict[tuple[str | int, ...], int] = {}
        _index(node, (), lines, file, [0], frozenset())
        data = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigError(f"{file}:{line}: not valid YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise ConfigError(f"{file}:1: not valid YAML: {error}") from error
    finally:
        if loader is not None:
            loader.dispose()
    if not isinstance(data, dict):
        raise ConfigError(f"{file}:1: must be a mapping with the keys {_allowed(GateFile)}, got {type(data).__name__}")
    return data, lines


def _index(
    node: yaml.Node,
    keys: tuple[str | int, ...],
    lines: dict[tuple[str | int, ...], int],
    file: Path,
    count: list[int],
    above: frozenset[int],
) -> None:
    """Remember the line of every key; refuse duplicate keys, endless and exploding aliases."""
    count[0] += 1
    if count[0] > _MOST_NODES or id(node) in above or len(keys) > 50:
        raise ConfigError(f"{file}:{node.start_mark.line + 1}: aliases that repeat themselves are not allowed")
    lines.setdefault(keys, node.start_mark.line + 1)
    above = above | {id(node)}
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise ConfigError(f"{file}:{line}: a key must be plain text")
            if key.value in seen:
                raise ConfigError(f"{file}:{line}: {'.'.join(map(str, (*keys, key.value)))}: the key is written twice")
            seen.add(key.value)
            lines[(*keys, key.value)] = line
            _index(value, (*keys, key.value), lines, file, count, above)
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            _index(value, (*keys, position), lines, file, count, above)


def _describe(error: ValidationError, file: Path, lines: Mapping[tuple[str | int, ...], int]) -> str:
    """All problems, one a line, each with file, line, key, what is wrong and what to write."""
    problems: dict[str, None] = {}
    for problem in error.errors():
        keys = tuple(problem["loc"])
        while keys and keys not in lines:
            keys = keys[:-1]
        # A union reports one problem per alternative under made-up keys; the path in the file is what counts.
        path = keys or tuple(problem["loc"])
        if problem["type"] == "missing":
            path = tuple(problem["loc"])
        where = f"{file}:{lines.get(keys, 1)}: {'.'.join(map(str, path)) or 'the file'}"
        problems[f"{where}: {_sentence(problem)}"] = None
    return "\n".join(problems)


def _sentence(problem: Any) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "extra_forbidden":
        section, key = _section_at(problem["loc"][:-1]), str(problem["loc"][-1])
        if section is None:
            return "unknown key"
        return f"unknown key; {_near(key, section)}allowed here: {_allowed(section)}"
    if kind == "missing":
        return "is missing"
    if kind == "value_error":
        return str(context.get("error", problem["msg"]))
    value = problem["input"]
    if kind == "literal_error" and isinstance(value, str):
        near = did_you_mean(value, re.findall(r"'([^']+)'", context.get("expected", "")))
        return f"must be {context.get('expected')}; {near}got {value!r}"
    shown = repr(value) if isinstance(value, str | int | float | bool | None) else type(value).__name__
    return f"{problem['msg'][0].lower()}{problem['msg'][1:]}, got {shown}"


def _section_at(loc: tuple[str | int, ...]) -> type[BaseModel] | None:
    """The section class behind a path of keys, for the list of allowed keys."""
    if not loc:
        return GateFile
    homes: dict[str, type[BaseModel]] = {
        "model": ModelSection,
        "data": DataSection,
        "judging": JudgingSection,
        "checks": RuleSection,
        "waivers": WaiverSection,
        "tracking": TrackingSection,
        "publish": PublishSection,
    }
    section = homes.get(str(loc[0]))
    if section is ModelSection and "task" in loc:
        return TaskSection
    if section is DataSection and "preprocessing" in loc:
        return PadSection if "pad" in loc else PreprocessingSection
    if section is TrackingSection and "promote" in loc:
        return PromoteSection
    return section


def _near(key: str, section: type[BaseModel]) -> str:
    """The key that may be meant: one of this section that is spelled so, else the same in another."""
    names = [field.alias or name for name, field in section.model_fields.items()]
    if near := did_you_mean(key, names):
        return near
    homes: dict[str, type[BaseModel]] = {"model": ModelSection, "data": DataSection, "": GateFile}
    homes["data.preprocessing"] = PreprocessingSection
    home = next((home for home, other in homes.items() if other is not section and key in other.model_fields), None)
    place = "the top of the file" if home == "" else home
    return "" if home is None else f"it belongs to {place}; "


def _allowed(section: type[BaseModel]) -> str:
    return ", ".join(field.alias or name for name, field in section.model_fields.items())
