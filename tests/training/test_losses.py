"""Losses that say where reasons lie: by hand on linear models, twice differentiable, and nothing else is touched."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from explain_gate.errors import ModelError, NotMeasurable, OptionError
from explain_gate.metrics.alignment import relevance_mass
from explain_gate.tasks import SetFacts, task_of
from explain_gate.training.losses import relevance_outside, right_reasons, watching

LABELS = torch.tensor([0, 1])


def half(count, height=4, width=4):
    """Regions that are the left half of the picture."""
    regions = torch.zeros(count, height, width, dtype=torch.bool)
    regions[:, :, : width // 2] = True
    return regions


def linear(outputs, seed=0, pixels=3 * 4 * 4):
    """A linear model in float64 and its weight as (outputs, 3, 4, 4)."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Flatten(), nn.Linear(pixels, outputs)).double()
    return net, net[1].weight.view(outputs, 3, 4, 4)


def pictures(count=2, size=4, seed=1):
    """Random pictures in float64 that want a gradient."""
    torch.manual_seed(seed)
    return torch.randn(count, 3, size, size, dtype=torch.float64).requires_grad_()


def convolutional(**norm):
    """Smooth, so that finite differences hold."""
    torch.manual_seed(2)
    layers = [nn.Conv2d(3, 4, 3, padding=1), nn.Softplus(), nn.Conv2d(4, 4, 3, padding=1), nn.Softplus()]
    if norm:
        layers.insert(1, nn.BatchNorm2d(4))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).double()


def test_of_a_linear_value_it_is_the_squared_weight_outside():
    """Regression: the input gradient is the weight, in standard deviations of the set."""
    net, weight = linear(1)
    images = pictures()
    task = task_of("regression", {"tolerance": 1}, SetFacts(deviation=2.0))
    loss = right_reasons(net(images), images, LABELS, half(2), weight=3.0, task=task)
    assert loss.item() == pytest.approx(3 * (weight[0, :, :, 2:] / 2).square().sum().item())


def test_of_linear_logits_it_is_what_the_paper_writes():
    """The gradient of the summed log softmax is the sum of weights less K times their mean under the softmax."""
    net, weight = linear(3)
    images = pictures()
    loss = right_reasons(net(images), images, LABELS, half(2))
    grads = weight.sum(0) - 3 * torch.einsum("nk,kchw->nchw", net(images).softmax(1), weight)
    assert loss.item() == pytest.approx(grads[..., 2:].square().sum((1, 2, 3)).mean().item())


@pytest.mark.parametrize(("task", "outputs"), [("binary", 1), ("multilabel", 3)])
def test_of_linear_sigmoids_every_label_counts_both_ways(task, outputs):
    """Both log p and log(1 - p): the gradient is (1 - 2 p) times the weight."""
    net, weight = linear(outputs)
    images = pictures()
    loss = right_reasons(net(images), images, torch.zeros_like(LABELS), half(2), task=task)
    grads = torch.einsum("nk,kchw->nchw", 1 - 2 * net(images).sigmoid(), weight)
    assert loss.item() == pytest.approx(grads[..., 2:].square().sum((1, 2, 3)).mean().item())


def test_of_one_logit_and_of_two_it_is_the_same():
    """A sigmoid is a softmax of two."""
    net, _ = linear(1)
    images = pictures()
    logit = net(images)
    one = right_reasons(logit, images, LABELS, half(2), task="binary")
    two = right_reasons(torch.cat([torch.zeros_like(logit), logit], 1), images, LABELS, half(2))
    assert one.item() == pytest.approx(two.item())


def test_a_segmenter_is_held_by_the_mean_logit_of_its_region():
    """A convolution of one pixel looks nowhere else; one of three looks a pixel beyond the region."""
    images = pictures()
    narrow, wide = nn.Conv2d(3, 2, 1).double(), nn.Conv2d(3, 2, 3, padding=1).double()
    assert right_reasons(narrow(images), images, LABELS, half(2), task="segmentation").item() == 0
    loss = right_reasons(wide(images), images, LABELS, half(2), task="segmentation")
    beyond = torch.zeros(3, 4, dtype=torch.float64)  # the column of pixels right of the region, of class 0
    for row in range(4):
        for tap in range(3):
            if 0 <= row + tap - 1 < 4:
                beyond[:, row + tap - 1] += wide.weight[0, :, tap, 2].detach() / 8
    alone = right_reasons(wide(images), images, torch.tensor([0, 0]), half(2), task="segmentation")
    assert alone.item() == pytest.approx(beyond.square().sum().item())
    assert loss.item() > 0


