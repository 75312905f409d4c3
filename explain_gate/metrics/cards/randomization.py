"""Cards of randomization: do the maps depend on what the model has learned?"""

from __future__ import annotations

from explain_gate.metrics.cards.card import Family, Metric

FAMILY = Family(
    name="randomization",
    question="Do the maps depend on what the model has learned?",
    broken="the maps hardly depend on what the model has learned",
    norm=True,
)

CARDS = (
    Metric(
        key="randomization.correlation",
        summary="rank correlation of the map with the map of a re-initialised model",
        better="lower",
        low=-1,
        high=1,
        unit="Spearman",
        cost="one map per seed",
        asks=("twins",),
        source="Adebayo 2018",
        caveat="maps of one image share its edges, so a correlation above 0 may come from the image alone",
        worst=1,
        meanings={
            "seeds": "number of re-initialisations",
        },
    ),
    Metric(
        key="randomization.excess_correlation",
        summary="that correlation minus the one between maps of different images of the trained model",
        better="lower",
        low=-2,
        high=2,
        unit="Spearman",
        cost="one map per seed",
        asks=("twins", "other_maps"),
        source="Arun 2021",
        caveat="maps that lie in the same place in every image raise what is taken off",
        worst=1,
        meanings={
            "seeds": "number of re-initialisations",
            "pairs": "random pairs",
        },
    ),
    Metric(
        key="randomization.cascade",
        summary="mean rank correlation while blocks are re-initialised from the output down, one more at every step",
        better="lower",
        low=-1,
        high=1,
        unit="Spearman",
        cost="one map per step and seed, what lies below the cut reused",
        asks=("cascade",),
        source="Adebayo 2018",
        caveat="depends on how the model is cut into blocks; signs are ignored by some methods and not by others",
        worst=1,
        meanings={
            "seeds": "number of re-initialisations",
            "steps": "cuts from the output to the input",
        },
    ),
    Metric(
        key="randomization.complexity_rise",
        summary="how much the map's entropy rises when all parameters are re-initialised",
        better="higher",
        low=-1,
        high=None,
        unit="share of the entropy",
        cost="one map per seed",
        asks=("twins",),
        source="Hedstrom 2023",
        caveat="a map of noise may be concentrated by chance, so single images say little",
        meanings={
            "seeds": "number of re-initialisations",
            "bins": "bins of the histogram",
        },
    ),
    Metric(
        key="randomization.labels",
        summary="rank correlation of the map with the map of a model trained on permuted labels",
        better="lower",
        low=-1,
        high=1,
        unit="Spearman",
        cost="one map",
        asks=("versions",),
        source="Adebayo 2018",
        caveat="needs a model that was trained on permuted labels until it fits them",
        broken="the maps look like those of a model trained on permuted labels",
        worst=1,
        meanings={
            "checkpoint": "weights of the model trained on permuted labels; required",
        },
    ),
)
