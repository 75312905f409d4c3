"""The scores of one check and method while they come in, and why images have none."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from explain_gate.measuring.asking.capability import Outcome, Question, Scope
from explain_gate.measuring.explain import SILENT
from explain_gate.measuring.predict import Predictions
from explain_gate.measuring.remembering.recall import Noted
from explain_gate.metrics import METRICS, REGION
from explain_gate.records import Measurement, Rule


class Table:
    """The scores of one check and method while they come in."""

    def __init__(
        self, check: str, method: str | None, rule: Rule, function: Callable[..., Any], rows: Sequence[int]
    ) -> None:
        self.check = check
        self.method = method
        self.rule = rule
        self.function = function
        self.needs = needs_of(function)
        self.rows = list(rows)
        self.values: dict[int, float] = {}
        self.reasons: dict[int, str] = {}
        self.exempt: set[int] = set()
        self.notes: dict[str, dict[int, Sequence[Noted]]] = {}
        self.sample = (rule.sample, rule.sample_each)
        self.population: Sequence[int] = ()
        self.parameters: Mapping[str, Any] = rule.parameters
        self.scopes: dict[int, Scope | None] = {}
        self.questions: dict[int, frozenset[Question]] = {}
        self.outcomes: dict[int, Outcome] = {}
        self.alone = False
        # Comparing with other images' maps costs time, and ties a score to the set: only for rules that count images.
        self.peers = method if rule.decide == "evidence" else None

    @property
    def part(self) -> str | None:
        """The part of the object that the rule asks for in place of the whole, such as "head"."""
        asked = self.rule.parameters.get(REGION) if "region" in self.needs else None
        return None if asked is None else str(asked)

    @property
    def declared(self) -> tuple[str, ...] | None:
        """The capabilities that the metric's card lists; None for a team's own, which has none."""
        metric = METRICS.get(self.rule.metric)
        return None if metric is None else metric.asks

    def arguments(self) -> dict[str, Any]:
        """What the metric's function is called with beside what it needs."""
        return {name: value for name, value in self.parameters.items() if self.part is None or name != REGION}

    def open(self, faults: Mapping[int, str], predictions: Predictions) -> list[int]:
        """The rows that are still to be measured; those that cannot be get their reason without being decoded."""
        for row in self.rows:
            exempt = predictions.region_reasons.get(row) if "region" in self.needs and self.part is None else None
            reason = predictions.reasons.get(row) or faults.get(row)
            if exempt is not None:
                self.exempts(row, exempt)
            elif reason is not None and not (self.may_rule_out or (reason == SILENT and self.values_silence)):
                self.reasons[row] = reason
        return [row for row in self.rows if row not in self.values and row not in self.reasons]

    @property
    def values_silence(self) -> bool:
        """Whether the metric has a value for a map that has no positive part."""
        card = METRICS.get(self.rule.metric)
        return self.measures_silence or (card is not None and card.worst is not None)

    @property
    def measures_silence(self) -> bool:
        """Whether the metric is asked about such a map like any other."""
        card = METRICS.get(self.rule.metric)
        return card is not None and card.of_silent

    @property
    def may_rule_out(self) -> bool:
        """Whether the image must be decoded to know that the metric applies to it."""
        return self.part is not None or bool({"batch", "annotators"} & set(self.needs) and "region" in self.needs)

    def exempts(self, row: int, reason: str) -> None:
        """The metric does not apply to an image, whatever the model."""
        self.reasons[row] = reason
        self.exempt.add(row)

    def silent(self, row: int) -> None:
        """The image's map has no positive part: it lies nowhere, the worst place, and shows nothing learned."""
        card = METRICS.get(self.rule.metric)
        if card is None or card.worst is None:
            self.reasons[row] = SILENT
            return
        self.values[row] = card.worst
        self.scopes[row] = "image"
        if card.question:
            self.notes.setdefault("evidence", {})[row] = [(1.0, None)]

    def noted(self) -> list[Measurement]:
        """What the metric noted beside its values, as checks `family.metric@name`."""
        measurements = []
        for name, values in self.notes.items():
            kept = [(row, *one) for row in self.rows for one in values.get(row, ()) if np.isfinite(one[0])]
            named = [about for _, _, about in kept if about is not None]
            measurements.append(
                Measurement(
                    check=f"{self.check}@{name}",
                    method=self.method,
                    rows=np.array([row for row, _, _ in kept], dtype=np.int64),
                    values=np.array([value for _, value, _ in kept], dtype=np.float64),
                    reasons=(None,) * len(kept),
                    about=np.array(named, dtype=np.int64) if named else None,
                )
            )
        return measurements

    def measurement(self) -> Measurement:
        """The columns, in the order of the rows; a row that nobody filled is unmeasured."""
        return Measurement(
            check=self.check,
            method=self.method,
            rows=np.array(self.rows, dtype=np.int64),
            values=np.array([self.values.get(row, np.nan) for row in self.rows], dtype=np.float64),
            reasons=tuple(
                None if row in self.values else self.reasons.get(row, "it was not measured") for row in self.rows
            ),
            not_applicable=np.array([row in self.exempt and row not in self.values for row in self.rows])
            if self.exempt
            else None,
        )


def needs_of(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a metric's positional parameters: what it asks of a batch."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(name for name, parameter in inspect.signature(function).parameters.items() if parameter.kind in kinds)
