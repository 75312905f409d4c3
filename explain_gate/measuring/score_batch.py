"""One table and one batch: images that lack what the metric needs get their reason, the others a value."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explain_gate.data.regression_set import LOST, part_of
from explain_gate.errors import (
    ExplainGateError,
    ModelError,
    NotApplicable,
    NotMeasurable,
    UserCodeError,
    raised_by_module,
    told_error,
)
from explain_gate.measuring.asking.batch import Asked, MeasuredBatch, WithoutModel
from explain_gate.measuring.asking.capabilities import questions_of, scope_of
from explain_gate.measuring.asking.capability import Request
from explain_gate.measuring.asking.resources import Resources
from explain_gate.measuring.explain import SILENT
from explain_gate.measuring.predict import Predictions
from explain_gate.measuring.reasons import reason_of
from explain_gate.measuring.table import Table
from explain_gate.records import Sample
from explain_gate.tasks import TASKS


def score_batch(
    table: Table,
    resources: Resources,
    samples: Sequence[Sample],
    predictions: Predictions,
    faults: Mapping[int, str],
    shared: dict[Hashable, MeasuredBatch],
    maps: Tensor | None = None,
) -> None:
    """Fill one table for one batch: images that lack what the metric needs get their reason, the others a value."""
    wanted = set(table.rows) - set(table.values)
    samples = as_asked(table, samples)
    able = []
    for position, sample in enumerate(samples):
        if sample.index in wanted and not _left_out(table, resources, sample, predictions, faults):
            able.append(position)
    if "relevance" in table.needs and able and maps is None:
        able = _with_positive_part(table, resources, samples, able)
    if not able:
        return
    key = (tuple(able), table.sample, table.part, table.peers)
    if key not in shared:
        chosen = [samples[position] for position in able]
        rows = [sample.index for sample in chosen]
        request = Request(
            samples=chosen,
            logits=predictions.logits[rows],
            method=table.method,
            maps=None if maps is None else maps[able],
            population=table.population,
            peers=table.peers,
            part=table.part,
        )
        shared[key] = MeasuredBatch(request, resources)
    _call(table, shared[key])


def _left_out(
    table: Table, resources: Resources, sample: Sample, predictions: Predictions, faults: Mapping[int, str]
) -> bool:
    """Whether an image gets its reason, or the value of a map that lies nowhere, without the metric being asked."""
    # What the model did must not hide what holds whatever it does, so that comes first.
    exempt = sample.region_reason if "region" in table.needs or _out_of_sight(resources, sample) else None
    if exempt is None and "annotators" in table.needs and len(sample.annotators) < 2:
        exempt = "fewer than two annotators drew a region"
    reason = predictions.reasons.get(sample.index) or faults.get(sample.index)
    if exempt is None and reason is not None:
        exempt = _ruled_out(table, resources, sample, predictions)
    if exempt is not None:
        table.exempts(sample.index, exempt)
    elif reason == SILENT and table.measures_silence:
        return False
    elif reason == SILENT:
        table.silent(sample.index)
    elif reason is not None:
        table.reasons[sample.index] = reason
    return exempt is not None or reason is not None


def _out_of_sight(resources: Resources, sample: Sample) -> bool:
    """Whether an output would be compared with an object that the crop took away."""
    return TASKS[resources.variants.probe.task.name].located and sample.region_reason == LOST


def _ruled_out(table: Table, resources: Resources, sample: Sample, predictions: Predictions) -> str | None:
    """Why the metric does not apply to an image that the model or its map failed on; the model is not asked."""
    if not table.may_rule_out or not {"batch", "annotators"} & set(table.needs):
        return None
    size = sample.pixels.shape[-2:]
    request = Request(
        samples=[sample],
        logits=predictions.logits[[sample.index]],
        method=table.method,
        maps=torch.ones(1, *size),
        population=table.population,
        part=table.part,
    )
    asked = WithoutModel(MeasuredBatch(request, resources))
    try:
        needed = {name: asked if name == "batch" else getattr(asked, name) for name in table.needs}
        table.function(**needed, **table.arguments())
    except NotApplicable as error:
        return error.reason
    except Exception:  # noqa: BLE001 - whatever else it is, the image's reason is the one that is known
        return None
    return None


def _with_positive_part(
    table: Table, resources: Resources, samples: Sequence[Sample], able: Sequence[int]
) -> list[int]:
    kept = []
    for position in able:
        row = samples[position].index
        kept_map = resources.maps.maps[table.method or ""][row]
        ignored = samples[position].ignored if _compares(table) else None
        if (kept_map if ignored is None else kept_map[~ignored.numpy()]).max(initial=0) > 0:
            kept.append(position)
        else:
            table.silent(row)
    return kept


def _call(table: Table, batch: MeasuredBatch) -> None:
    """Ask the metric; where it has no value for some image, ask image by image so that the others keep theirs."""
    try:
        batch.request.notes.clear()
        values = table.function(**_arguments(table, batch), **table.arguments())
    except (NotApplicable, NotMeasurable) as error:
        if len(batch.request.samples) == 1:
            if isinstance(error, NotApplicable):
                table.exempts(batch.request.rows[0], error.reason)
            else:
                table.reasons[batch.request.rows[0]] = error.reason
            return
        _call_one_by_one(table, batch)
        return
    except ExplainGateError:
        raise
    except Exception as error:  # a team's own metric may raise anything
        if len(batch.request.samples) > 1 and _may_be_one_image(table, error):
            _call_one_by_one(table, batch)
            return
        if not _is_own(table) or raised_by_module(error):
            _note_or_raise(table, batch, error)
            return
        raise UserCodeError(
            f"{table.check} ({table.rule.place}) raised {told_error(error)} on {batch.request.samples[0].image}"
        ) from error
    _take(table, batch, torch.as_tensor(values, dtype=torch.float64).flatten().tolist())


def _call_one_by_one(table: Table, batch: MeasuredBatch) -> None:
    for position in range(len(batch.request.samples)):
        _call(table, batch.single(position))


def _arguments(table: Table, batch: MeasuredBatch) -> dict[str, Any]:
    asked = Asked(batch, table.declared, alone=table.alone)
    arguments = {name: asked if name == "batch" else getattr(asked, name) for name in table.needs}
    if (
        "relevance" in arguments
        and _compares(table)
        and any(sample.ignored is not None for sample in batch.request.samples)
    ):
        # Relevance on ignored pixels counts neither inside nor outside; no region has any of them.
        arguments["relevance"] = arguments["relevance"].masked_fill(~batch.counted.to(arguments["relevance"].device), 0)
    return arguments


def _take(table: Table, batch: MeasuredBatch, numbers: Sequence[float]) -> None:
    """Fill the rows of a batch with what the metric returned and noted."""
    if len(numbers) != len(batch.request.samples):
        raise ModelError(
            f"{table.check} must return one value per image, ({len(batch.request.samples)},), got {len(numbers)} values"
        )
    scope, questions = scope_of(batch.request.asked), questions_of(batch.request)
    for row, number in zip(batch.request.rows, numbers, strict=True):
        if np.isfinite(number):
            table.values[row] = number
            table.scopes[row] = scope
            table.questions[row] = questions
            if row in batch.request.outcomes:
                table.outcomes[row] = batch.request.outcomes[row]
        else:
            table.reasons[row] = f"{table.check} is {number}"
    for name, (column, about) in batch.request.notes.items():
        numbers_of = column.double().reshape(len(batch.request.rows), -1).tolist()
        classes_of = (
            [[None] * len(own) for own in numbers_of]
            if about is None
            else about.reshape(len(batch.request.rows), -1).tolist()
        )
        for row, own, classes in zip(batch.request.rows, numbers_of, classes_of, strict=True):
            table.notes.setdefault(name, {})[row] = list(zip(own, classes, strict=True))


def _is_own(table: Table) -> bool:
    """Whether the metric is the team's code."""
    return ":" in table.rule.metric


def _may_be_one_image(table: Table, error: Exception) -> bool:
    """Whether asking image by image may tell more: a wrong argument of this package's metrics is wrong for all."""
    return _is_own(table) or isinstance(error, RuntimeError | ArithmeticError) or raised_by_module(error)


def _note_or_raise(table: Table, batch: MeasuredBatch, error: Exception) -> None:
    """Why one image has no value; an error that is not the image's is raised."""
    if isinstance(error, RuntimeError | ArithmeticError) or raised_by_module(error):
        table.reasons[batch.request.rows[0]] = reason_of(table.check, error)
        return
    if isinstance(error, TypeError | ValueError):
        raise ModelError(f"{table.check} ({table.rule.place}): {error}") from error
    raise error


def _compares(table: Table) -> bool:
    """Whether the metric looks at what people drew."""
    return bool({"region", "annotators"} & set(table.needs))


def as_asked(table: Table, samples: Sequence[Sample]) -> Sequence[Sample]:
    """The samples with the region of the part that the rule asks for."""
    part = table.part
    return samples if part is None else [part_of(sample, part) for sample in samples]
