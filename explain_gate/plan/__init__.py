"""thresholds.yaml -> the rules the gate must answer, checked against the tables of metrics and methods. No torch."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import Any

from explain_gate.attribution import METHODS
from explain_gate.config import GateConfig, RuleSection
from explain_gate.errors import NothingPlanned
from explain_gate.metrics import PAIR, Metric, asked
from explain_gate.plan.refusals import decided_by, metric_of, refuse_methods, refuse_rule, refuse_sense, refuse_task
from explain_gate.records import Rule, Waiver

_PEOPLE = ("four_eyes", "require_attestation", "verify_signature")
_CONFIDENCE = 0.95
"""Of the interval of a change."""


def plan(config: GateConfig, classes: Sequence[str], *, bare: Sequence[str] = ()) -> tuple[Rule, ...]:
    """Every row the gate must answer: one per rule, method and, with `per_class`, class.

    Of classes in `bare` nothing is drawn on any picture, so that no metric which needs a region has a row of theirs.

    Raises:
        ConfigError: an unknown family, metric, method, option or parameter, with its line and what is allowed.
        NothingPlanned: the file has no rule.
    """
    refuse_task(config)
    refuse_methods(config)
    rows: list[Rule] = []
    file = _told(config.path)
    each: Sequence[str | None]
    for check, section, line in config.rules():
        metric = metric_of(config, check)
        refuse_rule(config, check, section, metric)
        refuse_sense(config, check, metric)
        for method in _methods_of(config, check, section, metric):
            each = _classes_of(config, check, section, classes, bare if metric.needs_region else ())
            if decided_by(config, section) == "evidence" and None not in each:
                each = (*each, None)  # all classes together: a cue of every class stands in no single one
            rows.extend(_row(config, check, section, metric, method, class_name, file, line) for class_name in each)
    if not rows:
        raise NothingPlanned(f"{config.path}: `checks` asks for nothing, so there is nothing to judge")
    return tuple(rows)


def waivers_of(config: GateConfig, today: str) -> tuple[Waiver, ...]:
    """The waivers of the file.

    Args:
        config: of the gate.
        today: ISO date.

    Raises:
        ConfigError: one ends more than `waivers_max_days` after today: a waiver is a delay, not a decision for good.
    """
    most = config.sections.waivers_max_days
    last = dt.date.fromisoformat(today) + dt.timedelta(days=most)
    for position, waiver in enumerate(config.sections.waivers):
        if waiver.expires > last:
            raise config.error(
                f"a waiver ends at most {most} days ahead, on {last}, got {waiver.expires}; write an earlier day, or "
                "raise waivers_max_days",
                *("waivers", position, "expires"),
            )
    return tuple(
        Waiver(
            check=waiver.check,
            method=waiver.method,
            class_name=waiver.class_name,
            reason=waiver.reason,
            owner=waiver.owner,
            ticket=waiver.ticket,
            expires=waiver.expires.isoformat(),
            unmeasured=waiver.unmeasured,
            file=_told(config.path),
            line=config.line("waivers", position),
        )
        for position, waiver in enumerate(config.sections.waivers)
    )


def demands_of(config: GateConfig, rules: Sequence[Rule]) -> dict[str, Any]:
    """What a gate asks for, as plain values and without the places where it is written, to compare two versions of it.

    Returns:
        `rules`, each with its `key`; `waivers`; `promote_inconclusive`; `promote_people`, what the alias asks of
        people.
    """
    promote = config.sections.tracking.promote
    return {
        "rules": [{"key": rule.key, **_without_place(asdict(rule))} for rule in rules],
        "waivers": [
            {
                "check": waiver.check,
                "method": waiver.method,
                "class_name": waiver.class_name,
                "expires": waiver.expires.isoformat(),
                "unmeasured": waiver.unmeasured,
            }
            for waiver in config.sections.waivers
        ],
        "promote_inconclusive": promote is not None and promote.inconclusive == "allow",
        "promote_people": [name for name in _PEOPLE if promote is not None and getattr(promote, name)],
    }


def _without_place(plain: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in plain.items() if name not in ("file", "line")}


def _methods_of(config: GateConfig, check: str, section: RuleSection, metric: Metric) -> tuple[str, ...] | tuple[None]:
    family, _, name = check.partition(".")
    if metric.applies == "model":
        if section.methods is not None:
            raise config.error(
                f"{check} looks at the model's behaviour and takes no methods; remove the key",
                *("checks", family, name, "methods"),
            )
        return (None,)
    configured = config.method_options()
    if metric.applies == "pairs":
        return _pairs_of(config, check, section)
    fitting = [m for m in configured if metric.applies != "path" or (m in METHODS and METHODS[m].has_path)]
    for method in section.methods or ():
        if method not in configured:
            raise config.error(
                f"{method} is not among `methods` of this file ({', '.join(configured)})",
                *("checks", family, name, "methods"),
            )
        if method not in fitting:
            raise config.error(
                f"{check} applies to methods with a path only, such as integrated_gradients, not to {method}",
                *("checks", family, name, "methods"),
            )
    chosen = tuple(dict.fromkeys(section.methods)) if section.methods else tuple(fitting)
    if not chosen:
        raise config.error(
            f"{check} applies to methods with a path only; add integrated_gradients to `methods`",
            *("checks", family, name),
        )
    return chosen


def _classes_of(
    config: GateConfig, check: str, section: RuleSection, classes: Sequence[str], bare: Sequence[str]
) -> Sequence[str] | tuple[None]:
    """One row per class where the rule says so, for the classes it names or all of them."""
    if section.classes is None:
        return [name for name in classes if name not in bare] if section.per_class else (None,)
    family, _, name = check.partition(".")
    for class_name in section.classes:
        if class_name not in classes:
            raise config.error(
                f"{class_name} is not a class of the data ({', '.join(classes)})", "checks", family, name, "classes"
            )
        if class_name in bare:
            raise config.error(
                f"{check} looks at regions, and on pictures of {class_name} there is none; leave it out",
                *("checks", family, name, "classes"),
            )
    return section.classes


def _pairs_of(config: GateConfig, check: str, section: RuleSection) -> tuple[str, ...]:
    """Every two of the rule's methods, or of all configured ones, as "grad_cam+occlusion"."""
    family, _, name = check.partition(".")
    configured = list(config.method_options())
    chosen = list(dict.fromkeys(section.methods or configured))
    for method in chosen:
        if method not in configured:
            raise config.error(
                f"{method} is not among `methods` of this file ({', '.join(configured)})",
                *("checks", family, name, "methods"),
            )
    if len(chosen) < 2:
        raise config.error(f"{check} compares two methods; name at least two", "checks", family, name)
    return tuple(PAIR.join(pair) for pair in combinations(chosen, 2))


