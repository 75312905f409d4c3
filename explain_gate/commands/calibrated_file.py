"""thresholds.yaml with calibrated numbers: the user's text stays, bounds change, comments say where they came from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import yaml

from explain_gate.config import GateConfig
from explain_gate.judging.calibration import Calibration, Proposal

_MARK = "calibrated:"


def rewrite(config: GateConfig, calibration: Calibration) -> str:
    """The text of the file with the proposed bounds in place.

    A rule whose classes ask for bounds of their own keeps its line for the others; each class that left gets a line
    `metric/class` behind it. Every calibrated line ends in a comment; a comment of an earlier calibration is replaced.
    """
    checks = _child(yaml.compose(config.text, Loader=yaml.SafeLoader), "checks")
    edits: list[_Edit] = []
    by_check: dict[str, list[Proposal]] = {}
    for one in calibration.proposals:
        by_check.setdefault(one.rule.check, []).append(one)
    for check, proposals in by_check.items():
        family, _, name = check.partition(".")
        rules = _child(checks, family)
        whole = _must_stay_whole(config, check, rules)
        own = _at_the_loosest(proposals) if whole else proposals
        edits += _rule_edits(config, calibration, _pair(rules, name), own)
    text = config.text
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.order), reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return _headed(text, calibration)


def _must_stay_whole(config: GateConfig, check: str, rules: yaml.Node) -> bool:
    """A waiver names its check, which a class that leaves would no longer have; braces take no new lines."""
    waived = any(waiver.check == check for waiver in config.sections.waivers)
    return waived or (isinstance(rules, yaml.MappingNode) and rules.flow_style is True)


def _at_the_loosest(proposals: Sequence[Proposal]) -> list[Proposal]:
    bounds = [one.bound for one in proposals]
    loosest = min(bounds) if proposals[0].rule.at_least is not None else max(bounds)
    return [replace(one, bound=loosest) for one in proposals]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edit:
    """Characters `start` to `end` of the file become `text`; at one place the lowest `order` comes first."""

    start: int
    end: int
    text: str
    order: int = 0


def _rule_edits(
    config: GateConfig, calibration: Calibration, pair: tuple[yaml.Node, yaml.Node], proposals: Sequence[Proposal]
) -> list[_Edit]:
    key, rule = pair
    text = config.text
    bound_name = "at_least" if proposals[0].rule.at_least is not None else "at_most"
    bound = _child(rule, bound_name)
    groups: dict[float, list[Proposal]] = {}
    for one in proposals:
        groups.setdefault(one.bound, []).append(one)
    loosest = min(groups) if bound_name == "at_least" else max(groups)
    base = groups[loosest]
    edits = [
        _Edit(start=bound.start_mark.index, end=bound.end_mark.index, text=_number(loosest)),
        _comment(text, bound.end_mark.index, _told(calibration, base)),
    ]
    if len(groups) == 1:
        return edits
    edits.append(_narrowed(rule, [one.rule.class_name for one in base]))
    end = _line_end(text, _last_index(rule))
    indent = " " * key.start_mark.column
    family, _, name = proposals[0].rule.check.partition(".")
    rules = yaml.safe_load(text)["checks"][family]
    data, taken = rules[name], {str(rule) for rule in rules}
    lines = []
    for level, group in groups.items():
        if group is base:
            continue
        classes = _names(group)
        kept = {name: value for name, value in data.items() if name not in ("per_class", "classes", bound_name)}
        own = {**kept, bound_name: level, "classes": classes}
        suffix = re.sub(r"[^A-Za-z0-9_]+", "_", "-".join(classes))
        joint = "-" if "/" in str(key.value) else "/"
        own_name = _unused(f"{key.value}{joint}{suffix}", taken)
        lines.append(f"\n{indent}{_flow(own_name)}: {_flow(own)}   # {_told(calibration, group)}")
    edits.append(_Edit(start=end, end=end, text="".join(lines), order=2))
    return edits


def _unused(name: str, taken: set[str]) -> str:
    """The name, with a number behind it where another rule has it: classes may differ in signs alone."""
    number = 1
    while (found := name if number == 1 else f"{name}_{number}") in taken:
        number += 1
    taken.add(found)
    return found


def _narrowed(rule: yaml.Node, classes: Sequence[str | None]) -> _Edit:
    """`per_class: true`, or an earlier list of classes, becomes the list of those that stay."""
    name = "classes" if _has(rule, "classes") else "per_class"
    key, value = _pair(rule, name)
    listed = list(dict.fromkeys(name for name in classes if name is not None))
    return _Edit(start=key.start_mark.index, end=_last_index(value), text=f"classes: {_flow(listed)}")


def _names(group: Iterable[Proposal]) -> list[str]:
    return list(dict.fromkeys(one.rule.class_name for one in group if one.rule.class_name is not None))


def _comment(text: str, position: int, told: str) -> _Edit:
    """A comment at the end of a line; one of an earlier calibration there is replaced."""
    end = _line_end(text, position)
    line = text[position:end]
    found = re.search(rf"\s*#\s*{_MARK}.*$", line)
    start = position + found.start() if found else position + len(line.rstrip())
    return _Edit(start=start, end=end, text=f"   # {told}", order=1)


def _told(calibration: Calibration, group: Sequence[Proposal]) -> str:
    seen = [value for one in group for value in one.seen]
    images = sorted({one.images for one in group})
    counted = f"{images[0]} images" if len(images) == 1 else f"{images[0]} to {images[-1]} images"
    shares = [one.share for one in group]
    each = " each" if len(group) > 1 else ""
    kept = list(dict.fromkeys(one.kept for one in group if one.kept))
    what = f"kept, {'; '.join(kept)}; " if kept else ""
    return (
        f"{_MARK} {what}{calibration.versions} versions, {counted}{each}, seen {min(seen):.3g} to {max(seen):.3g}, "
        f"about {100 * sum(shares):.2g} % of good versions break it"
    )


def _headed(text: str, calibration: Calibration) -> str:
    """Above the checks: what all rules promise together, and where the promise is empty."""
    text = re.sub(r"(?m)^# calibrated: .*\n(#   .*\n)*", "", text)
    lines = [
        (
            f"# {_MARK} {calibration.versions} good versions; all calibrated rules together are expected to block "
            f"{100 * calibration.share:.1f} % of good versions (asked for: {100 * calibration.rate:g} %)."
        ),
        (
            f"#   Left out one by one, {len(calibration.left_out)} of {calibration.versions} broke a bound proposed "
            "from the others."
        ),
        *(f"#   Warning: {warning}." for warning in calibration.warnings),
    ]
    return re.sub(r"(?m)^checks:", lambda found: "\n".join([*lines, found.group()]), text, count=1)


def _child(node: yaml.Node | None, name: str) -> yaml.Node:
    return _pair(node, name)[1]


def _pair(node: yaml.Node | None, name: str) -> tuple[yaml.Node, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        raise TypeError(f"must be a mapping with {name}")  # the file was validated, so this is a fault of ours
    found: tuple[yaml.Node, yaml.Node] = next(pair for pair in node.value if pair[0].value == name)
    return found


def _has(node: yaml.Node, name: str) -> bool:
    return isinstance(node, yaml.MappingNode) and any(key.value == name for key, _ in node.value)


def _last_index(node: yaml.Node) -> int:
    """Where a node ends; a block's own mark is the start of what follows it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_index(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _line_end(text: str, position: int) -> int:
    found = text.find("\n", position)
    return len(text) if found < 0 else found


def _flow(value: object) -> str:
    dumped: str = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False, allow_unicode=True)
    return dumped.removesuffix("\n").removesuffix("\n...")


def _number(value: float) -> str:
    return _flow(float(value))
