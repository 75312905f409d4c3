"""thresholds.yaml with calibrated numbers: the user's text stays, bounds change, comments say where they came from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import yaml

from explain_gate.config import GateConfig
from explain_gate.judging.proposal import Calibration, Proposal

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
        bounds = [one for one in proposals if not one.is_change]
        margins = [one for one in proposals if one.is_change]
        if bounds and _must_stay_whole(config, check, rules):
            bounds = _at_the_loosest(bounds)
        edits += _rule_edits(config, calibration, _pair(rules, name), bounds, margins)
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
    loosest = min(bounds) if proposals[0].name == "at_least" else max(bounds)
    return [replace(one, bound=loosest) for one in proposals]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edit:
    """Characters `start` to `end` of the file become `text`; at one place the lowest `order` comes first."""

    start: int
    end: int
    text: str
    order: int = 0


def _rule_edits(
    config: GateConfig,
    calibration: Calibration,
    pair: tuple[yaml.Node, yaml.Node],
    bounds: Sequence[Proposal],
    margins: Sequence[Proposal],
) -> list[_Edit]:
    key, rule = pair
    edits = [_value_edit(rule, one.name, one.bound) for one in margins[:1]]
    if not bounds:
        return [*edits, _comment(config.text, _place(rule, margins[0].name), _told(calibration, margins))]
    groups: dict[float, list[Proposal]] = {}
    for one in bounds:
        groups.setdefault(one.bound, []).append(one)
    loosest = min(groups) if bounds[0].name == "at_least" else max(groups)
    base = groups.pop(loosest)
    edits += _bound_edits(rule, base[0], accepted=calibration.accepted if any(one.looser for one in base) else None)
    told = " and ".join(_told(calibration, group) for group in (base, margins) if group)
    edits.append(_comment(config.text, _place(rule, "at_least", "at_most"), told))
    if not groups:
        return edits
    edits.append(_narrowed(rule, [one.rule.class_name for one in base]))
    lines = _lines_of_their_own(config, calibration, key, groups, margins)
    end = _line_end(config.text, _last_index(rule))
    return [*edits, _Edit(start=end, end=end, text="".join(lines), order=2)]


def _bound_edits(rule: yaml.Node, proposal: Proposal, *, accepted: str | None) -> list[_Edit]:
    """The bound's number; where images no longer decide, its key too, and what does; why it may be looser."""
    name = "at_least" if _has(rule, "at_least") else "at_most"
    key, _ = _pair(rule, name)
    edits = [_value_edit(rule, name, proposal.bound)]
    if name != proposal.name:
        edits.append(_Edit(start=key.start_mark.index, end=key.end_mark.index, text=proposal.name))
    wanted: dict[str, str | None] = {}
    if proposal.decide != proposal.rule.decide:
        wanted["decide"] = proposal.decide
    if accepted is not None or (proposal.kept is None and _has(rule, "accept_looser")):
        wanted["accept_looser"] = accepted
    for word, text in wanted.items():
        if text is None:
            edits.append(_removed(rule, word))
        elif _has(rule, word):
            there, node = _pair(rule, word)
            edits.append(_Edit(start=there.start_mark.index, end=_last_index(node), text=_flow({word: text})[1:-1]))
        else:
            flow = isinstance(rule, yaml.MappingNode) and rule.flow_style is True
            between = ", " if flow else "\n" + " " * key.start_mark.column
            start = key.start_mark.index
            edits.append(_Edit(start=start, end=start, text=_flow({word: text})[1:-1] + between, order=-1))
    return edits


def _lines_of_their_own(
    config: GateConfig,
    calibration: Calibration,
    key: yaml.Node,
    groups: Mapping[float, Sequence[Proposal]],
    margins: Sequence[Proposal],
) -> list[str]:
    """A line for every group of classes whose bound is not that of the others."""
    indent = " " * key.start_mark.column
    one = next(iter(groups.values()))[0]
    family, _, name = one.rule.check.partition(".")
    rules = yaml.safe_load(config.text)["checks"][family]
    data, taken = rules[name], {str(rule) for rule in rules}
    gone = ("per_class", "classes", "at_least", "at_most", "accept_looser")
    lines = []
    for level, group in groups.items():
        classes = _names(group)
        kept = {name: value for name, value in data.items() if name not in gone}
        own = {**kept, **{margin.name: margin.bound for margin in margins}, group[0].name: level, "classes": classes}
        if calibration.accepted is not None and any(one.looser for one in group):
            own["accept_looser"] = calibration.accepted
        suffix = re.sub(r"[^A-Za-z0-9_]+", "_", "-".join(classes))
        joint = "-" if "/" in str(key.value) else "/"
        own_name = _unused(f"{key.value}{joint}{suffix}", taken)
        lines.append(f"\n{indent}{_flow(own_name)}: {_flow(own)}   # {_told(calibration, group)}")
    return lines


