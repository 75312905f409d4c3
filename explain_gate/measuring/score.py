"""Third stage: every metric of the rules on the maps as they are kept, and the controls."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from explain_gate.config import GateConfig
from explain_gate.data.regression_set import LOST, RegressionSet, part_of
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
from explain_gate.measuring.asking.capabilities import CAPABILITIES, questions_of, scope_of
from explain_gate.measuring.asking.capability import Request
from explain_gate.measuring.asking.resources import Resources
from explain_gate.measuring.controls import CONTROL_IMAGES, control_maps
from explain_gate.measuring.evidence import keep_evidence
from explain_gate.measuring.explain import SILENT, out_of_budget, reason_of
from explain_gate.measuring.predict import BATCH, Predictions
from explain_gate.measuring.progress import Progress
from explain_gate.measuring.remembering.recall import Memory
from explain_gate.measuring.table import Table
from explain_gate.measuring.table import needs_of as signature_needs
from explain_gate.metrics import METRICS, PAIR
from explain_gate.own_code import load_function
from explain_gate.records import STEPS_NEEDED, Measurement, Rule, Sample
from explain_gate.tasks import TASKS

if TYPE_CHECKING:
    from explain_gate.measuring.job import Job


def score(
    job: Job,
    resources: Resources,
    predictions: Predictions,
    faults: Mapping[str, Mapping[int, str]],
    progress: Progress,
    memory: Memory,
    folder: Path,
) -> list[Measurement]:
    """Every (check, method) of the rules, and the controls of rules that look at maps and regions.

    What the rules of behaviour did to images goes in pictures to the profile's `folder`.
    """
    data = job.data
    tables = _tables(job, memory)
    for method in dict.fromkeys((None, *faults, *(method for _, method in tables))):
        mine = [table for table in tables.values() if table.method == method]
        unusable = _faults_of(method, faults)
        union = sorted({row for table in mine for row in table.open(unusable, predictions)})
        stage = f"score {method}" if method else "score behaviour"
        done = 0
        for samples in data.batches(BATCH, union) if mine else ():
            shared: dict[Hashable, MeasuredBatch] = {}
            for table in mine:
                _score_batch(table, resources, samples, predictions, unusable, shared)
            memory.keep(mine, [sample.index for sample in samples])
            done += len(samples)
            progress.advance(stage, done, len(union))
    measurements = [part for table in tables.values() for part in (table.measurement(), *table.noted())]
    if job.is_share:
        return measurements
    keep_evidence(
        tables.values(),
        folder,
        task=job.task,
        preprocessing=data.preprocessing,
        memory=memory,
        batch_of=lambda table, row: _alone(table, row, resources, data, predictions),
        digest_of=data.digest,
    )
    measurements += _budgets(resources)
    return measurements + _controls(job, tables, resources, predictions, memory)


def _tables(job: Job, memory: Memory) -> dict[tuple[str, str | None], Table]:
    """A table for every check and method, with what is known of it from earlier runs."""
    config, data = job.config, job.data
    later = {name for name, metric in METRICS.items() if metric.afterwards}
    wanted = {
        (rule.check, rule.method): rule
        for rule in job.rules
        if rule.metric not in later and (job.turn is None or rule.method is None)
    }
    own = None if job.turn is None else frozenset(job.turn.rows)
    tables: dict[tuple[str, str | None], Table] = {}
    for (check, method), rule in wanted.items():
        function = _function(rule, config)
        if job.part and rule.sample is not None:
            continue  # which images are drawn depends on the whole set
        rows = _sampled(data, rule, job.seed)
        if "region" in signature_needs(function):  # pictures without an object have no place to be compared with
            rows = [row for row in rows if data.entries[row].label not in data.facts.bare]
        asked = [row for row in _answering(data, rule, rows) if own is None or row in own]
        table = tables[check, method] = Table(check, method, rule, function, asked)
        table.population = [data.entries[row].label for row in rows]
        table.parameters = _resolved(rule, config)
        table.alone = job.part
        memory.recall(table)
    return tables


def _alone(
    table: Table, row: int, resources: Resources, data: RegressionSet, predictions: Predictions
) -> MeasuredBatch:
    """One row as a batch of its own, asked as a rule asks it."""
    request = Request(
        samples=_as_asked(table, [data.sample(row)]),
        logits=predictions.logits[[row]],
        method=table.method,
        population=table.population,
        peers=table.peers,
    )
    return MeasuredBatch(request, resources)


def _budgets(resources: Resources) -> list[Measurement]:
    """The images of each method whose maps needed more passes than their budget, and about how many."""
    measurements = []
    for method, details in resources.maps.details.items():
        needed = out_of_budget(details)
        if needed:
            measurements.append(
                Measurement(
                    check=STEPS_NEEDED,
                    method=method,
                    rows=np.array(list(needed), dtype=np.int64),
                    values=np.array(list(needed.values()), dtype=np.float64),
                    reasons=(None,) * len(needed),
                )
            )
    return measurements


def _score_batch(
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
    samples = _as_asked(table, samples)
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


def _faults_of(method: str | None, faults: Mapping[str, Mapping[int, str]]) -> dict[int, str]:
    """Why images have no map of a method, or of one of a pair."""
    reasons: dict[int, str] = {}
    for name in (method or "").split(PAIR):
        reasons |= {
            row: f"{name}: {reason}" if PAIR in (method or "") else reason
            for row, reason in faults.get(name, {}).items()
        }
    return reasons


def _resolved(rule: Rule, config: GateConfig) -> dict[str, Any]:
    """The rule's parameters; paths of checkpoints are relative to thresholds.yaml."""
    parameters = dict(rule.parameters)
    if ":" not in rule.metric and "checkpoint" in parameters:
        parameters["checkpoint"] = str(config.resolve(Path(parameters["checkpoint"])))
    if ":" not in rule.metric and isinstance(parameters.get("checkpoints"), list):
        parameters["checkpoints"] = [str(config.resolve(Path(path))) for path in parameters["checkpoints"]]
    return parameters


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


