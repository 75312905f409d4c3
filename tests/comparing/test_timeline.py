"""A model over time: what happened, what changed beside the weights, and which values may be compared."""

import pytest
from versions import NASTY, again, life, version

from explain_gate.comparing.terms import Change, changes
from explain_gate.comparing.timeline import told


@pytest.mark.parametrize(
    ("versions", "sentence"),
    [
        (life(0.5, 0.51), "2 versions, none blocked"),
        (life(0.5), "1 version, not blocked"),
        (
            life(0.5, 0.2, 0.5),
            (
                f"3 versions, 1 blocked. Attention left the object with version 2 and came back with version 3: "
                f"alignment.iou for {NASTY} fell from 0.50 to 0.20"
            ),
        ),
        (
            life(0.5, 0.2, 0.5, 0.3),
            (
                "4 versions, 2 blocked. Attention left the object 2 times, last with version 4, and has not come back: "
                f"alignment.iou for {NASTY} fell from 0.50 to 0.30"
            ),
        ),
        (
            life(0.1, 0.1),
            (
                "2 versions, 2 blocked. Attention was off the object from the first, version 1, and has not come back: "
                f"alignment.iou for {NASTY} 0.10"
            ),
        ),
    ],
)
def test_the_story_is_told_in_a_sentence(versions, sentence):
    """How many, how many blocked, and when attention left the object and came back."""
    assert told(versions) == sentence


def test_a_fall_is_only_told_on_the_same_terms():
    """With another regression set nobody can say that attention left with this version; a run on both sets can."""
    before, after = version(1, 0.5), version(2, 0.2, dataset_digest="d2")
    assert told([before, after]) == (
        "2 versions, 1 blocked. Attention is off the object with version 2 and has not come back: alignment.iou for "
        f"{NASTY} 0.20. Whether it left with this version cannot be told: the regression set changed"
    )
    bridge = again(before, 0.45, dataset_digest="d2")
    assert told([bridge, after]) == (
        "2 versions in 3 runs, 1 blocked. Attention left the object with version 2 and has not come back: "
        f"alignment.iou for {NASTY} fell from 0.45 to 0.20"
    )
    assert changes([again(before, 0.5), bridge, after]) == [
        Change(position=1, what="the regression set changed; version 1 was measured on both", comparable=False)
    ]


def test_a_return_on_other_terms_says_so():
    """Rules that hold on another regression set are not a return on the first one."""
    assert "its rules hold again with version 3, on other terms (the regression set changed)" in told(
        [*life(0.5, 0.2), version(3, 0.5, dataset_digest="d2")]
    )