def test_a_map_of_a_linear_model_by_hand():
    """Gradient times input is the weight times the pixel; what speaks for the class counts."""
    net, weight = linear(3)
    images = pictures()
    loss = relevance_outside(net(images), images, LABELS, half(2), map_by="gradient_x_input")
    maps = (weight[LABELS] * images).sum(1).relu().detach()
    assert loss.item() == pytest.approx((1 - relevance_mass(maps, half(2))).mean().item())


@pytest.mark.parametrize("map_by", ["grad_cam", "layer_cam"])
def test_the_map_is_that_of_the_method(map_by):
    """What is trained on is what the gate measures."""
    from explain_gate.attribution.attribute import attribute

    net, regions = convolutional(), half(2, 8, 8)
    images = pictures(size=8).detach()
    with watching(net, "3") as seen:
        output = net(images)
    labels = torch.full((2,), 2)  # of the other classes the maps are nowhere positive
    loss = relevance_outside(output, seen(), labels, regions, weight=2.0, map_by=map_by)
    measured = attribute(net.eval(), images, labels, map_by, target_layer="3").maps
    assert loss.item() == pytest.approx(2 * (1 - relevance_mass(measured, regions)).mean().item(), rel=1e-5)


@pytest.mark.parametrize("norm", [{}, {"batch": True}])
@pytest.mark.parametrize("loss", ["right_reasons", "grad_cam", "layer_cam", "gradient_x_input"])
def test_it_can_be_differentiated_to_the_weights(loss, norm):
    """Against finite differences in float64, through batch norms in training mode too."""
    net, images, regions = convolutional(**norm).train(), pictures(size=6), half(2, 6, 6)
    first = net[0].weight.detach().clone().requires_grad_()

    def run(weight):
        with watching(net, "3") as seen:
            output = torch.func.functional_call(net, {"0.weight": weight}, (images,))
        if loss == "right_reasons":
            return right_reasons(output, images, LABELS, regions)
        at = images if loss == "gradient_x_input" else seen()
        return relevance_outside(output, at, LABELS, regions, map_by=loss)

    assert torch.autograd.gradcheck(run, (first,))


def test_an_image_without_a_region_contributes_nothing():
    """Nor does one whose region is the frame; the others weigh what they weighed."""
    net, regions = convolutional(), half(4, 6, 6)
    regions[1], regions[2] = False, True
    labels, images = torch.tensor([0, 1, 2, 0]), pictures(4, size=6)

    def both(rows):
        with watching(net, "3") as seen:
            output = net(images[rows])
        taken = images[rows].detach().requires_grad_()
        first = right_reasons(net(taken), taken, labels[rows], regions[rows])
        return first * len(rows), relevance_outside(output, seen(), labels[rows], regions[rows]) * len(rows)

    for whole, part, nothing in zip(both([0, 1, 2, 3]), both([0, 3]), both([1, 2]), strict=True):
        assert whole.item() == pytest.approx(part.item())
        assert nothing.item() == 0
        nothing.backward()
    assert all(not weight.grad.any() for weight in net.parameters() if weight.grad is not None)


def test_a_silent_map_lies_outside_and_has_no_gradient():
    """As the metrics take it; silence must not be rewarded."""
    net, images = convolutional(), pictures()
    nn.init.zeros_(net[-1].weight)
    with watching(net, "3") as seen:
        output = net(images)
    loss = relevance_outside(output, seen(), LABELS, half(2))
    assert loss.item() == 1
    loss.backward()
    assert all(torch.isfinite(weight.grad).all() for weight in net.parameters() if weight.grad is not None)


