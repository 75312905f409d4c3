"""How often is the next honest version blocked by bounds from a few, where a team's spreads are not the priors'?

    python benchmarks/calibration_simulation.py [--teams 200] [--rate 0.05]

A team has three classes of 20 images and the rules of behaviour and of placement that `init` writes. Its true spread
of each row is drawn from the prior of the metric, times a factor that is the same for all its rows. It calibrates on n
versions; the chance that the next honest version breaks any bound is then exact. That chance differs from calibration
to calibration, so its distribution is what a team gets; its mean at factor 1 is what `--false-alarm-rate` promises.
Rows are independent, and each has a bound of its own: rows that share the loosest of a rule alarm less often than this.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from explain_gate.commands.scaffold import shipped_rules
from explain_gate.judging.prediction import Table, draws_of, predict, search
from explain_gate.judging.priors import Prior, prior_of
from explain_gate.records import Rule

CLASSES = ("a", "b", "c")
PER_CLASS = 20
VERSIONS = (1, 2, 3, 5)
FACTORS = (0.5, 0.7, 1.0, 1.4, 2.0)

Values = NDArray[np.float64]


def main() -> None:
    """Print the table; exit 1 where the promise is missed at factor 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--teams", type=int, default=200)
    parser.add_argument("--rate", type=float, default=0.05)
    arguments = parser.parse_args()
    rules, priors = rows()
    began = time.process_time()
    print(f"{len(rules)} rows, {arguments.teams} teams a line, asked for: {arguments.rate:g}\n")
    print("| versions | true spreads | mean | median | 9 of 10 teams below | 19 of 20 below | above twice the rate |")
    print("|---|---|---|---|---|---|---|")
    missed = False
    for versions in VERSIONS:
        for factor in FACTORS:
            rng = np.random.default_rng([versions, round(10 * factor)])
            shares = np.array(
                [simulate(rules, priors, versions, factor, arguments.rate, rng) for _ in range(arguments.teams)]
            )
            middle, ninth, nineteenth = np.quantile(shares, (0.5, 0.9, 0.95))
            above = float((shares > 2 * arguments.rate).mean())
            print(
                f"| {versions} | x{factor:g} | {shares.mean():.3f} | {middle:.3f} | {ninth:.3f} | {nineteenth:.3f} | "
                f"{above:.2f} |",
                flush=True,
            )
            error = float(shares.std(ddof=1) / np.sqrt(arguments.teams))
            missed |= factor == 1 and shares.mean() - 2 * error > arguments.rate
    print(f"\n{time.process_time() - began:.0f} s of one processor")
    raise SystemExit(int(missed))


def rows() -> tuple[tuple[Rule, ...], tuple[Prior, ...]]:
    """A row for each class of the scaffold's rules of placement and behaviour that are on, with what is known of it."""
    rules, priors = [], []
    for check, section in shipped_rules().items():
        for name in CLASSES:
            prior = prior_of(check, PER_CLASS, 1.0, one_class=True)
            if prior is None or not section.get("per_class"):
                continue
            side = {"at_most": 0.5} if check.startswith("reliance.") else {"at_least": 0.5}
            rules.append(Rule(check=check, method=None, class_name=name, better="lower", **side))
            priors.append(prior)
    return tuple(rules), tuple(priors)


def simulate(
    rules: tuple[Rule, ...],
    priors: tuple[Prior, ...],
    versions: int,
    factor: float,
    rate: float,
    rng: np.random.Generator,
) -> float:
    """The chance that the next version of one team breaks any bound that it has calibrated."""
    spreads = factor * np.array([prior.spread for prior in priors])
    freedoms = np.array([prior.freedom for prior in priors])
    true = spreads * np.sqrt(freedoms / rng.chisquare(freedoms))
    table = Table(
        rows=rules,
        planned=rules,
        values=rng.normal(0, true, (versions, len(rules))),
        errors=np.ones(len(rules)),
        correlation=np.eye(len(rules)),
        images=(PER_CLASS,) * len(rules),
        priors=priors,
    )
    bounds = calibrated(table, rate, seed=int(rng.integers(2**31)))
    within = stats.norm.logcdf(table.sign * bounds / true)
    return float(1 - np.exp(within.sum()))


def calibrated(table: Table, rate: float, *, seed: int) -> Values:
    """Bounds at the common tail level at which the predicted versions break any of them as often as is wanted."""
    future = predict(table)
    draws = draws_of(table, future, seed)

    def share(tail: float) -> float:
        bounds = future.bounds(table.sign, tail)
        return float(((draws - bounds) * table.sign > 0).any(axis=1).mean())

    tail = search(share, rate, low=rate / len(table.rows) / 50, high=0.4)
    return future.bounds(table.sign, tail)


if __name__ == "__main__":
    main()
