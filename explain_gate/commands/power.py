"""What a set is worth for its rules, before anything is measured: images that count, and rows that have too few."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from explain_gate.data.regression_set import RegressionSet
from explain_gate.errors import DataError
from explain_gate.judging.counting import too_few
from explain_gate.judging.findings import allowed_of
from explain_gate.judging.sentences import of_too_few
from explain_gate.metrics import METRICS, REGION
from explain_gate.records import Rule

_DECODED = 1000
"""Images whose regions are drawn to see which of them count; in a larger set all are taken to."""
_DONORS = 5
"""Other classes that an image is given something of, where the rule does not say."""
_TOLD = 12


def judged_on(data: RegressionSet, rules: Sequence[Rule]) -> list[str]:
    """A line for each kind of image that does not count, and for each row with too few images to find what it must."""
    lacking = _without_region(data)
    lines = [
        f"note: {count} of {len(data)} images do not count where regions are asked for, as {reason}: such rules are "
        f"judged on {len(data) - len(lacking)}"
        for reason, count in Counter(lacking.values()).most_common()
    ]
    told, lacks = [], [0]
    for rule in rules:
        if rule.decide == "evidence":
            rows = sum(other.check == rule.check for other in rules)
            images = _answers(rule, data, lacking)
            needed = too_few(rule, images, rows)
            if needed is not None:
                told.append(f"warning: too few images: {of_too_few(rule, images, needed or None)}")
                lacks.append(_each_class_lacks(rule, needed - images, len(data.classes)))
    more = [f"warning: {len(told) - _TOLD} more rows have too few images"] if len(told) > _TOLD else []
    enough = [f"warning: about {max(lacks)} more images of each class would do for all of them"] if max(lacks) else []
    return lines + told[:_TOLD] + more + enough


def _each_class_lacks(rule: Rule, missing: int, classes: int) -> int:
    """How many images more of each class give a row so many; a row about others takes those of all other classes."""
    lenders = classes if rule.class_name is None else 1 if rule.own else max(1, classes - 1)
    return max(0, math.ceil(missing / lenders))


def _without_region(data: RegressionSet) -> Mapping[int, str]:
    """Rows without a usable region, and why."""
    if len(data) > _DECODED:
        return {}
    reasons = {}
    for row in range(len(data)):
        try:
            reason = data.sample(row).region_reason
        except (DataError, OSError):
            continue  # told by whoever looks at every picture
        if reason is not None:
            reasons[row] = reason
    return reasons


def _answers(rule: Rule, data: RegressionSet, lacking: Mapping[int, str]) -> int:
    """How many answers a row may count on, from the annotations alone."""
    card = METRICS[rule.metric]
    usable = {} if REGION in rule.parameters or not card.needs_region else lacking
    sizes = Counter(entry.class_name for row, entry in enumerate(data.entries) if row not in usable)
    if rule.sample is not None and rule.sample_each:
        sizes = Counter({name: min(count, rule.sample) for name, count in sizes.items()})
    total, share = sum(sizes.values()), 1.0
    if rule.sample is not None and not rule.sample_each and total > rule.sample:
        share = rule.sample / total
    if rule.class_name is None:
        images = total
    elif rule.own:
        images = sizes[rule.class_name]
    else:
        others = max(1, len(sizes) - 1)
        images = (total - sizes[rule.class_name]) * min(others, int(rule.parameters.get("donors", _DONORS))) // others
    images = int(images * share)
    return images - allowed_of(rule, images)
