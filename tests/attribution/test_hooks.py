import pytest
import torch

from explain_gate.attribution.hooks import capture
from explain_gate.errors import ModelError


def hooks(module):
    return sum(len(layer._forward_hooks) for layer in module.modules())


def test_in_place_operations_do_not_reach_the_activation(reused, images):
    """What is captured is what the layer put out, before the in-place ReLU behind it."""
    reused.eval()
    with torch.no_grad(), capture(reused, ["second"]) as captured:
        reused(images)
    assert captured.last("second").min() < 0


def test_the_output_is_unchanged(reused, images):
    """Capturing does not change what the module computes."""
    reused.eval()
    with torch.no_grad():
        plain = reused(images)
        with capture(reused, ["first", "relu", "second"], as_leaves=True):
            assert torch.equal(reused(images), plain)


def test_gradients_reach_the_activation(reused, images):
    """As leaves, activations have gradients even though nothing below wants one."""
    reused.eval().requires_grad_(False)
    with capture(reused, ["first", "second"], as_leaves=True) as captured:
        score = reused(images)[:, 0].sum()
        first, second = torch.autograd.grad(score, [captured.last("first"), captured.last("second")])
    assert first.shape == (5, 8, 16, 16)
    assert second.abs().sum() > 0


def test_a_reused_module_gives_every_call(reused, images):
    """A module that is called twice is captured twice, in order."""
    with torch.no_grad(), capture(reused, ["relu"]) as captured:
        reused(images)
    assert [tuple(call.shape[1:]) for call in captured.calls("relu")] == [(8, 16, 16), (12, 8, 8)]
    assert captured.last("relu") is captured.calls("relu")[1]


def test_hooks_are_gone_after_an_exception(reused):
    """The hooks are off when the block ends, however it ends."""

    def capture_and_fail():
        with capture(reused, ["first", "second"]):
            assert hooks(reused) == 2
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        capture_and_fail()
    assert hooks(reused) == 0


def test_an_unknown_layer_leaves_no_hook(reused):
    """A wrong name is an error that lists names, and the right one before it is unhooked."""
    with pytest.raises(ModelError, match="no such layer; it has second"), capture(reused, ["first", "secnd"]):
        pass
    assert hooks(reused) == 0


def test_a_layer_that_is_not_run_is_an_error(reused):
    """A layer the module never calls cannot be looked at."""
    with capture(reused, ["dropout"]) as captured, pytest.raises(ModelError, match="not used when the module runs"):
        captured.last("dropout")
