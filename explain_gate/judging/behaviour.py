"""The package's own rules of behaviour, whatever a file says: who breaks them, and which bounds are looser. Pure.

Tighter and looser compare the observed value at which a row fails on this set. The package's rules count images: a row
of 20 fails from 7 that say yes, say, so it fails from a value of 0.35, and a bound of the value is looser from there
on: the mean says, over more trials, what share of images said yes. Where higher is better, what remains of the share
that was right to begin with stands in its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from explain_gate.errors import OptionError
from explain_gate.judging.counting import ANSWERS, judge_counted
from explain_gate.judging.evidence import fails_from
from explain_gate.judging.findings import select
from explain_gate.judging.prediction import values_of
from explain_gate.judging.priors import BEHAVIOUR
from explain_gate.judging.waivers import waive
from explain_gate.metrics import METRICS, asked
from explain_gate.records import Finding, Profile, Rule, Waiver
from explain_gate.tasks import DEFAULT

PART = 0.005
"""What the package's rules may spend on false alarms, each."""
_NAMED = 3
_QUANTILES: Mapping[str, float] = {"min": 0.0, "p05": 0.05, "median": 0.5, "p95": 0.95, "max": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Where the package's own rule fails on this set, in the direction of `rule`: from `value`, or only `beyond` it.

    `change` is the change for the worse, of a version without fault, from which it fails.
    """

    rule: Rule
    value: float
    change: float
    beyond: bool
    told: str

    def allows(self, rule: Rule, bound: float) -> bool:
        """Whether a bound of a value lets nothing pass that fails here."""
        worst = _worst_mean(rule, bound)
        if self.beyond and worst == self.value:
            return True
        return worst < self.value if rule.at_most is not None else worst > self.value

    @property
    def loosest(self) -> float:
        """The loosest bound of a mean that it allows."""
        if self.beyond:
            return self.value
        return round(self.value + (0.001 if self.rule.at_least is not None else -0.001), 6)


def require_good(
    profiles: Sequence[Profile], rules: Sequence[Rule], *, waivers: Sequence[Waiver] = (), today: str = ""
) -> None:
    """A version that breaks a shipped rule of behaviour, beyond chance, is none to calibrate a gate by.

    Args:
        profiles: of versions that are called good.
        rules: of the file; the package's rules are asked of the checks that it has.
        waivers: rows that may break are not held against a version.
        today: ISO date.

    Raises:
        OptionError: one does.
    """
    for place, profile in enumerate(profiles):
        broken = [
            finding
            for finding in _shipped_findings(profile, rules)
            if finding.status == "failed" and waive(finding, waivers, today).status != "waived"
        ]
        if broken:
            told = " ".join(finding.message for finding in broken[:_NAMED])
            name = profile.manifest["model"].get("checkpoint") or f"version {place + 1}"
            raise OptionError(
                f"{name} is no version to calibrate by: it breaks {len(broken)} of the package's own rules of "
                f"behaviour. {told} Leave it out, or waive the rule with an owner, a reason and an end"
            )


def limit_of(profiles: Sequence[Profile], rule: Rule) -> Limit | None:
    """Where the package's own rule of a row fails on this set; None for all that is no behaviour.

    A class's bound holds for all classes together too, since their mean is no worse than that of the worst class.

    Args:
        profiles: of versions on one set; those with the fewest images count.
        rule: a row that is decided by its value.
    """
    shipped = _shipped(rule)
    if shipped is None:
        return None
    if shipped.decide == "value":
        bound = float(shipped.at_least if shipped.at_least is not None else shipped.at_most or 0.0)
        metric = METRICS[rule.metric]
        best = metric.high if shipped.at_least is not None and metric.high is not None else 0.0
        return Limit(rule=rule, value=bound, change=abs(best - bound), beyond=True, told=f"the shipped {bound:g}")
    names = {rule.class_name, None}
    rows = [replace(shipped, class_name=name) for name in names]
    share = min(_fails_at(profile, row, 1 + len(profile.classes)) for profile in profiles for row in rows)
    value = share
    if rule.at_least is not None:
        value = max(_right(profile, rule) for profile in profiles) - share
    told = f"the shipped rule, which fails at {value:.3g} on this set"
    return Limit(rule=rule, value=value, change=share, beyond=False, told=told)


def loosened(rule: Rule) -> float | None:
    """The package's own share of yes where a row that counts images allows more; None where it does not."""
    shipped = _shipped(rule)
    if shipped is None or shipped.decide == "value" or rule.shares[0] <= shipped.shares[0]:
        return None
    return shipped.shares[0]


def _shipped(rule: Rule) -> Rule | None:
    """A row as the package asks for it."""
    own = BEHAVIOUR.get(rule.check) or BEHAVIOUR.get(rule.metric)
    if own is None:
        return None
    return replace(
        rule,
        decide="evidence" if "must_catch" in own else "value",
        at_least=own.get("at_least"),
        at_most=own.get("at_most"),
        must_catch=own.get("must_catch"),
        max_drop=None,
        max_rise=None,
        statistic="mean",
        part=PART,
        severity="fail",
        inconclusive="warn",
        small_classes="alone",
    )


def _shipped_findings(profile: Profile, rules: Sequence[Rule]) -> list[Finding]:
    """What the package's rules that count images say of the file's checks: a row for each class, and one for all."""
    rows, task = [], str(profile.manifest.get("task", DEFAULT))
    for rule in {rule.check: rule for rule in rules}.values():
        shipped = _shipped(rule)
        if shipped is not None and shipped.decide == "evidence":
            names = (*profile.classes, None)
            rows += [replace(shipped, class_name=name, question=asked(rule.metric, name, task)) for name in names]
    return list(judge_counted(profile, rows).values())


def _fails_at(profile: Profile, shipped: Rule, rows: int) -> float:
    """The share of yes from which a row of the package's rule fails; its honest share where it has too few images."""
    honest, _ = shipped.shares
    images = len(_answers(profile, shipped)) or values_of(profile, shipped).size
    yes = fails_from(images, honest, PART / rows)
    return honest if yes is None else yes / images


def _right(profile: Profile, rule: Rule) -> float:
    """The value of a row where higher is better, and the share that says yes to having lost it: at most 1."""
    values, answers = values_of(profile, rule), _answers(profile, rule)
    lost = sum(answers) / len(answers) if answers else 0.0
    return min(1.0, float(values.mean()) + lost) if values.size else 1.0


def _answers(profile: Profile, rule: Rule) -> list[float]:
    """The answers about a class; over all classes, as many as images answer."""
    answers = profile.measurement(f"{rule.check}{ANSWERS}", rule.method)
    if answers is None:
        return []
    values: list[float] = select(profile, answers, rule)[1].tolist()
    return values if rule.class_name is not None else values[: len(set(answers.rows.tolist()))]


def _worst_mean(rule: Rule, bound: float) -> float:
    """The worst mean of a version that a bound lets pass: beyond a quantile every image may be at its worst."""
    share = _QUANTILES.get(rule.statistic)
    if share is None:
        return bound
    metric = METRICS[rule.metric]
    if rule.at_most is not None:
        high = metric.high if metric.high is not None else float("inf")
        return bound if share == 1 else share * bound + (1 - share) * high
    low = metric.low if metric.low is not None else float("-inf")
    return bound if share == 0 else (1 - share) * bound + share * low
