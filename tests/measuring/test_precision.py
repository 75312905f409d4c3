"""Half precision: for CAM methods and behaviour, with its agreement on record."""

from __future__ import annotations

import pytest
import torch

from explain_gate.errors import OptionError
from explain_gate.measuring.precision import pick_dtype


def test_bfloat16_records_its_agreement_with_float32(tmp_path, write_project, measured):
    """The manifest says how many predictions and how much of the maps stay; both versions are cached apart."""
    write_project(tmp_path / "project")
    exact, half = measured(), measured(dtype="bfloat16")
    environment = half.profile.manifest["environment"]
    assert environment["dtype"] == "bfloat16"
    assert environment["agreement_with_float32"]["images"] == 8
    assert environment["agreement_with_float32"]["same_prediction"] == 1.0
    assert environment["agreement_with_float32"]["map_correlation"]["grad_cam"] > 0.98
    assert half.profile.manifest["cache"]["written"] > 8
    assert exact.profile.manifest["model"]["digest"] == half.profile.manifest["model"]["digest"]
    assert next(half.model_under_test.module.parameters()).dtype == torch.float32
    assert half.findings["performance.accuracy[all]"].status == "passed"


@pytest.mark.parametrize(
    ("dtype", "methods", "told"),
    [("bfloat16", ["grad_cam", "integrated_gradients"], "integrated_gradients need float32"), ("int8", [], "got int8")],
)
def test_precision_that_would_spoil_a_method_is_refused(dtype, methods, told):
    """Sums along a path do not survive eight bits of mantissa."""
    with pytest.raises(OptionError, match=told):
        pick_dtype(dtype, methods)
