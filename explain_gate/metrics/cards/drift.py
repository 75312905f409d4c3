"""Cards of drift: has the reason changed since the approved version?"""

from __future__ import annotations

from explain_gate.metrics.cards.card import Family, Metric

FAMILY = Family(
    name="drift",
    question="Has the reason changed since the approved version?",
    broken="the model decides for other reasons than the approved version",
)

CARDS = (
    Metric(
        key="drift.map_correlation",
        summary="rank correlation with the reference's map of the same image",
        better="higher",
        low=-1,
        high=1,
        unit="Spearman",
        needs=("reference",),
        source="explain-gate",
        caveat="a better version may look elsewhere for good reason; noise of the method counts as drift",
    ),
    Metric(
        key="drift.changed_reason",
        summary="share of images with the reference's prediction for another reason: the map is different",
        better="lower",
        low=0,
        high=1,
        needs=("reference",),
        source="explain-gate",
        caveat="all or nothing at one correlation, so images near it move with chance",
        meanings={
            "below": "correlation under which maps count as different",
        },
    ),
    Metric(
        key="drift.changed_prediction",
        summary="share of images whose prediction is not the reference's",
        better="lower",
        low=0,
        high=1,
        applies="model",
        needs=("reference",),
        source="explain-gate",
        caveat="counts changes for the better too",
        broken="too many predictions differ from the approved version",
    ),
)