def test_nothing_but_the_loss_comes_of_it():
    """Modes and needs are as they were, no `.grad` is written, and batch norms saw the batch once."""
    net = convolutional(batch=True).train()
    net[0].requires_grad_(requires_grad=False)
    net[2].eval()
    images = pictures()
    modes, needs = [part.training for part in net.modules()], [weight.requires_grad for weight in net.parameters()]
    with watching(net, "4") as seen:
        output = net(images)
    loss = right_reasons(output, images, LABELS, half(2)) + relevance_outside(output, seen(), LABELS, half(2))
    assert images.grad is None
    assert all(weight.grad is None for weight in net.parameters())
    assert [part.training for part in net.modules()] == modes
    assert [weight.requires_grad for weight in net.parameters()] == needs
    assert net[1].num_batches_tracked == 1
    assert not any(part._forward_hooks for part in net.modules())
    (cross_entropy(output, LABELS) + loss).backward()
    assert net[-1].weight.grad.any()


def test_a_frozen_backbone_can_be_watched():
    """The gradient begins at the layer, and the head can learn from it."""
    net = convolutional()
    net[:4].requires_grad_(requires_grad=False)
    with watching(net, "3") as seen:
        output = net(pictures().detach())
    relevance_outside(output, seen(), LABELS, half(2)).backward()
    assert net[-1].weight.grad.any()


@pytest.mark.parametrize("map_by", ["grad_cam", "gradient_x_input"])
def test_in_half_precision_it_is_nearly_the_same(map_by):
    """Under autocast both are float32 and finite, and teach the weights, which are float32."""
    net, images, regions = convolutional().float(), pictures(size=8).float().detach().requires_grad_(), half(2, 8, 8)

    def run():
        with watching(net, "3") as seen:
            output = net(images)
        at = images if map_by == "gradient_x_input" else seen()
        return right_reasons(output, images, LABELS, regions), relevance_outside(
            output, at, LABELS, regions, map_by=map_by
        )

    exact = run()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = run()
    sum(rough).backward()
    for one, other in zip(exact, rough, strict=True):
        assert other.dtype == torch.float32
        assert other.item() == pytest.approx(one.item(), rel=0.1)
    assert all(torch.isfinite(weight.grad).all() for weight in net.parameters())


def test_tokens_are_a_feature_map_too():
    """A transformer's layer is watched as it is."""
    torch.manual_seed(0)
    net = Tokens()
    images, regions = torch.randn(2, 3, 32, 32), half(2, 32, 32)
    with watching(net, "norm") as seen:
        output = net(images)
    loss = relevance_outside(output, seen(), LABELS, regions)
    loss.backward()
    assert 0 < loss.item() < 1


def lit(seed=0):
    """Pictures of four channels, (32, 4, 8, 8), whose class lights one of two on the left, one of two on the right."""
    torch.manual_seed(seed)
    labels = torch.arange(32) % 2
    images = 0.3 * torch.randn(32, 4, 8, 8, dtype=torch.float64)
    for label in (0, 1):
        images[labels == label, label, :, :4] += 1
        images[labels == label, 2 + label, :, 4:] += 1
    return images, labels


NETS = {
    "right_reasons": lambda: nn.Sequential(nn.Flatten(), nn.Linear(256, 16), nn.ReLU(), nn.Linear(16, 2)),
    "relevance_outside": lambda: nn.Sequential(
        nn.Conv2d(4, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2)
    ),
}


@pytest.mark.parametrize("term", NETS)
def test_of_two_cues_the_one_in_the_region_is_learned(term):
    """Pictures whose halves say different things are called by the region's half; without the term by either."""
    images, labels = lit()
    halves = torch.cat([images[labels == 0, :, :, :4], images[labels == 1, :, :, 4:]], 3)  # left says 0, right 1
    told = {}
    for weight in (0.0, 0.3):
        torch.manual_seed(0)
        net = NETS[term]().double()
        optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
        for _ in range(60):
            taken = images.clone().requires_grad_()
            with watching(net, "1") as seen:
                output = net(taken)
            if term == "right_reasons":
                more = right_reasons(output, taken, labels, half(32, 8, 8), weight=weight)
            else:
                more = relevance_outside(output, seen(), labels, half(32, 8, 8), weight=weight)
            optimizer.zero_grad()
            (cross_entropy(output, labels) + more).backward()
            optimizer.step()
        assert (net(images).argmax(1) == labels).double().mean() > 0.9
        told[weight] = net(halves).softmax(1)[:, 0].mean().item()
    assert told[0.3] > 0.9
    assert told[0.0] < 0.8


