"""The run as a whole: how the model is asked, wherever it is asked."""

from __future__ import annotations

import pytest

from explain_gate.commands.validate import validate
from explain_gate.errors import ModelError
from explain_gate.options import RunOptions
from explain_gate.records import STEPS_NEEDED

RULES = """\
  grad_cam: {{}}
  eigen_cam: {{}}
checks:
  performance:
    accuracy: {{at_least: 0.9}}
  alignment:
    iou: {{methods: [grad_cam], at_least: 0.01}}
  randomization:
    cascade: {{methods: [grad_cam], at_most: 1.0}}
    correlation: {{methods: [eigen_cam], at_most: 1.0}}
  reliance:
    background_gap: {{at_most: 0.9}}
"""
OBJECT = """

class Output:
    def __init__(self, logits):
        self.{name} = logits


class Wrapped(Net):
    def forward(self, x):
        return Output(super().forward(x))


def build(corner=False):
    return Wrapped(corner)


def scores(output):
    return output.{name}


def doubled(output):
    return 2 * scores(output)


def score(output, targets):
    return output.{name}.gather(1, targets[:, None])[:, 0]
"""


def validated(path) -> list[str]:
    """What validate says of a project."""
    return validate(RunOptions(config=str(path), output=str(path.parent.parent / "out"), device="cpu"))


@pytest.fixture
def project(tmp_path, write_project, fresh_modules):
    """A model whose output is an object, methods that have to look for their layer, every way of asking the model."""
    import projects

    text = projects.THRESHOLDS

    def write(name: str, target: str | None):
        path = write_project(tmp_path / "project", thresholds=text[: text.index("  grad_cam")] + RULES)
        (path.parent / "tinymodel.py").write_text(projects.MODEL + OBJECT.format(name=name), encoding="utf-8")
        if target is not None:
            named = path.read_text().replace("corner: false}}", f"corner: false}}, target: 'tinymodel:{target}'}}")
            assert target in named
            path.write_text(named)
        return path

    return write


@pytest.mark.parametrize(("name", "target"), [("logits", None), ("logits", "scores"), ("scores", "scores")])
def test_outputs_in_an_object_are_measured_like_a_tensor(project, measured, tmp_path, write_project, name, target):
    """With `model.target` and, where the output says `logits`, without it: layers are found, every number the same."""
    import projects

    path = project(name, target)
    assert any(line.startswith("target layer") for line in validated(path))
    wrapped = measured()
    path.write_text(path.read_text().replace(f", target: 'tinymodel:{target}'", ""))
    (path.parent / "tinymodel.py").write_text(projects.MODEL, encoding="utf-8")
    plain = measured()
    values = [[(s.image, s.check, s.value) for s in run.profile.scores()] for run in (wrapped, plain)]
    assert values[0] == values[1]
    assert wrapped.profile.manifest["model"]["target_layers"] == plain.profile.manifest["model"]["target_layers"]


def test_a_target_of_one_class_explains_and_has_no_predictions(project, measured):
    """It is asked for each image's class; what compares classes is unmeasured, with the reason."""
    path = project("scores", "score")
    assert any(line.startswith("target layer") for line in validated(path))
    session = measured()
    assert session.findings["alignment.iou[grad_cam]"].unmeasured == 0
    assert session.findings["reliance.background_gap[all]"].status == "unmeasured"
    reasons = {score.reason for score in session.profile.scores() if score.check == "reliance.background_gap"}
    assert all("no scores of all classes to compare" in reason for reason in reasons), reasons


def test_another_target_of_one_module_is_measured_anew(project, measured):
    """The second run does not read what the first one kept: its logits are twice as large."""
    path = project("scores", "scores")
    first = measured()
    path.write_text(path.read_text().replace("tinymodel:scores", "tinymodel:doubled"))
    second, fresh = measured(), measured(cache=False)
    assert [s.value for s in second.profile.scores()] == [s.value for s in fresh.profile.scores()]
    assert second.profile.images[0].probability > first.profile.images[0].probability


def test_an_output_that_nobody_knows_is_told_what_to_write(project, measured):
    """In a run and in validate alike."""
    path = project("scores", None)
    for ask in (measured, lambda: validated(path)):
        with pytest.raises(ModelError, match=r"got the type Output\. .*model\.target: package\.module:function"):
            ask()


def test_maps_that_ran_out_of_gradients_are_named_by_what_it_takes(tmp_path, write_project, measured):
    """They are used nowhere, block nothing under the model's name, and are not computed again by the next run."""
    import projects

    text = projects.THRESHOLDS
    rules = (
        "  integrated_gradients: {{max_steps: 2}}\nchecks:\n  performance:\n    accuracy: {{at_least: 0.9}}\n"
        "  alignment:\n    iou: {{at_least: 0.01, max_unmeasured: 0.9}}\n"
    )
    write_project(tmp_path / "project", thresholds=text[: text.index("  grad_cam")] + rules)
    first, again = measured(), measured()
    for session in (first, again):
        finding = session.findings["alignment.iou[integrated_gradients]"]
        assert (finding.status, finding.cause, finding.images) == ("unmeasured", "budget", 0)
        assert "need more than max_steps gradients" in finding.message
        assert "would do" in finding.message
        needed = session.profile.measurement(STEPS_NEEDED, "integrated_gradients")
        assert needed is not None
        assert (needed.values > 2).all()
    backward = [session.profile.manifest["passes"]["backward"] for session in (first, again)]
    assert backward[1] < backward[0]


def test_the_licence_of_the_pictures_goes_into_the_profile(tmp_path, write_project, measured):
    """As the file says it, for whoever audits the run; without one nothing is made up."""
    project = write_project(tmp_path / "project")
    assert measured().profile.manifest["dataset"]["licence"] is None
    project.write_text(project.read_text().replace("data:\n", "data:\n  licence: CC BY-SA 4.0\n"))
    assert measured().profile.manifest["dataset"]["licence"] == "CC BY-SA 4.0"
