"""First stage: every image once through the model; pictures and regions are kept for the report, faults are found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from explain_gate.attribution.base import Probe
from explain_gate.attribution.diagnosis import forward_raised
from explain_gate.data.images import share_of
from explain_gate.data.oddities import oddities
from explain_gate.data.preprocessing import visible
from explain_gate.data.regression_set import LOST, RegressionSet, raise_faults, require_one_size
from explain_gate.errors import DataError, ExplainGateError, ModelError
from explain_gate.measuring.progress import Progress
from explain_gate.measuring.reasons import reason_of
from explain_gate.measuring.remembering.contents import Picture
from explain_gate.measuring.remembering.recall import Memory
from explain_gate.profile.writer import ProfileWriter
from explain_gate.records import ImageRow, Sample
from explain_gate.tasks import TASKS
from explain_gate.tasks.task import Task

BATCH = 16
"""Images that are decoded and measured together; the probe cuts its passes by memory on its own."""

_REPEATED = 4
"""Images that are predicted again, together and alone."""

_ROUNDING = 1e-2
"""How far the same logits may be apart, as a share of the largest: sums in another order, in half precision too."""

LOGITS_NOT_FINITE = "the model's logits are not finite"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predictions:
    """The first stage's result: rows of the report, logits (N, K), and why images cannot be measured at all.

    `warnings` are sentences on what the numbers mean, for every report of the run.
    """

    images: tuple[ImageRow, ...]
    logits: Tensor
    reasons: Mapping[int, str]
    region_reasons: Mapping[int, str]
    warnings: tuple[str, ...] = ()

    @property
    def able(self) -> list[int]:
        """The rows that have a prediction."""
        return [row for row in range(len(self.images)) if row not in self.reasons]


def predict(
    probe: Probe, data: RegressionSet, writer: ProfileWriter, progress: Progress, memory: Memory
) -> Predictions:
    """Predict every image and keep its picture and region; what is remembered is neither decoded nor predicted.

    Raises:
        DataError: files that cannot be used, all of them listed.
        ModelError: no image can be predicted, the logits do not fit the classes, or they differ from call to call.
    """
    images: list[ImageRow] = []
    parts: list[Tensor] = []
    reasons: dict[int, str] = {}
    region_reasons: dict[int, str] = {}
    faults: list[str] = []
    sizes: dict[tuple[int, int], str] = {}
    looks: dict[str, Mapping[str, float]] = {}
    asked = False
    for rows in _readable(data, faults):
        pictures, known = memory.pictures(rows), memory.logits(rows)
        samples = _decoded(data, [row for row in rows if row not in pictures or row not in known], faults)
        if faults:
            continue
        fresh = {sample.index: _picture(sample, data) for sample in samples if sample.index not in pictures}
        memory.keep_pictures(fresh)
        pictures |= fresh
        for row in rows:
            sizes.setdefault(pictures[row].size, data.entries[row].image)
            looks[data.entries[row].image] = pictures[row].looks
        require_one_size(sizes)
        unknown = [sample for sample in samples if sample.index not in known]
        if unknown:
            asked = True
            logits, failed = _logits(probe, unknown)
            reasons.update({unknown[position].index: reason for position, reason in failed.items()})
            new = {sample.index: logits[position] for position, sample in enumerate(unknown)}
            memory.keep_logits({row: one for row, one in new.items() if row not in reasons})
            known |= new
        for row in rows:
            images.append(_row(probe.task, data, row, pictures[row], known[row]))
            parts.append(known[row])
            if (region_reason := pictures[row].reason) is not None:
                region_reasons[row] = region_reason
            _keep_picture(row, pictures[row], writer)
        progress.advance("predict", len(images), len(data))
    raise_faults(faults)
    if len(reasons) == len(data):
        raise ModelError(f"no image of {len(data)} could be predicted: {next(iter(reasons.values()))}")
    logits = torch.stack(parts)
    probe.task.check(logits, by_target=probe.target is not None)
    if asked:  # what is recalled was checked when it was measured: its key holds all that it depends on
        check_repeatable(probe, data, [row for row in range(len(data)) if row not in reasons])
    return Predictions(
        images=tuple(images),
        logits=logits,
        reasons=reasons,
        region_reasons=region_reasons,
        warnings=(*oddities(looks), *probe.task.cautions(logits, [entry.truth for entry in data.entries])),
    )


def _readable(data: RegressionSet, faults: list[str]) -> Iterator[list[int]]:
    """Rows in batches, without those whose file cannot be opened; their faults are kept for one message."""
    for start in range(0, len(data), BATCH):
        rows = []
        for row in range(start, min(start + BATCH, len(data))):
            try:
                data.identity(row)
                rows.append(row)
            except OSError as error:
                faults.append(str(error))
        if rows:
            yield rows


def _decoded(data: RegressionSet, rows: Sequence[int], faults: list[str]) -> list[Sample]:
    """The samples of these rows; the faults of files are kept, so that one message can list every file."""
    samples = []
    for row in rows:
        try:
            samples.append(data.sample(row))
        except (DataError, OSError) as error:
            faults.append(str(error))
    return samples


def _logits(probe: Probe, samples: Sequence[Sample]) -> tuple[Tensor, dict[int, str]]:
    """Logits (N, K) on the CPU, and the reason for every image that has none."""
    pixels = torch.stack([sample.pixels for sample in samples]).to(probe.device)
    targets = probe.task.targets([sample.truth for sample in samples])
    failed: dict[int, str] = {}
    try:
        logits = probe.logits(pixels, targets).cpu()
    except ExplainGateError:
        raise
    except Exception as error:  # the user's forward may raise anything, on one image of many
        parts: list[Tensor | None] = []
        for position in range(len(samples)):
            try:
                one = slice(position, position + 1)
                parts.append(probe.logits(pixels[one], targets[one]).cpu())
            except ExplainGateError:
                raise
            except Exception as own:  # noqa: BLE001 - as above
                failed[position] = reason_of("the model's forward", own)
                parts.append(None)
        known = next((part for part in parts if part is not None), None)
        if known is None:
            raise forward_raised(probe.module, pixels[:1], error) from error
        logits = torch.cat([torch.full_like(known, float("nan")) if part is None else part for part in parts])
    for position in (~torch.isfinite(logits).all(dim=1)).nonzero().flatten().tolist():
        failed.setdefault(position, LOGITS_NOT_FINITE)
    return logits.float(), failed


def _row(task: Task, data: RegressionSet, row: int, picture: Picture, logits: Tensor) -> ImageRow:
    # One score per image, from a target function, is no answer.
    finite = bool(torch.isfinite(logits).all()) and logits.numel() > 1
    answer = task.answers(logits[None])[0] if finite and not _out_of_sight(task, picture) else None
    entry = data.entries[row]
    return ImageRow(
        image=entry.image,
        label=entry.label,
        class_name=entry.class_name,
        accepted=entry.accepted,
        digest=data.digest(row),
        predicted=answer.predicted if answer else None,
        probability=answer.probability if answer else None,
        region_area=picture.area,
        region_reason=picture.reason,
        right=bool(task.right(logits[None], [data.entries[row].truth])) if answer else None,
        said=answer.said if answer else None,
        value=answer.value if answer else None,
        annotated=entry.value,
    )


def _out_of_sight(task: Task, picture: Picture) -> bool:
    """Whether the task asks about an object that the crop took away."""
    return TASKS[task.name].located and picture.reason == LOST


def _picture(sample: Sample, data: RegressionSet) -> Picture:
    shown = (visible(sample.pixels, data.preprocessing) * 255).round().to(torch.uint8)
    jpeg = BytesIO()
    Image.fromarray(shown.permute(1, 2, 0).numpy()).save(jpeg, "JPEG", quality=88)
    region = b"" if sample.region is None else np.packbits(sample.region.numpy(), axis=-1).tobytes()
    return Picture(
        size=(sample.pixels.shape[-2], sample.pixels.shape[-1]),
        area=None if sample.region is None else share_of(sample.region, sample.ignored),
        reason=sample.region_reason,
        region=region,
        jpeg=jpeg.getvalue(),
        looks=sample.looks,
    )


def _keep_picture(row: int, picture: Picture, writer: ProfileWriter) -> None:
    regions = writer.regions()
    if picture.region:
        regions[row] = np.frombuffer(picture.region, dtype=np.uint8).reshape(regions.shape[1:])
    writer.thumbnail(row).write_bytes(picture.jpeg)


def check_repeatable(probe: Probe, data: RegressionSet, rows: Sequence[int]) -> None:
    """Predict the first of `rows` again: a score that is random or depends on the other images has no explanation.

    Raises:
        ModelError: the same images come to other logits the second time, or alone.
    """
    rows = rows[:_REPEATED]
    if not rows:
        return
    samples = [data.sample(row) for row in rows]
    pixels = torch.stack([sample.pixels for sample in samples])
    targets = probe.task.targets([sample.truth for sample in samples])
    if len(rows) == 1:  # a mirrored picture keeps it company
        pixels, targets = torch.cat([pixels, pixels.flip(-1)]), targets.expand(2, *targets.shape[1:])
    pixels = pixels.to(probe.device)
    probe.logits(pixels[:1], targets[:1])  # the probe's first pass is of one image, whose memory it measures
    together = probe.logits(pixels, targets)
    if (gap := _gap(together, probe.logits(pixels, targets))) is not None:
        raise ModelError(
            f"the model gives other logits for the same image ({samples[0].image}, by up to {gap:.3g}): it is random "
            "in eval mode. Remove the randomness from forward, e.g. functional dropout without training=self.training."
        )
    alone = torch.cat([probe.logits(pixels[one : one + 1], targets[one : one + 1]) for one in range(len(pixels))])
    if (gap := _gap(together, alone)) is not None:
        raise ModelError(
            f"the model gives an image ({samples[0].image}) other logits beside other images than alone, by up to "
            f"{gap:.3g}: something in forward is taken over the whole batch, so no explanation belongs to one image. "
            "Take means, maxima and norms over each image, e.g. x.mean((1, 2, 3), keepdim=True), and pass "
            "training=self.training to functional batch norm."
        )


def _gap(logits: Tensor, others: Tensor) -> float | None:
    """How far two results for the same images are apart, where that is more than rounding."""
    gap = (logits - others).abs().max().item()
    return gap if gap > _ROUNDING * max(1.0, logits.abs().max().item()) else None