class Tokens(nn.Module):
    """Patches as tokens behind a class token, as in a vision transformer."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 8, 8)
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 3)

    def forward(self, images):
        """Logits (N, 3)."""
        tokens = self.patches(images).flatten(2).mT
        tokens = self.norm(torch.cat([tokens.mean(1, keepdim=True), tokens], 1))
        return self.head((tokens * tokens.sigmoid()).mean(1))


class Fused(nn.Module):
    """Attention whose backward has no derivative."""

    def forward(self, images):
        """Logits (N, 3)."""
        tokens = images.flatten(2).mT[:, None].contiguous()
        attended = nn.functional.scaled_dot_product_attention(tokens, tokens, tokens)
        return attended.mean((1, 2))


def test_what_cannot_be_differentiated_twice_is_told_with_what_to_write():
    """Before the training's own backward stumbles over it; with the plain kernel it works."""
    images = pictures()
    with pytest.raises(ModelError, match=r"sdpa_kernel\(torch.nn.attention.SDPBackend.MATH\)"):
        right_reasons(Fused()(images), images, LABELS, half(2))
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        output = Fused()(images)
    right_reasons(output, images, LABELS, half(2)).backward()
    assert images.grad.any()


def test_a_compiled_module_is_told():
    """The graph that torch.compile makes has one way back."""
    net = torch.compile(linear(3)[0], backend="aot_eager")
    images = pictures()
    with pytest.raises(ModelError, match=r"torch.compile made"):
        right_reasons(net(images), images, LABELS, half(2))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"regions": half(2).float()}, r"regions must be bool, \(2, 4, 4\), got torch.float32 .* write regions > 0"),
        ({"regions": half(2, 8, 8)}, r"regions must be bool, \(2, 4, 4\), got torch.bool \(2, 8, 8\)"),
        ({"labels": torch.rand(2)}, r"labels must be whole numbers, \(2,\), got torch.float32 \(2,\)"),
        ({"weight": -1.0}, "weight must be a number and not negative, got -1"),
        ({"weight": float("nan")}, "weight must be a number and not negative, got nan"),
        ({"task": "telepathy"}, "task must be classification, .*got telepathy"),
    ],
)
def test_what_does_not_fit_is_told(change, told):
    """With what came and what is expected."""
    net, _ = linear(3)
    images = pictures()
    given = {"labels": LABELS, "regions": half(2)} | change
    with pytest.raises(OptionError, match=told):
        right_reasons(net(images), images, given.pop("labels"), given.pop("regions"), **given)


def test_a_map_of_another_name_is_told():
    """With those there are."""
    net, images = linear(3)[0], pictures()
    with pytest.raises(OptionError, match="map_by must be grad_cam, layer_cam, gradient_x_input, got occlusion"):
        relevance_outside(net(images), images, LABELS, half(2), map_by="occlusion")


def test_without_a_gradient_there_is_nothing_to_hold():
    """Images that want none, a pass without a graph, an output of other images, one score without probabilities."""
    net, images = linear(3)[0], pictures()
    with pytest.raises(ModelError, match=r"images must have a gradient.*images.requires_grad_\(\) before the pass"):
        right_reasons(net(images.detach()), images.detach(), LABELS, half(2))
    with torch.no_grad(), pytest.raises(ModelError, match=r"no torch\.no_grad"):
        right_reasons(net(images), images, LABELS, half(2))
    other = pictures()
    with pytest.raises(ModelError, match="the output does not depend on images"):
        right_reasons(net(other), images, LABELS, half(2))
    with pytest.raises(NotMeasurable, match="no probabilities"):
        right_reasons(linear(1)[0](images), images, LABELS, half(2))


def test_a_layer_that_is_not_there_is_told():
    """With the names there are."""
    with pytest.raises(ModelError, match="the module has no such layer"), watching(linear(3)[0], "features"):
        pass
