"""What is measured: pictures and what is drawn on them, a model and what it answers, maps, numbers, a profile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

MapKind = Literal["positive", "magnitude", "signed"]
STEPS_NEEDED = "attribution.budget@steps_needed"
"""The measurement that names the images whose maps ran out of their budget of passes, and about how many it takes."""


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
    (N, H, ceil(W / 8)) bits; strengths.npy (N, classes) float32, the probability of every class where the task has
    one; thumbnails/<row>.jpg. It is None for a profile that was never written. `unverified` says why nobody can tell
    whether its files are those that were measured; None where they are.
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
