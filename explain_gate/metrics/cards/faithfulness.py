"""Cards of faithfulness: does the score change where the map says it should?"""

from __future__ import annotations

from explain_gate.metrics.cards.card import Family, Metric

FAMILY = Family(
    name="faithfulness",
    question="Does the score change where the map says it should?",
    broken="the maps point at pixels that hardly matter to the score",
)

CARDS = (
    Metric(
        key="faithfulness.deletion_auc",
        summary="probability that is left while pixels vanish, the most relevant first; area under the curve",
        better="lower",
        low=0,
        high=1,
        unit="area",
        cost="one forward per step",
        asks=("predictions",),
        source="Petsiuk 2018",
        caveat="images without pixels lie outside the data, which models react to; low for a model that is never sure",
        meanings={
            "steps": "points of the curve",
            "fill": "what pixels become: blur or mean",
        },
    ),
    Metric(
        key="faithfulness.insertion_auc",
        summary="probability that returns while pixels appear, the most relevant first; area under the curve",
        better="higher",
        low=0,
        high=1,
        unit="area",
        cost="one forward per step",
        asks=("predictions",),
        source="Petsiuk 2018",
        caveat="a blurred image still shows much; high for a model that is always sure",
        meanings={
            "steps": "points of the curve",
            "fill": "what pixels come from: blur or mean",
        },
    ),
    Metric(
        key="faithfulness.deletion_gain",
        summary="deletion area of the map moved elsewhere at random minus the map's own",
        better="higher",
        low=-1,
        high=1,
        unit="area",
        cost="one forward per step and draw, and the steps of deletion_auc",
        asks=("predictions",),
        source="Hooker 2019, Petsiuk 2018",
        caveat="a random move keeps the map's shape but not its fit to edges",
        meanings={
            "steps": "points of the curve",
            "fill": "what pixels become: blur or mean",
            "draws": "random moves",
        },
    ),
    Metric(
        key="faithfulness.road",
        summary="probability kept when the least relevant pixels are imputed minus when the most relevant are",
        better="higher",
        low=-1,
        high=1,
        unit="probability",
        cost="10 forwards and 10 imputations",
        asks=("predictions",),
        source="Rong 2022",
        caveat="imputed pixels still tell a little of what was there; small regions change little at all",
        meanings={
            "shares": "shares of pixels to impute",
        },
    ),
    Metric(
        key="faithfulness.sensitivity_n",
        summary="correlation between the relevance of random sets of pixels and the score lost without them",
        better="higher",
        low=-1,
        high=1,
        unit="Pearson",
        cost="one forward per draw",
        asks=("predictions",),
        source="Ancona 2018",
        caveat="random sets rarely cover a small object as a whole; noisy with few draws",
        meanings={
            "share": "of the cells of the grid in a set",
            "draws": "random sets",
            "grid": "cells along each side",
        },
    ),
)
