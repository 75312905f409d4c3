"""Models that misbehave: each ends as a named fault, never as a pass and never as a traceback."""

from __future__ import annotations

import pytest

from explain_gate.errors import ModelError


def with_forward(project, body: str) -> None:
    """Replace the tiny network's forward."""
    path = project.parent / "tinymodel.py"
    text = path.read_text()
    old = "        return self.head(self.window(self.relu(self.colour(x))).mean((2, 3)))\n"
    assert old in text
    score = "self.head(self.window(self.relu(self.colour(x))).mean((2, 3)))"
    path.write_text(text.replace(old, "".join(f"        {line}\n" for line in body.format(score=score).splitlines())))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("return {{'boxes': x}}, {score}", r"tuple of 2"),
        ("return {{'scores': {score}}}", r"dict with the keys scores"),
        ("return {score}[:, :, None]", r"got a tensor of shape \(\d+, 2, 1\)"),
        ("return {score}[:1].expand(len(x) + 1, -1)", r"got a tensor of shape"),
        ("return {score}[:, :1]", "one logit.*model.target"),
        ("return None", "NoneType"),
        ("raise KeyError('no such layer')", "forward raised KeyError"),
        ("return {score} + torch.rand(len(x), 2)", "random in eval mode"),
        ("self.head.weight.data.mul_(1.001)\nreturn {score}", "changed its own weights"),
        ("return {score} * float('nan')", "no image of 8 could be predicted: the model's logits are not finite"),
    ],
    ids=["tuple", "dict", "rank", "rows", "too few", "none", "raises", "random", "learns", "nan"],
)
def test_a_model_that_cannot_be_measured_is_named(tmp_path, write_project, measured, body, told):
    """Outputs of another form, randomness in eval mode and weights that move stop the run with exit 4."""
    project = write_project(tmp_path / "project")
    with_forward(project, body)
    with pytest.raises(ModelError, match=told) as raised:
        measured()
    assert raised.value.exit_code == 4


def test_an_image_on_which_forward_raises_is_unmeasured_and_named(tmp_path, write_project, measured):
    """One image in many: the run goes on, and the rule counts it as unmeasured."""
    project = write_project(tmp_path / "project")
    with_forward(
        project,
        "if bool(((x[:, 0].mean((1, 2)) - self.bad).abs() < 1e-6).any()):\n"
        "    raise RuntimeError('broken on this one')\nreturn {score}",
    )
    path = project.parent / "tinymodel.py"
    path.write_text(
        path.read_text().replace(
            "        self.window = Window(corner)", "        self.bad = BAD\n        self.window = Window(corner)"
        )
    )
    from explain_gate.config import load_config
    from explain_gate.data.regression_set import open_set

    bad = open_set(load_config(project)).sample(0)
    path.write_text(
        path.read_text().replace("import torch\n", f"import torch\n\nBAD = {bad.pixels[0].mean().item()!r}\n", 1)
    )
    session = measured()
    finding = session.findings["performance.accuracy[all]"]
    assert finding.status == "unmeasured"
    assert finding.unmeasured == 1
    row = next(score for score in session.profile.scores() if score.reason)
    assert row.image == bad.image
    assert "broken on this one" in row.reason
