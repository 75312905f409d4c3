import pytest
import torch

from explain_gate.attribution.base import Probe
from explain_gate.errors import ModelError, NotMeasurable


def test_scores_are_the_logits_of_the_targets(reused, images, targets):
    """The score of an image is its target's logit in eval mode."""
    with Probe(reused) as probe:
        scores = probe.scores(images, targets)
    reused.eval()
    with torch.no_grad():
        assert torch.allclose(scores, reused(images).gather(1, targets[:, None])[:, 0], atol=1e-6)


def test_gradients_are_those_of_autograd(reused, images, targets):
    """The gradient of each image's own score, whatever else is in the batch."""
    with Probe(reused, batch=2) as probe:
        scores, grads = probe.gradients(images, targets)
    reused.eval()
    for image, target, score, grad in zip(images, targets, scores, grads, strict=True):
        wanted = image[None].clone().requires_grad_()
        expected = reused(wanted)[0, target]
        (gradient,) = torch.autograd.grad(expected, wanted)
        assert torch.allclose(score, expected, atol=1e-6)
        assert torch.allclose(grad, gradient[0], atol=1e-6)


def test_gradients_work_under_no_grad(reused, images, targets):
    """A caller's no_grad does not reach the gradients."""
    with torch.no_grad(), Probe(reused) as probe:
        _, grads = probe.gradients(images, targets)
    assert grads.abs().sum() > 0


def test_the_module_is_put_back(reused, images, targets):
    """Training flags, requires_grad and .grad are as before, also after an exception."""
    reused.norm.eval()
    reused.first.weight.requires_grad = False
    reused.head.weight.grad = torch.ones_like(reused.head.weight)
    flags = [module.training for module in reused.modules()]
    wanted = [parameter.requires_grad for parameter in reused.parameters()]

    def explain_and_fail():
        with Probe(reused) as probe:
            assert not any(module.training for module in reused.modules())
            assert not any(parameter.requires_grad for parameter in reused.parameters())
            probe.gradients(images, targets)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        explain_and_fail()
    assert flags == [module.training for module in reused.modules()]
    assert wanted == [parameter.requires_grad for parameter in reused.parameters()]
    assert torch.equal(reused.head.weight.grad, torch.ones_like(reused.head.weight))
    assert reused.head.bias.grad is None


def test_passes_are_counted_in_images(reused, images, targets):
    """Every image that goes forward or backward is counted, however the batch is cut."""
    with Probe(reused, batch=2) as probe:
        probe.logits(images)
        probe.gradients(images, targets)
    assert (probe.passes.forward, probe.passes.backward) == (10, 5)


def test_draws_follow_seed_key_and_purpose():
    """The same seed, key and purpose draw the same; another of any of them draws something else."""
    module = torch.nn.Flatten()

    def draw(seed, key, purpose):
        return torch.rand(4, generator=Probe(module, seed=seed).generator(key, purpose)).tolist()

    assert draw(0, "a", "masks") == draw(0, "a", "masks")
    others = [draw(1, "a", "masks"), draw(0, "b", "masks"), draw(0, "a", "noise")]
    assert draw(0, "a", "masks") not in others


def test_a_probe_outside_its_block_refuses(reused, images):
    """Without the block the module is not frozen, so nothing is measured."""
    with pytest.raises(RuntimeError, match="with-block"):
        Probe(reused).logits(images)


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (lambda _: {"scores": torch.zeros(1), "aux": torch.zeros(1)}, "the type dict with the keys scores, aux"),
        (lambda images: {"out": images}, r"got a tensor of shape \(1, 3, 16, 16\)"),
        (lambda images: ({"boxes": images}, images), "the type tuple of 2: the type dict with the keys boxes"),
        (lambda images: images, r"a tensor of shape \(1, 3, 16, 16\)"),
        (lambda images: images.mean((1, 2, 3)), r"a tensor of shape \(1,\)"),
        (lambda _: None, "the type NoneType"),
    ],
)
def test_other_outputs_are_named(images, output, told):
    """A module that does not return (N, classes) gives an error naming what came and the target option."""

    class Odd(torch.nn.Module):
        def forward(self, images):
            return output(images)

    with Probe(Odd()) as probe, pytest.raises(ModelError, match=told) as caught:
        probe.logits(images[:1])
    assert "model.target: package.module:function" in str(caught.value)


class Segmenter(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body = torch.nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, images):
        """Scores for every place."""
        return {"out": self.body(images)}


@pytest.mark.parametrize(
    ("target", "columns"),
    [
        (lambda output: output["out"].mean((2, 3)), 4),
        (lambda output: output["out"][:, 2].mean((1, 2)), 1),
        (lambda output, targets: output["out"].mean((2, 3)).gather(1, targets[:, None])[:, 0], 1),
    ],
)
def test_a_target_function_makes_scores(images, targets, target, columns):
    """A target function of (output) or (output, targets) may return all scores or one per image."""
    targets = torch.full_like(targets, 2)
    with Probe(Segmenter(), target=target) as probe:
        expected = probe.module(images)["out"][:, 2].mean((1, 2))
        assert probe.logits(images, targets).shape == (5, columns)
        scores, grads = probe.gradients(images, targets)
    assert torch.allclose(scores, expected, atol=1e-6)
    assert grads.shape == images.shape


def test_a_target_of_one_class_has_no_scores_of_all(images, targets):
    """Who compares classes is told so, instead of the user's function being called without a class."""
    with (
        Probe(Segmenter(), target=lambda output, targets: output["out"].mean((2, 3))[targets]) as probe,
        pytest.raises(NotMeasurable, match="no scores of all classes"),
    ):
        probe.logits(images)


def test_targets_outside_the_outputs_are_refused(reused, images):
    """A class the module does not have is an error, not another class's score."""
    with Probe(reused) as probe, pytest.raises(ModelError, match=r"targets must be in 0..3"):
        probe.scores(images, torch.full((5,), 4))


def test_a_module_that_detaches_is_refused(images, targets):
    """A score without a gradient is an error that says why it may be so."""

    class Detached(torch.nn.Module):
        def forward(self, images):
            return images.mean((2, 3)).detach()

    with Probe(Detached()) as probe, pytest.raises(ModelError, match="no gradient to the image"):
        probe.gradients(images, targets % 3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_the_modules_precision_is_used(reused, images, targets, dtype):
    """Images follow the module's precision; what comes back is at least float32."""
    with Probe(reused.to(dtype)) as probe:
        scores, grads = probe.gradients(images, targets)
    assert scores.dtype == grads.dtype == (torch.float64 if dtype is torch.float64 else torch.float32)


def test_channels_last_images_give_the_same(reused, images, targets):
    """The memory format of the input does not matter."""
    with Probe(reused) as probe:
        _, plain = probe.gradients(images, targets)
        _, last = probe.gradients(images.contiguous(memory_format=torch.channels_last), targets)
    assert torch.allclose(plain, last, atol=1e-7)


def test_bfloat16_by_choice(reused, images, targets):
    """With autocast the maps agree with those in float32 closely, not exactly, and stay float32."""
    with Probe(reused) as probe:
        _, exact = probe.gradients(images, targets)
    with Probe(reused, autocast=torch.bfloat16) as probe:
        _, rough = probe.gradients(images, targets)
    assert rough.dtype == torch.float32
    assert not torch.equal(exact, rough)
    assert torch.corrcoef(torch.stack([exact.flatten(), rough.flatten()]))[0, 1] > 0.99
