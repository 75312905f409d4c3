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
        key="drift.new_strategy",
        summary="share of images whose maps form a cluster that the reference does not have",
        better="lower",
        low=0,
        high=1,
        needs=("reference",),
        source="explain-gate, after Lapuschkin 2019",
        caveat="all images of a cluster answer alike; maps that are all sharper than the reference's may look new",
        broken="a group of images rests on something that the approved version did not rest on",
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
