"""Decisions about made-up maps."""

import pytest
from made_up_maps import blob

from explain_gate.decisions.likeness import sketch_of
from explain_gate.profile.audit import map_digest
from explain_gate.records import Decision


@pytest.fixture
def decide():
    """Makes a decision about a map."""

    def make(opinion="plausible", kept=None, **changed):
        kept = blob() if kept is None else kept
        fields = {
            "note": "", "reviewer": "anna", "at": "2027-01-31T09:30:00+01:00", "image": "cat_000.png",
            "method": "grad_cam", "image_digest": f"{0:064x}", "annotation_digest": "1" * 64,
            "map_digest": map_digest(kept), "sketch": sketch_of(kept), "version": "ab" * 32,
        }  # fmt: skip
        return Decision(opinion=opinion, **{**fields, **changed})

    return make
