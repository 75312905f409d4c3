"""Second stage: every method once per image; maps go to disk, scaled to 1 and rounded to half precision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explain_gate.attribution.attribute import explain
from explain_gate.data.regression_set import RegressionSet, stack
from explain_gate.errors import ExplainGateError, UserCodeError, raised_by_module, told_error
from explain_gate.measuring.asking.resources import Resources
from explain_gate.measuring.predict import BATCH, Predictions
from explain_gate.measuring.progress import Progress
from explain_gate.measuring.reasons import reason_of
from explain_gate.measuring.remembering.recall import Memory
from explain_gate.profile.writer import ProfileWriter
from explain_gate.records import Sample
from explain_gate.tasks.task import aimed

FLAT = "the map is flat"
SILENT = "the map has no positive relevance"
NOT_FINITE = "the map is not finite"


def explain_all(
    resources: Resources,
    method: str,
    data: RegressionSet,
    predictions: Predictions,
    writer: ProfileWriter,
    progress: Progress,
    memory: Memory,
    asked: Sequence[int] | None = None,
) -> dict[int, str]:
    """Run one method over all images that it was not run on before; returns why images have no usable map.

    Args:
        resources: of the measurement; the maps are left there.
        method: its name.
        data: the regression set.
        predictions: of all images; those without one get no map.
        writer: of the profile, which keeps the maps.
        progress: told of every batch.
        memory: what is known already.
        asked: the rows that some rule asks for; None for all.
    """
    kept = writer.maps(method)
    faults: dict[int, str] = dict(predictions.reasons)
    details: dict[str, NDArray[np.float64]] = {}
    looked_at = range(len(data)) if asked is None else sorted(asked)
    wanted = [row for row in looked_at if row not in faults]
    rows = _unknown(method, wanted, kept, details, memory)
    done = len(wanted) - len(rows)
    for samples in data.batches(BATCH, rows):
        columns = predictions.logits[[sample.index for sample in samples]]
        for group, attribution in _attributions(resources, method, samples, columns, faults):
            for name, column in attribution.details.items():
                details.setdefault(name, np.full(len(data), np.nan))[group] = column.double().cpu().numpy()
            maps = attribution.maps.float().cpu()
            for row, image_map in zip(group, maps, strict=True):
                reason = _fault_of(image_map)
                if reason is not None:
                    faults[row] = reason
                else:
                    kept[row] = (image_map / image_map.abs().max()).half().numpy()
        fine = [sample.index for sample in samples if sample.index not in faults]
        memory.keep_maps(
            method, {row: (kept[row], {name: float(column[row]) for name, column in details.items()}) for row in fine}
        )
        done += len(samples)
        progress.advance(method, done, len(wanted))
        writer.let_go()
    # Such a map is kept, with its details, so that the next run or another worker need not spend the budget again.
    for row, needed in out_of_budget(details).items():
        faults.setdefault(row, f"{method}: more gradients than max_steps are needed, about {needed}")
    usable = np.zeros(len(data), dtype=bool)
    usable[[row for row in looked_at if row not in faults]] = True
    resources.maps.maps[method] = kept
    resources.maps.details[method] = details
    resources.maps.usable[method] = usable
    return faults


def out_of_budget(details: Mapping[str, NDArray[np.float64]]) -> dict[int, int]:
    """Rows whose map is not good enough because its passes ran out, and about how many it takes."""
    if not {"steps", "steps_needed"} <= set(details):
        return {}
    needed = details["steps_needed"]
    return {row: int(needed[row]) for row in np.flatnonzero(needed > details["steps"]).tolist()}


def _unknown(
    method: str, rows: Sequence[int], kept: NDArray[np.float16], details: dict[str, NDArray[np.float64]], memory: Memory
) -> list[int]:
    """Fill in the maps that are remembered; returns the rows of the others."""
    unknown: list[int] = []
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        known = memory.maps(method, part, (kept.shape[1], kept.shape[2]))
        for row, (one, numbers) in known.items():
            kept[row] = one
            for name, number in numbers.items():
                details.setdefault(name, np.full(len(kept), np.nan))[row] = number
        unknown.extend(row for row in part if row not in known)
    return unknown


def _attributions(
    resources: Resources, method: str, samples: Sequence[Sample], columns: Tensor, faults: dict[int, str]
) -> Iterator[tuple[list[int], Any]]:
    """Attributions of a batch, or image by image where the batch raises. `columns` are those of its images."""
    pixels = stack(samples)[0]
    task = resources.variants.probe.task
    targets = aimed(task, task.targets([sample.truth for sample in samples]), columns)
    keys = [f"{sample.digest}:{sample.label}" for sample in samples]
    place = resources.variants.probe.device

    def run(part: slice) -> Any:
        options = resources.options[method]
        return explain(
            resources.variants.probe, method, pixels[part].to(place), targets[part].to(place), keys[part], options
        )

    try:
        yield [sample.index for sample in samples], run(slice(None))
    except ExplainGateError:
        raise
    except Exception as error:  # noqa: BLE001 - a user's model or method may raise anything
        if len(samples) == 1:
            faults[samples[0].index] = _reason_or_raise(method, error, samples[0])
            return
        for position, sample in enumerate(samples):
            try:
                yield [sample.index], run(slice(position, position + 1))
            except ExplainGateError:
                raise
            except Exception as own:  # noqa: BLE001 - as above
                faults[sample.index] = _reason_or_raise(method, own, sample)


def _reason_or_raise(method: str, error: Exception, sample: Sample) -> str:
    """Why an image has no map.

    Raises:
        UserCodeError: the team's own method raised, and not the model that it asked.
    """
    if ":" in method and not raised_by_module(error):
        raise UserCodeError(f"the method {method} raised {told_error(error)} on {sample.image}") from error
    return reason_of(method, error)


def _fault_of(image_map: Tensor) -> str | None:
    if not bool(torch.isfinite(image_map).all()):
        return NOT_FINITE
    if bool(image_map.max() != image_map.min()):
        return None
    # All zeros say that nothing speaks for the class; a constant above zero says that the map is broken.
    return FLAT if bool(image_map.max() > 0) else SILENT
