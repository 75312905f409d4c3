"""Which attribution method is most faithful, best aligned and most stable on one version: a table for each metric.

Of a profile's scores alone; nothing is measured. Methods are compared on the same images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from explain_gate.errors import OptionError
from explain_gate.judging.noninferiority import compare, holm
from explain_gate.metrics import METRICS, family, family_rank
from explain_gate.records import Leader, Measurement, Profile
from explain_gate.statistics import interval, summarize
from explain_gate.studies.ranking import Pair, Standing, ranked

FAMILIES = ("faithfulness", "alignment", "stability")
CONTROL = "control."
"""How the names of the gate's own controls begin, such as a random map."""
LEAST = 5
"""Images below which a class has no table of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Methods by one metric, the best mean first; every method has every image. `class_name` None: of all classes."""

    check: str
    better: str
    class_name: str | None
    images: int
    standings: tuple[Standing, ...]
    pairs: tuple[Pair, ...]

    @property
    def first(self) -> tuple[str, ...]:
        """The methods that none is better than beyond chance."""
        return tuple(one.method for one in self.standings if one.rank == 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodsRecord:
    """What a profile says of its methods. `silent`: metrics that no two methods have, or no image under all of them."""

    model: str
    model_digest: str
    seed: int
    tables: tuple[Table, ...]
    silent: tuple[str, ...]


def leaders_of(record: MethodsRecord) -> tuple[Leader, ...]:
    """Who is first by each metric, over all images."""
    return tuple(
        Leader(check=table.check, methods=table.first, mean=table.standings[0].mean, images=table.images)
        for table in record.tables
        if table.class_name is None
    )


def most_faithful(record: MethodsRecord) -> tuple[str, ...]:
    """The methods that are first by every metric of faithfulness, over all images; empty where there are none."""
    firsts = [set(one.methods) for one in leaders_of(record) if family(one.check) == "faithfulness"]
    return tuple(sorted(set.intersection(*firsts))) if firsts else ()


def study_methods(profile: Profile, *, seed: int = 0) -> MethodsRecord:
    """Rank the methods by every metric that speaks of maps, over all images and by class.

    Raises:
        OptionError: no metric of faithfulness, alignment or stability has two methods.
    """
    by_check: dict[str, list[Measurement]] = {}
    for one in profile.measurements:
        card = METRICS.get(one.check.partition("/")[0])
        if family(one.check) in FAMILIES and card is not None and card.applies == "maps" and _is_method(one):
            by_check.setdefault(one.check, []).append(one)
    tables: list[Table] = []
    silent = []
    for check in sorted(by_check, key=lambda check: (FAMILIES.index(family(check)), family_rank(check))):
        made = _tables(profile, check, by_check[check], seed) if len(by_check[check]) > 1 else []
        tables += made
        silent += [] if made else [check]
    if not tables:
        raise OptionError(
            "study methods compares the scores of two methods or more, and the profile has no metric of "
            f"{', '.join(FAMILIES)} under two; name them under methods in thresholds.yaml, with rules of these "
            "families, and run"
        )
    model = profile.manifest["model"]
    return MethodsRecord(
        model=str(model["name"]),
        model_digest=str(model["digest"]),
        seed=seed,
        tables=tuple(tables),
        silent=tuple(silent),
    )


def _is_method(one: Measurement) -> bool:
    """Whether it is of an attribution method that has a value; the gate's own controls are none."""
    return one.method is not None and not one.method.startswith(CONTROL) and bool(one.measured.any())


def _tables(profile: Profile, check: str, measured: Sequence[Measurement], seed: int) -> list[Table]:
    """Over all images, then each class; one family of tests."""
    shared = sorted(set.intersection(*({int(row) for row in one.rows[one.measured]} for one in measured)))
    if not shared:
        return []
    columns = {}
    for one in measured:
        values = dict(zip(one.rows.tolist(), one.values.tolist(), strict=True))
        columns[str(one.method)] = np.array([values[row] for row in shared])
    names = np.array([profile.images[row].class_name for row in shared])
    groups: list[str | None] = [None]
    groups += [name for name in dict.fromkeys(names.tolist()) if LEAST <= int((names == name).sum()) < len(names)]
    of = {group: (names == group) | (group is None) for group in groups}
    better = METRICS[check.partition("/")[0]].better
    whole = [
        _table(check, better, group, {name: column[of[group]] for name, column in columns.items()}, seed)
        for group in groups
    ]
    adjusted = iter(holm([pair.p for table in whole for pair in table.pairs]))
    return [_ranked(table, [next(adjusted) for _ in table.pairs]) for table in whole]


def _table(check: str, better: str, group: str | None, columns: dict[str, NDArray[np.float64]], seed: int) -> Table:
    """Means and tests as they are, before what many tests ask for."""
    sign = -1.0 if better == "higher" else 1.0
    order = sorted(columns, key=lambda name: (sign * summarize(columns[name], "mean"), name))
    pairs = []
    for good, bad in combinations(order, 2):
        change = compare(columns[bad], columns[good], margin=0.0, better=better, seed=seed)
        p = min(1.0, 2 * min(change.p_worse, change.p_fine))
        pairs.append(Pair(better=good, worse=bad, difference=change.loss, interval=change.interval, p=p, tie=True))
    standings = tuple(
        Standing(
            method=name,
            mean=summarize(columns[name], "mean"),
            interval=interval(columns[name], "mean", seed=seed),
            rank=1,
        )
        for name in order
    )
    images = len(next(iter(columns.values())))
    return Table(check=check, better=better, class_name=group, images=images, standings=standings, pairs=tuple(pairs))


def _ranked(table: Table, p_values: Sequence[float]) -> Table:
    standings, pairs = ranked(table.standings, table.pairs, p_values)
    return replace(table, standings=standings, pairs=pairs)
