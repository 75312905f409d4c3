"""What a tiny project measures stays what it was, whatever happens to the code that measures it.

The numbers were recorded with one thread; another machine may round the last digits of float32 differently. A change
that is meant to change them records them again: `python tests/measuring/test_score.py`.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import pytest

RECORDED = Path(__file__).with_name("numbers.json")
RULES = """\
  grad_cam: {{layer: window}}
  integrated_gradients: {{}}
checks:
  performance:
    accuracy: {{at_least: 0.5}}
    balanced_accuracy: {{at_least: 0.5}}
  alignment:
    iou: {{at_least: 0.1}}
    relevance_mass: {{at_least: 0.1}}
  completeness:
    relative_error: {{at_most: 1.0}}
  randomization:
    correlation: {{at_most: 1.0}}
    excess_correlation: {{at_most: 2.0}}
    cascade: {{methods: [grad_cam], at_most: 1.0}}
  stability:
    rerun_correlation: {{at_least: -1.0}}
    device_correlation: {{at_least: -1.0}}
  faithfulness:
    deletion_auc: {{at_most: 1.0, parameters: {{steps: 4}}}}
  agreement:
    correlation: {{at_least: -1.0}}
  discrimination:
    class_correlation: {{at_most: 1.0}}
  reliance:
    background_gap: {{at_most: 1.0}}
    background_only: {{at_most: 1.0}}
    occlusion_share: {{at_least: 0.0}}
    transplant_follow: {{at_most: 1.0}}
"""


def numbers(folder: Path) -> dict[str, list[float]]:
    """The scores of every check and method in the order of the images, controls and notes among them."""
    import projects

    from explain_gate.measuring.job import measure

    text = projects.THRESHOLDS
    path = projects.write_project(folder / "project", thresholds=text[: text.index("  grad_cam")] + RULES)
    profile = measure(path, folder=folder / "profile", device="cpu")
    told: dict[str, list[float]] = defaultdict(list)
    for score in profile.scores():
        told[f"{score.check}[{score.method or 'all'}]"].append(math.nan if score.value is None else score.value)
    return dict(told)


def test_a_tiny_project_measures_what_was_recorded(tmp_path, fresh_modules):
    """Every score of every image, within the rounding of float32."""
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    measured = numbers(tmp_path)
    assert measured.keys() == recorded.keys()
    for name, values in recorded.items():
        expected = [math.nan if value is None else value for value in values]
        assert measured[name] == pytest.approx(expected, abs=1e-5, nan_ok=True), name


if __name__ == "__main__":
    import torch

    sys.path.insert(0, str(Path(__file__).parents[1]))
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        rounded = {
            name: [None if math.isnan(value) else round(value, 7) for value in values]
            for name, values in numbers(Path(scratch)).items()
        }
    RECORDED.write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")
