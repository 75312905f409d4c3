"""The contract of every metric in the table, measured through whole runs on a tiny project."""

from __future__ import annotations

import inspect
import json
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from explain_gate.data.regression_set import RegressionSet
from explain_gate.measuring import score, score_batch
from explain_gate.measuring.asking.batch import Asked
from explain_gate.measuring.asking.capabilities import ALWAYS, CAPABILITIES, capability_of
from explain_gate.measuring.asking.images import Images
from explain_gate.measuring.job import measure
from explain_gate.metrics import METRICS, broken
from explain_gate.records import Measurement, Profile, Sample

SIZE = 32
IMAGES = 9
CLASSES = ("red", "green", "blue")
MEASURED = [name for name, metric in METRICS.items() if not metric.afterwards]
PARAMETERS: dict[str, dict[str, Any]] = {
    "randomization.labels": {"checkpoint": "other.pt"},
    "stability.retrain_correlation": {"checkpoints": ["other.pt"]},
    "faithfulness.sensitivity_n": {"grid": 8, "draws": 8},
    "faithfulness.deletion_auc": {"steps": 4},
    "faithfulness.insertion_auc": {"steps": 4},
    "faithfulness.deletion_gain": {"steps": 4, "draws": 1},
    "faithfulness.road": {"shares": [0.2, 0.6]},
    "stability.max_sensitivity": {"draws": 2},
    "reliance.background_gap": {"donors": 2},
    "reliance.background_follow": {"donors": 2},
    "reliance.background_margin": {"donors": 2},
    "reliance.background_only": {"donors": 2},
    "randomization.cascade": {"steps": 3},
    "reliance.operation_follow": {"classes": 1},
}
CLOCKS = {"performance.latency_ratio"}
MODEL = textwrap.dedent(
    """
    import torch
    from torch import nn


    def build():
        module = nn.Sequential(
            nn.Sequential(nn.Conv2d(3, 6, 5, 2, 2), nn.BatchNorm2d(6), nn.ReLU(inplace=True)),
            nn.Sequential(nn.Conv2d(6, 8, 3, 2, 1), nn.ReLU()),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(8, 3),
        )
        with torch.no_grad():
            module[-1].weight.mul_(20)
        return module
    """
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine pictures of three classes, two annotators, a tiny network, every metric of the table."""
    root = tmp_path_factory.mktemp("every_metric")
    _draw(root)
    (root / "tiny_contract_model.py").write_text(MODEL, encoding="utf-8")
    checks: dict[str, dict[str, Any]] = {}
    for name in MEASURED:
        family, _, metric = name.partition(".")
        checks.setdefault(family, {})[metric] = _rule(name)
    checks["reliance"]["transplant_follow/inside"] = _rule("reliance.transplant_follow", place="inside")
    document = {
        "version": 1,
        "model": {"source": "tiny_contract_model:build", "checkpoint": "weights.pt"},
        "data": {"images": "images", "annotations": "annotations.json"},
        "methods": {"grad_cam": {}, "integrated_gradients": {"max_steps": 24, "tolerance": 0.2}},
        "checks": checks,
    }
    (root / "thresholds.yaml").write_text(json.dumps(document), encoding="utf-8")
    for name, seed in (("weights", 3), ("other", 1)):
        torch.manual_seed(seed)
        torch.save(_build(root).state_dict(), root / f"{name}.pt")
    return root


@pytest.fixture(scope="module")
def profile(project: Path) -> Profile:
    """The project, measured."""
    return measure(project / "thresholds.yaml", folder=project / "first")


@pytest.fixture(scope="module")
def asked() -> dict[str, set[str]]:
    """The capabilities that each metric asked while `reordered` was measured, where no metric uses another's work."""
    return {}


@pytest.fixture(scope="module")
def reordered(project: Path, asked: dict[str, set[str]]) -> Profile:
    """The project, measured in other batches and from the last image to the first; what metrics share is not kept."""
    call, current = score_batch._call, [""]

    class Recording(Asked):
        def __getattr__(self, name: str) -> Any:
            asked.setdefault(current[0], set()).add(capability_of(name).name)
            return super().__getattr__(name)

    def named(table: Any, batch: Any) -> None:
        current[0] = table.rule.metric
        call(table, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(score, "BATCH", 4)
        patch.setattr(score_batch, "Asked", Recording)
        patch.setattr(score_batch, "_call", named)
        patch.setattr(Images, "remember", lambda _, __, compute: compute())
        forwards = RegressionSet.batches

        def backwards(self: RegressionSet, size: int, rows: Sequence[int] | None = None) -> Iterator[list[Sample]]:
            wanted = list(range(len(self))) if rows is None else list(rows)
            return forwards(self, size, wanted[::-1])

        patch.setattr(RegressionSet, "batches", backwards)
        return measure(project / "thresholds.yaml", folder=project / "second")


@pytest.mark.parametrize("name", MEASURED)
def test_a_metric_asks_for_what_its_card_lists(reordered: Profile, asked: dict[str, set[str]], name: str) -> None:
    """All of it and nothing else: what may be cached per image, and what must see the whole set, follows from that."""
    assert reordered.measurements
    assert set(METRICS[name].asks) == asked.get(name, set()) - ALWAYS
    assert set(METRICS[name].asks) <= {capability.name for capability in CAPABILITIES}


@pytest.mark.parametrize("name", MEASURED)
def test_values_are_finite_and_in_range(profile: Profile, name: str) -> None:
    """Every image has a finite value within the metric's range, or a reason; no metric measures nothing."""
    for measurement in _of(profile, name):
        assert measurement.rows.tolist() == list(range(IMAGES))
        values = measurement.values[measurement.measured]
        assert values.size > 0, measurement.reasons
        assert np.isfinite(values).all()
        assert METRICS[name].low is None or values.min() >= METRICS[name].low - 1e-9
        assert METRICS[name].high is None or values.max() <= METRICS[name].high + 1e-9
        assert all(reason for reason in measurement.reasons if reason is not None)


@pytest.mark.parametrize("name", [name for name in MEASURED if name not in CLOCKS])
def test_values_do_not_depend_on_batches_or_order(profile: Profile, reordered: Profile, name: str) -> None:
    """Measured again in other batches and in another order, every image has the same value or the same reason."""
    for one, other in zip(_of(profile, name), _of(reordered, name), strict=True):
        assert one.method == other.method
        assert one.reasons == other.reasons
        np.testing.assert_allclose(one.values[one.measured], other.values[other.measured], atol=2e-4, rtol=1e-3)


def test_the_model_is_left_as_it_was(project: Path, profile: Profile, reordered: Profile) -> None:
    """Both runs measured the same weights and buffers, which are those of the checkpoint."""
    module = _build(project)
    module.load_state_dict(torch.load(project / "weights.pt"))
    assert profile.manifest["model"]["digest"] == reordered.manifest["model"]["digest"]


def test_every_metric_has_its_test_in_checks() -> None:
    """`family.metric` is `test_metric` in checks/test_family.py."""
    checks = Path(__file__).parents[2] / "checks"
    for name in METRICS:
        family, _, metric = name.partition(".")
        text = (checks / f"test_{family}.py").read_text(encoding="utf-8")
        assert f"def test_{metric}(check):" in text
        assert f'check("{name}")' in text


@pytest.mark.parametrize("name", METRICS)
def test_a_card_and_its_function_agree(name: str) -> None:
    """What a card says a rule may set, with which default, is what the function takes; each has a meaning."""
    card = METRICS[name]
    function = card.load()
    taken = inspect.signature(function).parameters.values()
    keywords = {one.name: one.default for one in taken if one.kind is one.KEYWORD_ONLY}
    assert {parameter.name: parameter.default for parameter in card.parameters} == keywords
    assert {parameter.name for parameter in card.parameters} == set(card.meanings)
    assert card.takes == tuple(one.name for one in taken if one.kind is not one.KEYWORD_ONLY)
    assert card.needs_region or not {"region"} & set(card.takes)
    assert ("annotators" in card.needs) == ("annotators" in card.takes)
    assert function.__doc__


@pytest.mark.parametrize("name", METRICS)
def test_a_card_says_how_its_metric_fails(name: str) -> None:
    """Every card has a summary, a source and a known failure, and a sentence for the reader of a broken rule."""
    card = METRICS[name]
    assert all((card.summary, card.source, card.caveat, card.unit, broken(name)))
    assert card.low is None or card.high is None or card.low < card.high


def test_the_curve_of_a_cascade_is_kept(profile: Profile) -> None:
    """Each step is a measurement of its own, named by its number and block; their mean is the metric."""
    steps = [m for m in profile.measurements if m.check.startswith("randomization.cascade@") and m.method == "grad_cam"]
    assert [step.check.partition("@")[2].split()[0] for step in steps] == ["1", "2", "3"]
    whole = profile.measurement("randomization.cascade", "grad_cam")
    assert whole is not None
    np.testing.assert_allclose(np.mean([step.values for step in steps], axis=0), whole.values[steps[0].rows])


def test_cues_are_kept_as_pictures_and_facts(profile: Profile) -> None:
    """Classes that pictures can turn to have their facts by place, and the pictures that they name are there."""
    assert profile.folder is not None
    facts = json.loads((profile.folder / "cues" / "cues.json").read_text(encoding="utf-8"))["cues"]
    told = {(fact["place"], fact["class_name"]) for fact in facts}
    assert told <= {(place, name) for place in ("outside", "inside") for name in CLASSES}
    assert {place for place, _ in told} == {"outside", "inside"}
    for fact in facts:
        assert fact["sentence"].endswith(f"% of other images into {fact['class_name']}")
        for name in fact["files"].values():
            assert Image.open(profile.folder / "cues" / name).size[0] > 0


def test_annotators_agree_as_drawn(profile: Profile) -> None:
    """Two boxes of 14 pixels, two pixels apart, overlap by 12/16: the ceiling of human_ratio."""
    ceiling = profile.measurement("alignment.human_ratio@ceiling", "integrated_gradients")
    assert ceiling is not None
    np.testing.assert_allclose(ceiling.values, 12 / 16)


def test_balanced_accuracy_is_the_mean_over_classes(profile: Profile) -> None:
    """The mean over all images equals the mean of the classes' accuracies."""
    accuracy = profile.measurement("performance.accuracy", None)
    balanced = profile.measurement("performance.balanced_accuracy", None)
    assert accuracy is not None
    assert balanced is not None
    labels = np.array([image.label for image in profile.images])
    means = [accuracy.values[labels == label].mean() for label in np.unique(labels)]
    assert balanced.values.mean() == pytest.approx(np.mean(means))


def _of(profile: Profile, name: str) -> list[Measurement]:
    found = [
        measurement
        for measurement in profile.measurements
        if measurement.check.partition("/")[0] == name
        and "@" not in measurement.check
        and not str(measurement.method).startswith("control.")
    ]
    assert found
    return found


def _rule(name: str, **parameters: Any) -> dict[str, Any]:
    """A rule that any value keeps; it counts images where the metric has a question for them."""
    metric = METRICS[name]
    if metric.question:
        parameters = {**PARAMETERS.get(name, {}), **parameters}
        return {
            "decide": "evidence",
            "at_most": 0.9,
            "must_catch": 0.95,
            "max_unmeasured": IMAGES,
            "parameters": parameters,
        }
    key, edge = ("at_least", metric.low) if metric.better == "higher" else ("at_most", metric.high)
    loose = -1000.0 if key == "at_least" else 1000.0
    return {
        key: loose if edge is None else edge,
        "max_unmeasured": IMAGES,
        "parameters": {**PARAMETERS.get(name, {}), **parameters},
    }


def _build(root: Path) -> torch.nn.Module:
    namespace: dict[str, Any] = {}
    exec((root / "tiny_contract_model.py").read_text(encoding="utf-8"), namespace)  # noqa: S102 - written above
    module: torch.nn.Module = namespace["build"]()
    return module


def _draw(root: Path) -> None:
    """Coloured squares on noise; four red images, three green and two blue ones."""
    (root / "images").mkdir()
    rng = np.random.default_rng(0)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, label in enumerate((0, 1, 2, 0, 1, 2, 0, 1, 0)):
        picture = rng.integers(0, 90, size=(SIZE, SIZE, 3))
        top, left = rng.integers(2, 14, size=2).tolist()
        picture[top : top + 14, left : left + 14, label] += 150
        name = f"{number:02d}.png"
        Image.fromarray(picture.astype(np.uint8)).save(root / "images" / name)
        images.append({"id": number, "file_name": name, "height": SIZE, "width": SIZE})
        for annotator, shift in (("a", 0), ("b", 2)):
            box = [left + shift, top, 14, 14]
            entry = {"id": len(annotations), "image_id": number, "category_id": label, "bbox": box}
            annotations.append({**entry, "annotator": annotator})
    categories = [{"id": index, "name": name} for index, name in enumerate(CLASSES)]
    text = json.dumps({"images": images, "annotations": annotations, "categories": categories})
    (root / "annotations.json").write_text(text, encoding="utf-8")