def _compares(table: Table) -> bool:
    """Whether the metric looks at what people drew."""
    return bool({"region", "annotators"} & set(table.needs))


def _as_asked(table: Table, samples: Sequence[Sample]) -> Sequence[Sample]:
    """The samples with the region of the part that the rule asks for."""
    part = table.part
    return samples if part is None else [part_of(sample, part) for sample in samples]


def _function(rule: Rule, config: GateConfig) -> Callable[..., Any]:
    """The metric's code: this package's, or the user's own."""
    name = rule.metric.partition(".")[2]
    if ":" in name:
        return load_function(name, config.path.parent, f"checks.{rule.check}")
    return METRICS[rule.metric].load()


def _controls(
    job: Job,
    tables: Mapping[tuple[str, str | None], Table],
    resources: Resources,
    predictions: Predictions,
    memory: Memory,
) -> list[Measurement]:
    """The checks of alignment on a random map, on the region itself and on the re-initialised model's map."""
    measurements = []
    compared = {
        table.check: table for table in tables.values() if {"relevance", "region"} <= set(table.needs) and table.method
    }
    for check, table in compared.items():
        methods = [method for (own, method) in tables if own == check and method is not None]
        drawn = sorted(job.data.stratified(CONTROL_IMAGES, seed=job.seed, purpose="control"))
        rows = [row for row in drawn if job.data.entries[row].label not in job.data.facts.bare]
        sources = ["control.random", "control.region", *(f"control.randomized.{method}" for method in methods)]
        for source in sources:
            control = Table(check, source, table.rule, table.function, rows)
            if control.peers is not None:
                control.peers = source.removeprefix("control.randomized.") if source.count(".") > 1 else methods[0]
            control.parameters = table.parameters
            memory.recall(control)
            # A model that raised on an image once would raise again while its control is mapped.
            control.reasons.update({row: predictions.reasons[row] for row in rows if row in predictions.reasons})
            for samples in job.data.batches(BATCH, control.open({}, predictions)):
                usable = _as_asked(control, samples)
                maps, empty = control_maps(source, resources, usable, predictions.logits)
                _score_batch(control, resources, usable, predictions, empty, {}, maps)
                memory.keep([control], [sample.index for sample in samples])
            measurements.append(control.measurement())
    return measurements


def rows_of_behaviour(job: Job) -> list[int]:
    """The rows that some rule without a method looks at, in order."""
    rules = [rule for rule in job.rules if rule.method is None]
    return sorted({row for rule in rules for row in _answering(job.data, rule, _sampled(job.data, rule, job.seed))})


def rows_asked(job: Job, method: str) -> list[int] | None:
    """The rows whose maps of a method some rule looks at; None for all.

    A rule that compares with maps of other images, or of another version, looks at all of them.
    """
    rules = [rule for rule in job.rules if method in (rule.method or "").split(PAIR)]
    if any(rule.sample is None or rule.decide == "evidence" or _looks_beyond(rule) for rule in rules):
        return None
    if job.part:
        return []  # which images are drawn depends on the whole set
    return sorted({row for rule in rules for row in _answering(job.data, rule, _sampled(job.data, rule, job.seed))})


def _looks_beyond(rule: Rule) -> bool:
    """Whether a metric of maps asks for more than its own image's; a team's own may ask for anything."""
    metric = METRICS.get(rule.metric)
    beyond = {capability.name for capability in CAPABILITIES if capability.scope != "image"}
    return metric is None or metric.afterwards or bool(beyond & set(metric.asks))


def _answering(data: RegressionSet, rule: Rule, rows: list[int]) -> list[int]:
    """Those of a rule's rows that are asked: all, or the one looked at alone, which is given what it always is."""
    if rule.image is None:
        return rows
    return [row for row, entry in enumerate(data.entries) if entry.image == rule.image]


def _sampled(data: RegressionSet, rule: Rule, seed: int) -> list[int]:
    """The rows that a rule looks at; a rule by class looks at as many of each class."""
    if rule.sample is None:
        return list(range(len(data)))
    if not rule.sample_each:
        return sorted(data.stratified(rule.sample, seed=seed, purpose="sample"))
    members: dict[int, list[int]] = {}
    for row, entry in enumerate(data.entries):
        members.setdefault(entry.label, []).append(row)
    drawn = (data.lowest(rows, rule.sample, seed=seed, purpose="sample") for rows in members.values())
    return sorted(row for rows in drawn for row in rows)
