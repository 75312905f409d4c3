"""Two profiles side by side: which images pair, which maps are equal to the bit, and how far apart the rest is."""

from dataclasses import replace

import numpy as np

from explain_gate.comparing.pairs import compare_maps, paired_rows
from explain_gate.records import Measurement


def test_maps_are_compared_bit_by_bit_and_by_rank(run, reference):
    """Equal maps correlate with 1 and lie nowhere apart; the changed one does not; a missing one has no number."""
    pairs = compare_maps(run.profile, reference, "grad_cam")
    assert np.flatnonzero(~pairs.equal).tolist() == [5]
    assert np.isnan(pairs.correlation[2])
    same = [row for row in range(18) if row not in (2, 5)]
    assert (pairs.correlation[same] == 1).all()
    assert (pairs.distance[same] == 0).all()
    assert pairs.correlation[5] < 0.9
    assert pairs.distance[5] > 0.1


def test_measured_drift_outranks_what_the_report_computes(run, reference):
    """Where drift.map_correlation was measured, the report shows that number."""
    measured = Measurement(
        check="drift.map_correlation", method="grad_cam", rows=np.array([5]), values=np.array([0.123]), reasons=(None,)
    )
    profile = replace(run.profile, measurements=(*run.profile.measurements, measured))
    assert compare_maps(profile, reference, "grad_cam").correlation[5] == 0.123


def test_only_the_same_images_are_paired(run, reference):
    """An image whose file changed, or that one side lacks, has no partner."""
    images = list(reference.images)
    images[3] = replace(images[3], digest="other")
    rows = paired_rows(run.profile, replace(reference, images=tuple(images[:-1])))
    assert rows[:, 0].tolist() == [row for row in range(17) if row != 3]