def _value_edit(rule: yaml.Node, name: str, bound: float) -> _Edit:
    node = _child(rule, name)
    return _Edit(start=node.start_mark.index, end=node.end_mark.index, text=_number(bound))


def _place(rule: yaml.Node, *names: str) -> int:
    """Where the number behind the first of these keys ends."""
    return int(next(_child(rule, name) for name in names if _has(rule, name)).end_mark.index)


def _removed(rule: yaml.Node, name: str) -> _Edit:
    """A key and its value go, with what stands between them and the next one, or the one before."""
    key, value = _pair(rule, name)
    pairs = rule.value
    place = pairs.index((key, value))
    if place + 1 < len(pairs):
        return _Edit(start=key.start_mark.index, end=pairs[place + 1][0].start_mark.index, text="")
    return _Edit(start=_last_index(pairs[place - 1][1]), end=_last_index(value), text="")


def _unused(name: str, taken: set[str]) -> str:
    """The name, with a number behind it where another rule has it: classes may differ in signs alone."""
    number = 1
    while (own := name if number == 1 else f"{name}_{number}") in taken:
        number += 1
    taken.add(own)
    return own


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
    earlier = re.search(rf"\s*#\s*{_MARK}.*$", line)
    start = position + earlier.start() if earlier else position + len(line.rstrip())
    return _Edit(start=start, end=end, text=f"   # {told}", order=1)


def _told(calibration: Calibration, group: Sequence[Proposal]) -> str:
    seen = [value for one in group for value in one.seen]
    images = sorted({one.images for one in group})
    counted = f"{images[0]} images" if len(images) == 1 else f"{images[0]} to {images[-1]} images"
    each = " each" if len(group) > 1 else ""
    # What a rule of evidence or of changes may spend is its own, however many rows it has.
    shared = group[0].decide == "evidence" or group[0].is_change
    share = max(one.share for one in group) if shared else sum(one.share for one in group)
    kept = list(dict.fromkeys(one.kept for one in group if one.kept))
    what = f"kept, {'; '.join(kept)}; " if kept else ""
    mark = f"{group[0].name} from" if group[0].is_change else _MARK
    versions = "1 version" if calibration.versions == 1 else f"{calibration.versions} versions"
    told = f"{mark} {what}{versions}, {counted}{each}, seen {min(seen):.3g} to {max(seen):.3g}, "
    return f"{told}about {100 * share:.2g} % of good versions break it"


def _headed(text: str, calibration: Calibration) -> str:
    """Above the checks: what all rules promise together, and where the promise is empty."""
    text = re.sub(r"(?m)^# calibrated: .*\n(#   .*\n)*", "", text)
    why = calibration.accepted
    accepted = [f"#   Looser than the package's own rules, accepted: {_line(why)}"] if why else []
    lines = [
        (
            f"# {_MARK} good versions: {calibration.versions}; all calibrated rules are expected to block "
            f"{100 * calibration.share:.1f} % of good versions (asked for: {100 * calibration.rate:g} %)."
        ),
        (
            f"#   Left out one by one, {len(calibration.left_out)} of {calibration.versions} broke a bound proposed "
            "from the others."
        ),
        *accepted,
        *(f"#   Warning: {_line(warning)}." for warning in calibration.warnings),
    ]
    return re.sub(r"(?m)^checks:", lambda match: "\n".join([*lines, match.group()]), text, count=1)


def _line(text: str) -> str:
    return " ".join(text.split())


def _child(node: yaml.Node | None, name: str) -> yaml.Node:
    return _pair(node, name)[1]


def _pair(node: yaml.Node | None, name: str) -> tuple[yaml.Node, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        raise TypeError(f"must be a mapping with {name}")  # the file was validated, so this is a fault of ours
    pair: tuple[yaml.Node, yaml.Node] = next(pair for pair in node.value if pair[0].value == name)
    return pair


def _has(node: yaml.Node, name: str) -> bool:
    return isinstance(node, yaml.MappingNode) and any(key.value == name for key, _ in node.value)


def _last_index(node: yaml.Node) -> int:
    """Where a node ends; a block's own mark is the start of what follows it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_index(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _flow(value: object) -> str:
    dumped: str = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False, allow_unicode=True)
    return dumped.removesuffix("\n").removesuffix("\n...")


def _number(value: float) -> str:
    return _flow(float(value))