def _told(path: Path) -> str:
    """The file as messages name it: from the folder people work in, so that it can be clicked and reads everywhere."""
    here = Path.cwd()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()


def _row(
    config: GateConfig,
    check: str,
    section: RuleSection,
    metric: Metric,
    method: str | None,
    class_name: str | None,
    file: str,
    line: int,
) -> Rule:
    decide = decided_by(config, section)
    bounded_above = section.max_rise is not None or (section.at_most is not None and decide == "value")
    part = section.false_alarms or config.sections.judging.false_alarms
    changes = section.max_drop is not None or section.max_rise is not None
    bounded = section.at_least is not None or section.at_most is not None
    if changes and bounded:
        part /= 2  # one half for the bound, one for the change
    return Rule(
        check=check,
        method=method,
        class_name=class_name,
        better="lower" if bounded_above else "higher" if section.at_least is not None else metric.better,
        at_least=section.at_least,
        at_most=section.at_most,
        max_drop=section.max_drop,
        max_rise=section.max_rise,
        confidence=section.confidence or _CONFIDENCE,
        statistic=section.statistic,
        max_unmeasured=section.max_unmeasured,
        max_not_applicable=section.max_not_applicable,
        max_excluded=config.sections.judging.max_excluded,
        min_images=section.min_images,
        severity=section.severity,
        inconclusive=section.inconclusive,
        decide=decide,
        must_catch=section.must_catch,
        part=part,
        change_part=part if section.confidence is None else None,
        small_classes=section.small_classes,
        question=asked(metric.key, class_name, config.sections.model.task.name),
        own=not metric.of_others,
        accept_looser=section.accept_looser,
        parameters=section.parameters,
        sample=section.sample,
        sample_each=section.per_class or section.classes is not None,
        file=file,
        line=line,
    )
