"""What one metric says of one batch: a value or a reason for every image, whatever the metric does."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from explain_gate.errors import ModelError, NotApplicable, NotMeasurable, UserCodeError
from explain_gate.measuring.score_batch import score_batch
from explain_gate.measuring.table import Table
from explain_gate.records import Rule, Sample
from explain_gate.tasks import task_of

OWN = "other.shop:own"


def sample(row: int, *, region: bool = True) -> Sample:
    """One picture of 2 x 2; its only red pixel is its row's number."""
    pixels = torch.full((3, 2, 2), float(row))
    drawn = torch.tensor([[True, False], [False, False]])
    return Sample(
        index=row,
        image=f"{row}.png",
        label=0,
        class_name="red",
        accepted=(0,),
        digest=str(row),
        pixels=pixels,
        region=drawn if region else None,
        region_reason=None if region else "nothing is drawn",
    )


def scored(function, *, check: str = OWN, samples=(0, 1, 2), reasons=(), faults=()) -> Table:
    """A table over these samples, filled by a metric of behaviour."""
    samples = [sample(one) if isinstance(one, int) else one for one in samples]
    rule = Rule(check=check, method=None, class_name=None, better="higher", at_least=0.5, line=7)
    table = Table(check, None, rule, function, [one.index for one in samples])
    probe = SimpleNamespace(task=task_of("classification"), device=torch.device("cpu"))
    resources = SimpleNamespace(variants=SimpleNamespace(probe=probe))
    predictions = SimpleNamespace(reasons=dict(reasons), logits=torch.zeros(len(samples), 2))
    score_batch(table, resources, samples, predictions, dict(faults), {})
    return table


def each(answer):
    """A metric that answers image by image."""
    return lambda pixels: torch.tensor([answer(int(one[0, 0, 0])) for one in pixels])


def raising(row: int, error: Exception):
    """A metric that raises where one image is in the batch."""

    def metric(pixels):
        if row in pixels[:, 0, 0, 0]:
            raise error
        return pixels[:, 0, 0, 0]

    return metric


def test_a_value_that_is_none_is_a_reason():
    """A profile holds no NaN that looks like a number."""
    table = scored(each(lambda row: float("nan") if row == 1 else row / 2))
    assert table.values == {0: 0.0, 2: 1.0}
    assert table.reasons == {1: f"{OWN} is nan"}


@pytest.mark.parametrize(
    ("error", "reason", "exempt"),
    [
        (NotMeasurable("too dark"), "too dark", set()),
        (NotApplicable("it fills the frame"), "it fills the frame", {1}),
    ],
)
def test_an_image_without_a_value_takes_none_from_the_others(error, reason, exempt):
    """The metric is asked image by image, and what the annotation alone rules out is told apart."""
    table = scored(raising(1, error))
    assert table.values == {0: 0.0, 2: 2.0}
    assert (table.reasons, table.exempt) == ({1: reason}, exempt)


def test_a_metric_of_a_team_that_raises_is_told_with_rule_and_image():
    """What is wrong is their code, and where to look is said."""
    with pytest.raises(UserCodeError, match=r"other\.shop:own \(thresholds\.yaml:7\) raised .*division.* on 1\.png"):
        scored(raising(1, ZeroDivisionError("division by zero")))


def test_a_number_that_is_not_there_is_the_images_reason():
    """In a metric of the package, arithmetic fails for an image, not for the run."""
    table = scored(raising(1, ArithmeticError("no root")), check="performance.accuracy")
    assert table.values == {0: 0.0, 2: 2.0}
    assert "no root" in table.reasons[1]


def test_a_wrong_parameter_is_told_with_its_rule():
    """It is wrong for all images."""
    with pytest.raises(ModelError, match=r"performance\.accuracy \(thresholds\.yaml:7\): draws must be at least 1"):
        scored(raising(1, ValueError("draws must be at least 1")), check="performance.accuracy")


def test_a_metric_returns_one_value_an_image():
    """A mean over the batch would be taken for the first image's value."""
    with pytest.raises(ModelError, match=r"must return one value per image, \(3,\), got 1 values"):
        scored(lambda pixels: pixels.mean())


def test_what_a_prediction_or_a_map_lacks_is_a_reason_and_the_metric_is_not_asked():
    """It would see numbers that mean nothing."""
    table = scored(each(float), reasons={0: "NaN logits"}, faults={2: "it raised"})
    assert table.values == {1: 1.0}
    assert table.reasons == {0: "NaN logits", 2: "it raised"}


def test_an_image_without_a_region_is_exempt_from_what_looks_at_one_whatever_the_model_did():
    """So no model decides by failing which images a rule is about."""
    table = scored(
        lambda region: region.double().mean(dim=(1, 2)),
        samples=[sample(0), sample(1, region=False), sample(2, region=False)],
        reasons={1: "NaN logits"},
    )
    assert table.values == {0: 0.25}
    assert table.exempt == {1, 2}
    assert set(table.reasons.values()) == {"nothing is drawn"}


def test_notes_stand_beside_the_values():
    """As `family.metric@name`, for each image that has one."""

    def metric(batch):
        batch.note("evidence", batch.pixels[:, 0, 0, 0] > 1, about=torch.tensor([3, 4, 5]))
        return batch.pixels[:, 0, 0, 0]

    (noted,) = scored(metric).noted()
    assert noted.check == f"{OWN}@evidence"
    assert (noted.values.tolist(), noted.about.tolist()) == ([0.0, 0.0, 1.0], [3, 4, 5])
