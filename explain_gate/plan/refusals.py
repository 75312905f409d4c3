"""What a thresholds.yaml cannot ask for, told at its line with what there is."""

from __future__ import annotations

from pathlib import Path

from explain_gate.attribution import METHODS
from explain_gate.config import Decide, GateConfig, RuleSection
from explain_gate.errors import did_you_mean
from explain_gate.metrics import METRICS, REGION, Metric
from explain_gate.tasks import TASKS


def refuse_task(config: GateConfig) -> None:
    """A task that there is not, or one without a parameter that it needs."""
    section = config.sections.model.task
    if section.name not in TASKS:
        raise config.error(
            f"unknown task; {did_you_mean(section.name, TASKS)}there is {', '.join(TASKS)}, got {section.name}",
            "model",
            "task",
        )
    card = TASKS[section.name]
    for name in section.parameters:
        if name not in card.parameters:
            known = ", ".join(card.parameters) or "none"
            raise config.error(f"{section.name} has no such parameter; it has {known}", "model", "task", name)
    for name in card.required:
        if name not in section.parameters:
            told = (
                f"{section.name} needs {name}, {card.parameters[name]}: write task: {{name: {section.name}, {name}: 5}}"
            )
            raise config.error(told, "model", "task")


def refuse_methods(config: GateConfig) -> None:
    """Methods and options that there are not, and methods that no gate can rest on."""
    for name, options in config.method_options().items():
        if ":" in name:
            continue
        if name not in METHODS:
            raise config.error(
                f"unknown method; {did_you_mean(name, METHODS)}there are {', '.join(METHODS)}", "methods", name
            )
        allowed = [option.name for option in METHODS[name].options]
        for option in options:
            if option not in allowed:
                known = ", ".join(allowed) or "none"
                raise config.error(
                    f"unknown option; {did_you_mean(option, allowed)}allowed here: {known}", "methods", name, option
                )
    insane = [name for name in config.method_options() if name in METHODS and not METHODS[name].sanity]
    if len(insane) == len(config.sections.methods):
        raise config.error(
            f"maps of {', '.join(insane)} hardly depend on what the model has learned, so a gate cannot rest on them "
            "alone; add another method, such as grad_cam",
            *("methods", insane[0]),
        )


def metric_of(config: GateConfig, check: str) -> Metric:
    """The metric of a rule. Raises ConfigError where there is none of its name."""
    family, _, name = check.partition(".")
    name = name.partition("/")[0]
    if ":" in name:
        return Metric(
            key=name, summary=f"measured by {name}", better="higher", low=None, high=None, source=name, unit="value"
        )
    known = METRICS.get(f"{family}.{name}")
    if known is not None:
        return known
    families = sorted({key.partition(".")[0] for key in METRICS})
    if family not in families:
        raise config.error(
            f"unknown family of checks; {did_you_mean(family, families)}there are {', '.join(families)}",
            "checks",
            family,
        )
    metrics = [key.partition(".")[2] for key in METRICS if key.startswith(f"{family}.")]
    elsewhere = [key for key in METRICS if key.partition(".")[2] == name]
    near = f"did you mean {elsewhere[0]}? " if elsewhere else did_you_mean(name, metrics)
    raise config.error(f"unknown metric; {near}{family} has {', '.join(metrics)}", "checks", family, name)


def refuse_sense(config: GateConfig, check: str, metric: Metric) -> None:
    """A metric that makes no sense for the task is refused, with what to use instead."""
    task = config.sections.model.task.name
    instead = TASKS[task].refused.get(metric.key)
    if instead is not None:
        family, _, name = check.partition(".")
        raise config.error(f"makes no sense for model.task: {task}: {instead}", "checks", family, name)


def refuse_rule(config: GateConfig, check: str, section: RuleSection, metric: Metric) -> None:
    """Parameters that a metric does not have, bounds against its direction or out of its range."""
    family, _, name = check.partition(".")
    allowed = (*(one.name for one in metric.parameters), *([REGION] if metric.needs_region else []))
    for parameter in section.parameters:
        if ":" not in name and parameter not in allowed:
            known = ", ".join(allowed) or "none"
            raise config.error(
                f"unknown parameter; allowed here: {known}", "checks", family, name, "parameters", parameter
            )
    wrong_change = {"higher": "max_rise", "lower": "max_drop"}[metric.better]
    if getattr(section, wrong_change) is not None and ":" not in name:
        right = {"higher": "max_drop", "lower": "max_rise"}[metric.better]
        raise config.error(
            f"{check} is better when {metric.better}, so a change for the worse is bounded by {right}, "
            f"got {wrong_change}",
            *("checks", family, name, wrong_change),
        )
    if section.sample is not None and "decisions" in metric.needs:
        raise config.error(
            "people decide which maps they judge, so none are drawn; remove sample", "checks", family, name, "sample"
        )
    _refuse_files(config, section, family, name)
    if decided_by(config, section) == "evidence":
        _refuse_evidence(config, check, section, metric)
        return
    wrong = {"higher": "at_most", "lower": "at_least"}[metric.better]
    bound = getattr(section, wrong)
    if bound is not None and ":" not in name:
        right = {"higher": "at_least", "lower": "at_most"}[metric.better]
        raise config.error(
            f"{check} is better when {metric.better}, so the bound must be {right}, got {wrong}",
            *("checks", family, name, wrong),
        )
    for key in ("at_least", "at_most"):
        value = getattr(section, key)
        if value is None:
            continue
        if (metric.low is not None and value < metric.low) or (metric.high is not None and value > metric.high):
            span = f"{metric.low if metric.low is not None else '-inf'} to {metric.high or 'inf'}"
            raise config.error(f"must lie in the metric's range, {span}, got {value}", "checks", family, name, key)


def _refuse_evidence(config: GateConfig, check: str, section: RuleSection, metric: Metric) -> None:
    family, _, name = check.partition(".")
    where = ("checks", family, name)
    if section.at_least is not None:
        raise config.error(
            "with decide: evidence images that say yes are counted, whatever the metric's direction: write at_most, "
            "the worst honest share of them, or decide: value",
            *(*where, "at_least"),
        )
    if not metric.question:
        raise config.error(
            f"{check} asks an image no yes-or-no question, so images cannot be counted; leave must_catch out, or write "
            "decide: value",
            *(*where, "must_catch"),
        )
    if section.at_most is None:
        raise config.error("must_catch needs at_most, the worst honest share of images that say yes", *where)
    if not 0 <= section.at_most < 1:
        raise config.error(f"must be a share of images, in [0, 1), got {section.at_most}", *(*where, "at_most"))
    if (section.must_catch or 0.0) <= section.at_most:
        raise config.error(
            f"must lie above at_most {section.at_most}, the worst honest share, got {section.must_catch}",
            *(*where, "must_catch"),
        )


def _refuse_files(config: GateConfig, section: RuleSection, family: str, name: str) -> None:
    """Checkpoints that a metric needs must be there before hours of measuring go into the rest."""
    if ":" in name:
        return
    given = [section.parameters.get("checkpoint"), *_listed(section.parameters.get("checkpoints"))]
    for path in given:
        if path is not None and not config.resolve(Path(str(path))).is_file():
            where = ("checks", family, name, "parameters")
            raise config.error(f"no such checkpoint: {config.resolve(Path(str(path)))}", *where)


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def decided_by(config: GateConfig, section: RuleSection) -> Decide:
    """What breaks a rule. A rule that does not say what it must catch cannot tell what its images are worth."""
    asked = section.decide or config.sections.judging.decide
    return "evidence" if asked == "evidence" and section.must_catch is not None else "value"
