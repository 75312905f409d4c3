"""Custom: the metrics of your own, named `package.module:function` in thresholds.yaml."""

import pytest


@pytest.mark.explain("custom.*")
def test_metric(check):
    """Your metric keeps its bound."""
    check()
