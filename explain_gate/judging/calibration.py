"""Bounds from versions known to be good: profiles and rules in, proposed bounds with their false alarms out. Pure.

What the next good version will show on each row is predicted (`prediction`), from one version on. One tail level
serves all rules; it is searched so that the chance that any rule breaks is the rate asked for, on average over the
calibrations that could have been. Correlations between rules come from resampling images jointly.

A rule that counts images gets a bound of its value: the limit of the next version already holds the images' noise. A
bound that says nothing is not proposed (`limits`), nor one of behaviour that lets through what the package's own rule
stops (`behaviour`). Such a rule keeps its bound and what decides it.
"""

from __future__ import annotations

from collections.abc import Sequence

from explain_gate.errors import OptionError
from explain_gate.judging.behaviour import require_good
from explain_gate.judging.bounds import propose_bounds, valued
from explain_gate.judging.findings import breaks
from explain_gate.judging.limits import with_bound, within
from explain_gate.judging.margins import propose_margins
from explain_gate.judging.prediction import values_of
from explain_gate.judging.proposal import Calibration, Proposal
from explain_gate.records import Profile, Rule, Waiver

FEW_VERSIONS = 5
FEW_IMAGES = 20


def calibrate(
    profiles: Sequence[Profile],
    rules: Sequence[Rule],
    *,
    false_alarm_rate: float = 0.05,
    accept_looser: str | None = None,
    waivers: Sequence[Waiver] = (),
    today: str = "",
    seed: int = 0,
) -> Calibration:
    """Propose a bound for every row that has one, and a margin for every row that bounds a change.

    Rows of one rule of thresholds.yaml share a bound, the loosest of their own, except classes of a rule of values
    whose own bound is tighter by more than their spread asks for.

    Args:
        profiles: of versions known to be good, measured with these rules; one or more.
        rules: the planned rows.
        false_alarm_rate: wanted share of good versions that break any rule, in (0, 0.5).
        accept_looser: why bounds of behaviour may be looser than the package's own; None: none may.
        waivers: rows that may break are not held against a version.
        today: ISO date.
        seed: of the resampling.

    Raises:
        OptionError: no version, the same version twice, one that breaks the package's own rules of behaviour, a rate
            out of range, a reason without words, or nothing to calibrate.
    """
    if not 0 < false_alarm_rate < 0.5:
        raise OptionError(f"the false-alarm rate must be in (0, 0.5), got {false_alarm_rate}")
    if accept_looser is not None and not accept_looser.strip():
        raise OptionError("--accept-looser takes the reason why bounds may be looser, which every report prints")
    _require_versions(profiles)
    require_good(profiles, rules, waivers=waivers, today=today)
    planned, warnings = _measured(profiles, [rule for rule in rules if _is_bounded(rule, rules)])
    changes, _ = _measured(profiles, [rule for rule in rules if rule.max_drop is not None or rule.max_rise is not None])
    if not planned and not changes:
        raise OptionError("no rule with a bound was measured on every version, so nothing can be proposed")
    share = false_alarm_rate / max(1, len(planned) + len(changes))
    bounds: tuple[Proposal, ...] = ()
    expected, left_out = 0.0, tuple[int, ...]()
    if planned:
        bounds, expected, left_out = propose_bounds(
            profiles, planned, rate=share * len(planned), accepted=accept_looser is not None, seed=seed
        )
    margins = propose_margins(profiles, changes, tail=share, accepted=accept_looser is not None)
    own = {(one.rule.check, one.rule.line) for one in margins if one.kept is None}
    proposals = (*bounds, *margins)
    return Calibration(
        proposals=proposals,
        rate=false_alarm_rate,
        share=expected + share * len(own),
        versions=len(profiles),
        left_out=left_out,
        warnings=(*warnings, *_warnings(proposals, len(profiles), left_out)),
        accepted=accept_looser if any(one.looser for one in proposals) else None,
    )


def _require_versions(profiles: Sequence[Profile]) -> None:
    if not profiles:
        raise OptionError("calibrating takes at least one version known to be good, got none; five or more sharpen it")
    digests = [str(profile.manifest["model"]["digest"]) for profile in profiles]
    if len(set(digests)) < len(digests):
        raise OptionError("two of the checkpoints hold the same weights; a version counts once")
    if len({str(profile.manifest["dataset"]["digest"]) for profile in profiles}) > 1:
        raise OptionError("the versions were measured on different images; measure them on one regression set")


def _is_bounded(rule: Rule, rules: Sequence[Rule]) -> bool:
    """Whether a row has a fixed bound of its own, once it is decided by value.

    What a rule of evidence asks of all classes together, the bound of each class holds by itself.
    """
    if rule.at_least is None and rule.at_most is None:
        return False
    if rule.decide == "value" or rule.class_name is not None:
        return True
    return not any(other.check == rule.check and other.class_name is not None for other in rules)


def _measured(profiles: Sequence[Profile], rows: Sequence[Rule]) -> tuple[list[Rule], list[str]]:
    """Rows with values on every version, and a sentence for every other row."""
    kept, warnings = [], []
    for rule in rows:
        empty = [position for position, profile in enumerate(profiles) if not values_of(profile, rule).size]
        if empty:
            warnings.append(
                f"{rule.key}: not measured on {len(empty)} of {len(profiles)} versions, so it stays as it is"
            )
        else:
            kept.append(rule)
    return kept, warnings


def _warnings(proposals: Sequence[Proposal], versions: int, left_out: Sequence[int]) -> list[str]:
    told = []
    if versions < FEW_VERSIONS:
        told.append(
            f"only {versions} version{'s' if versions > 1 else ''}: the bounds rest on how far versions of other data "
            "sets differ"
        )
    few = sorted({one.images for one in proposals if one.images < FEW_IMAGES and not one.kept})
    if few:
        told.append(f"some bounds rest on {few[0]} images; {FEW_IMAGES} or more for each would narrow them")
    if left_out:
        told.append(f"{len(left_out)} of {versions} versions break a bound proposed from the others")
    for one in proposals:
        if one.is_change or one.decide == "evidence":
            continue
        rule = valued(one.rule)
        if one.kept and any(breaks(with_bound(rule, one.bound), value) for value in one.seen):
            told.append(f"{one.rule.key}: a good version breaks {one.bound:g}, which is kept: {one.kept}")
        if not within(rule, one.bound):
            told.append(f"{one.rule.key}: bound {one.bound:g} stops nothing that the metric can be")
    return told
