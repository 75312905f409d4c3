"""Cards of review: what do people find of the maps?"""

from __future__ import annotations

from explain_gate.metrics.cards.card import Family, Metric

FAMILY = Family(
    name="review",
    question="What do people find of the maps?",
    broken="people do not find the reasons plausible",
    norm=True,
)

CARDS = (
    Metric(
        key="review.implausible",
        summary="share of an image's reviewers who find its map not plausible",
        better="lower",
        low=0,
        high=1,
        needs=("decisions",),
        source="explain-gate",
        caveat="a plausible map may be wrong about the model: people judge what they would look at; the maps that they "
        "judge first are the suspicious ones, so the share is of those and not of all",
        broken="people find maps implausible",
    ),
    Metric(
        key="review.coverage",
        summary="share of images whose map somebody has judged; who is unsure has not",
        better="higher",
        low=0,
        high=1,
        needs=("decisions",),
        source="explain-gate",
        caveat="says that somebody answered, not that they looked",
        broken="too few maps were looked at by a person",
        meanings={"reviewers": "people who must have judged a map for it to count"},
    ),
    Metric(
        key="review.agreement",
        summary="agreement of reviewers beyond chance: Cohen's kappa of two, Krippendorff's alpha of more; of all "
        "classes together",
        better="higher",
        low=-1,
        high=1,
        unit="kappa or alpha",
        needs=("decisions",),
        source="Cohen 1960, Krippendorff 2004",
        caveat="low where nearly all answers are one, however often people agree; 1 where all are, which shows "
        "nothing; not meant for per_class",
        broken="reviewers do not agree beyond chance, so that what they find says little",
    ),
)
