"""Every image once through the model: what it says, and which images it can say nothing of."""

from __future__ import annotations

import pytest

from explain_gate.errors import DataError, ModelError

FORWARD = """


class Odd(Net):
    calls = 0

    def forward(self, x):
        logits = super().forward(x)
        {odd}
        return logits


def build(corner=False):
    return Odd(corner)
"""


@pytest.fixture
def project(tmp_path, write_project):
    """A project whose model does something odd with its logits."""

    def write(odd="pass"):
        path = write_project(tmp_path / "project")
        model = path.with_name("tinymodel.py")
        model.write_text(model.read_text() + FORWARD.format(odd=odd))
        return path

    return write


def test_each_image_has_its_class_its_probability_and_its_region(project, measured):
    """With a picture for the report."""
    project()
    profile = measured().profile
    assert len(profile.images) == 8
    for row in profile.images:
        assert row.predicted == row.label
        assert 0.5 < row.probability <= 1
        assert row.region_area == pytest.approx(100 / 32**2)


def test_an_image_without_finite_logits_has_a_reason_and_no_prediction(project, measured):
    """The others are measured; a rule over it fails closed."""
    project("logits = torch.where(logits[:, :1] > 0, float('nan'), logits)")
    session = measured()
    predicted = {row.image: row.predicted for row in session.profile.images}
    assert all((value is None) == name.startswith("red") for name, value in predicted.items())
    accuracy = session.profile.measurement("performance.accuracy", None)
    assert set(accuracy.reasons) == {None, "the model's logits are not finite"}
    assert session.findings["performance.accuracy[all]"].status == "unmeasured"


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        ("raise RuntimeError('no such kernel')", "no such kernel"),
        ("logits = torch.full_like(logits, float('nan'))", "no image of 8 could be predicted"),
        ("logits = logits + torch.rand_like(logits)", "other logits for the same image"),
    ],
)
def test_a_model_that_cannot_be_measured_is_told_why(project, measured, odd, told):
    """It raises, says nothing, or says something else each time."""
    project(odd)
    with pytest.raises(ModelError, match=told):
        measured()


def test_every_file_that_cannot_be_read_is_named(project, measured):
    """At once, not one a run."""
    path = project()
    for name in ("red_00.png", "green_05.png"):
        (path.parent / "images" / name).write_bytes(b"no picture")
    with pytest.raises(DataError) as caught:
        measured()
    assert "red_00.png" in str(caught.value)
    assert "green_05.png" in str(caught.value)
