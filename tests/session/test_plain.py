"""A finding on the wire is the finding that was judged."""

from __future__ import annotations

import json

from explain_gate.judging.gate import judge
from explain_gate.records import Rule
from explain_gate.session.plain import finding_from_plain, finding_to_plain


def test_a_finding_survives_json(make_profile):
    """With its intervals as tuples and its numbers to the last digit; no NaN is on the way."""
    profile = make_profile({("alignment.iou", "grad_cam"): [1 / 3, 0.2, 0.9, 0.4, 0.5, 0.6]})
    rule = Rule(check="alignment.iou", method="grad_cam", class_name=None, at_least=0.9, better="higher")
    (finding,) = judge(profile, [rule])
    assert finding.interval is not None
    text = json.dumps(finding_to_plain(finding), allow_nan=False)
    assert finding_from_plain(json.loads(text)) == finding
