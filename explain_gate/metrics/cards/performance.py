"""Cards of performance: are the predictions right?"""

from __future__ import annotations

from explain_gate.metrics.cards.card import Family, Metric

FAMILY = Family(
    name="performance",
    question="Are the predictions right?",
    broken="too many predictions are wrong",
    norm=True,
)

CARDS = (
    Metric(
        key="performance.accuracy",
        summary="share of images whose prediction is an annotated class",
        better="higher",
        low=0,
        high=1,
        applies="model",
        asks=("predictions",),
        source="definition",
        caveat="says nothing about reasons: a model that reads a mark in the picture reaches 1",
    ),
    Metric(
        key="performance.balanced_accuracy",
        summary="mean over classes of the share of right predictions; each image weighs what its class lacks",
        better="higher",
        low=0,
        high=None,
        unit="weighted share",
        applies="model",
        asks=("predictions", "weights"),
        source="Brodersen 2010",
        caveat="classes of few images weigh much, so one image moves it; not meant for per_class",
    ),
    Metric(
        key="performance.false_alarms",
        summary="share of images of which the model says a class that they do not show",
        better="lower",
        low=0,
        high=1,
        applies="model",
        asks=("predictions",),
        source="definition",
        caveat="an image that shows every class can raise none; name the class of empty pictures in `classes` to ask "
        "them alone",
        broken="it says classes that pictures do not show",
    ),
    Metric(
        key="performance.latency_ratio",
        summary="time of one explanation over the time of one forward pass",
        better="lower",
        low=0,
        high=None,
        unit="forward passes",
        cost="one map and 3 forwards",
        asks=("clock",),
        source="definition",
        caveat="a clock: it moves with what else runs on the machine",
        broken="an explanation takes too long",
    ),
)
