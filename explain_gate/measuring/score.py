"""Third stage: every metric of the rules on the maps as they are kept, and the controls."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explain_gate.config import GateConfig
from explain_gate.data.regression_set import RegressionSet
from explain_gate.measuring.asking.batch import MeasuredBatch
from explain_gate.measuring.asking.capability import Request
from explain_gate.measuring.asking.resources import Resources
from explain_gate.measuring.controls import CONTROL_IMAGES, control_maps
from explain_gate.measuring.evidence import keep_evidence
from explain_gate.measuring.explain import out_of_budget
from explain_gate.measuring.predict import BATCH, Predictions
from explain_gate.measuring.progress import Progress
from explain_gate.measuring.remembering.recall import Memory
from explain_gate.measuring.rows import answering, sampled
from explain_gate.measuring.score_batch import as_asked, score_batch
from explain_gate.measuring.table import Table
from explain_gate.measuring.table import needs_of as signature_needs
from explain_gate.metrics import METRICS, PAIR
from explain_gate.own_code import load_function
from explain_gate.records import STEPS_NEEDED, Measurement, Rule

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
                score_batch(table, resources, samples, predictions, unusable, shared)
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
        memory=memory.searched,
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
        rows = sampled(data, rule, job.seed)
        if "region" in signature_needs(function):  # pictures without an object have no place to be compared with
            rows = [row for row in rows if data.entries[row].label not in data.facts.bare]
        asked = [row for row in answering(data, rule, rows) if own is None or row in own]
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
        samples=as_asked(table, [data.sample(row)]),
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
                usable = as_asked(control, samples)
                maps, empty = control_maps(source, resources, usable, predictions.logits)
                score_batch(control, resources, usable, predictions, empty, {}, maps)
                memory.keep([control], [sample.index for sample in samples])
            measurements.append(control.measurement())
    return measurements
