import pytest
import torch
from torch.nn.functional import interpolate

from explain_gate.attribution.attribute import attribute
from explain_gate.errors import ModelError


def weights_of(vit, pictures):
    """The attention weights of torchvision's ViT, asked of its own modules."""
    seen = []

    def ask(module, args, kwargs):
        return args, {**kwargs, "need_weights": True, "average_attn_weights": False}

    handles = []
    for block in vit.encoder.layers:
        handles.append(block.self_attention.register_forward_pre_hook(ask, with_kwargs=True))
        handles.append(block.self_attention.register_forward_hook(lambda _, __, output: seen.append(output[1])))
    vit(pictures)
    for handle in handles:
        handle.remove()
    return seen


def test_rollout_is_the_product_of_the_layers(vit, pictures):
    """The class token's row of the product of (A + I) / 2."""
    maps = attribute(vit, pictures, [0, 1, 2], "attention_rollout").maps
    with torch.no_grad():
        first, second = (weights.mean(1) for weights in weights_of(vit, pictures))
    same = torch.eye(17)
    rolled = ((second + same) / 2) @ ((first + same) / 2)
    expected = interpolate(rolled[:, None, 0, 1:].unflatten(2, (4, 4)), size=(64, 64), mode="bilinear")[:, 0]
    assert torch.allclose(maps, expected, atol=1e-6)


def test_scores_are_unchanged_while_watching(vit, pictures):
    """Fused attention taken apart gives the same scores."""
    from explain_gate.attribution.attention import _Watch

    with torch.no_grad():
        plain = vit(pictures)
        with _Watch(lambda weights: weights) as watch:
            assert torch.allclose(vit(pictures), plain, atol=1e-5)
    assert [tuple(weights.shape) for weights in watch.seen] == [(3, 2, 17, 17)] * 2


class OneLayer(torch.nn.Module):
    """A single layer of attention, written in one of the ways models write it."""

    def __init__(self, attend):
        super().__init__()
        self.patches = torch.nn.Conv2d(3, 8, 4, stride=4)
        self.parts = torch.nn.Linear(8, 24)
        self.head = torch.nn.Linear(8, 3)
        self.attend = attend

    def forward(self, images):
        """Class scores from the mean token."""
        tokens = self.patches(images).flatten(2).mT
        query, key, value = self.parts(tokens).unflatten(2, (3, 2, 4)).permute(2, 0, 3, 1, 4)
        mixed = self.attend(query, key, value)
        return self.head(mixed.transpose(1, 2).flatten(2).mean(1))


def fused(query, key, value):
    return torch.nn.functional.scaled_dot_product_attention(query, key, value)


def method_call(query, key, value):
    return (query @ key.mT / 2).softmax(dim=-1) @ value


def function_call(query, key, value):
    return torch.nn.functional.softmax(query @ key.mT / 2, dim=-1) @ value


def test_gradient_attention_of_one_layer(images):
    """One layer: the mean over heads of the positive part of gradient times attention, the mean over tokens."""
    torch.manual_seed(0)
    results = []
    for attend in (fused, method_call, function_call):
        torch.manual_seed(0)
        network = OneLayer(attend)
        results.append(attribute(network, images[:1], [2], "gradient_attention").maps)
    kept = []

    def watched(query, key, value):
        weights = (query @ key.mT / 2).softmax(dim=-1)
        kept.append(weights)
        return weights @ value

    network.attend = watched
    score = network(images[:1])[0, 2]
    (grad,) = torch.autograd.grad(score, kept[0])
    rows = (grad * kept[0]).relu().mean(1).mean(1)
    expected = interpolate(rows.unflatten(1, (4, 4))[:, None], size=(16, 16), mode="bilinear")[:, 0]
    for result in results:
        assert torch.allclose(result, expected, atol=1e-6)


def test_gradient_attention_tells_classes_apart(vit, pictures):
    """Rollout is the same for every class, gradient-weighted attention is not."""
    for method, same in (("attention_rollout", True), ("gradient_attention", False)):
        one, other = (attribute(vit, pictures, [label] * 3, method).maps for label in (0, 1))
        assert torch.equal(one, other) == same


@pytest.mark.parametrize("method", ["attention_rollout", "gradient_attention"])
def test_other_architectures_are_refused(reused, swin, pictures, method):
    """A network without attention, or with attention in windows, is an error that names the way out."""
    with pytest.raises(ModelError, match="no attention was seen"):
        attribute(reused, pictures, [0, 1, 2], method)
    with pytest.raises(ModelError, match="one grid of tokens throughout"):
        attribute(swin, pictures, [0, 1, 2], method)
