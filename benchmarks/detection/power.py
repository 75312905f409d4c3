"""What rules that count images find, pass and cannot tell, by numbers alone: no model, no pictures, under a minute.

    python -m benchmarks.detection.power [--trials 4000]

One class of a version carries a cue that a share of the images of its row says yes to; every other row is honest. A
row of following plants on each half of the other classes' images what was strongest on the other half, so that half of
its answers hang on one donor: beta-binomial, with a correlation of `SPREAD` between two of them. A row of a class's own
images draws a donor for each from all other pictures; few share one, which at that correlation adds at most 5 % to the
variance (20 images, 40 donors), so its answers are independent here. The row over all classes counts one answer
an image.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explain_gate.commands.scaffold import shipped_rules
from explain_gate.judging.evidence import fails_from, finds, images_needed

PER_CLASS = (5, 10, 20, 50)
CLASSES = (3, 10, 100)
SHARES = (0.15, 0.25, 0.4, 0.6, 0.8)
GIVEN = 10
"""Other classes that an image is given something of, by default."""
PART = 0.005
"""False alarms of a rule, by default."""
RULES = ("background_gap", "background_only", "operation_follow", "transplant_follow", "transplant_follow/inside")
"""One of each bound, and of both kinds of row."""
SPREAD = 0.1
"""Shares of honest versions' rows on an object spread by 0.05 (pets) to 0.16 (blood cells) of what they could."""

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A rule on a set: how many images answer in a row, and what decides it. `follows`: others' images answer."""

    bound: float
    must_catch: float
    follows: bool
    per_class: int
    classes: int

    @property
    def images(self) -> int:
        """Of a class's row: its own, or those of the others that are given something of it."""
        if not self.follows:
            return self.per_class
        return round(self.per_class * min(self.classes - 1, GIVEN))

    @property
    def least(self) -> int | None:
        """From how many yes a class's row fails, with the part that Holm leaves the first of its rows."""
        return fails_from(self.images, self.bound, PART / (self.classes + 1))

    @property
    def least_of_all(self) -> int | None:
        """From how many yes the row over all classes fails."""
        return fails_from(self.per_class * self.classes, self.bound, PART / (self.classes + 1))

    @property
    def needed(self) -> int | None:
        """Images without which a row is unmeasured."""
        return images_needed(self.bound, PART / (self.classes + 1), self.must_catch)


def main() -> None:
    """Print three tables: what is found, what honest versions meet, and dependence."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=4000)
    trials = parser.parse_args().trials
    rng = np.random.default_rng(0)
    _print_cheats(rng, trials)
    _print_honest(rng, trials)


def designs() -> Iterator[tuple[str, Design]]:
    """Every rule on every size of set, bounds as the scaffold has them."""
    rules = shipped_rules()
    for name in RULES:
        rule = rules[f"reliance.{name}"]
        for classes in CLASSES:
            for per_class in PER_CLASS:
                yield (
                    name,
                    Design(
                        bound=float(rule["at_most"]),
                        must_catch=float(rule["must_catch"]),
                        follows="_follow" in name and not name.startswith("background"),
                        per_class=per_class,
                        classes=classes,
                    ),
                )


def answers(rng: np.random.Generator, design: Design, share: float, spread: float, trials: int, rows: int) -> Counts:
    """How many images say yes in each of so many rows, (trials, rows), where each does so with this probability."""
    if spread == 0 or not design.follows:
        return rng.binomial(design.images, share, (trials, rows))
    a, b = share * (1 / spread - 1), (1 - share) * (1 / spread - 1)
    halves = (design.images // 2, design.images - design.images // 2)
    yes = [rng.binomial(half, rng.beta(a, b, (trials, rows))) for half in halves]
    return yes[0] + yes[1]


def broken(
    rng: np.random.Generator, design: Design, marked: Counts, honest: float, spread: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where one class's row said `marked`: whether it or the row over all fails, and whether another class's does."""
    others = answers(rng, design, honest, spread, len(marked), design.classes - 1)
    yes, images = marked + others.sum(axis=1), design.classes * design.images
    # The row over all classes: every image, or of those that were given several classes one answer each.
    asked = design.per_class * design.classes
    together = yes if not design.follows else rng.hypergeometric(yes, images - yes, asked)
    never = images + 1
    least, least_of_all = design.least or never, design.least_of_all or never
    return (marked >= least) | (together >= least_of_all), (others >= least).any(axis=1)


def _print_cheats(rng: np.random.Generator, trials: int) -> None:
    print("Cheats: one class has a cue that this share follows; other classes say yes at a fifth of the bound.")
    print("Each cell: caught by its row or the one over all, inconclusive, passed. Too few images leave a row")
    print("unmeasured, which blocks whomever.\n")
    head = " | ".join(f"{share:.2f} follow" for share in SHARES)
    print(f"| rule | classes x images | images of a row, needed | finds | {head} |")
    print(f"|---|---|---|---|{'---|' * len(SHARES)}")
    for name, design in designs():
        cells = []
        for share in SHARES:
            marked = answers(rng, design, share, SPREAD, trials, 1)[:, 0]
            caught, _ = broken(rng, design, marked, design.bound / 5, SPREAD)
            undecided = ~caught & (marked > design.bound * design.images)
            cells.append(f"{caught.mean():.2f}, {undecided.mean():.2f}, {(~caught & ~undecided).mean():.2f}")
        few = design.needed is None or design.images < design.needed
        told = " | ".join("too few" for _ in SHARES) if few else " | ".join(cells)
        found = finds(design.images, design.bound, PART / (design.classes + 1))
        print(
            f"| {name} | {design.classes} x {design.per_class} | {design.images}, {design.needed} | "
            f"{'nothing' if found is None else found} | {told} |"
        )


def _print_honest(rng: np.random.Generator, trials: int) -> None:
    print(f"\nHonest versions: how often any row of a rule fails; its part is {PART}.\n")
    print("| rule | classes x images | at the bound, independent | at half of it, shared donors | at a fifth, shared |")
    print("|---|---|---|---|---|")
    for name, design in designs():
        if design.needed is None or design.images < design.needed:
            continue
        cells = []
        for share, spread in ((design.bound, 0.0), (design.bound / 2, SPREAD), (design.bound / 5, SPREAD)):
            first = answers(rng, design, share, spread, trials, 1)[:, 0]
            one, other = broken(rng, design, first, share, spread)
            cells.append(f"{(one | other).mean():.4f}")
        print(f"| {name} | {design.classes} x {design.per_class} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
