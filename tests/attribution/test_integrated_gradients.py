import pytest
import torch
from captum.attr import IntegratedGradients
from hypothesis import given, settings
from hypothesis import strategies as st

from explain_gate.attribution.attribute import attribute, explain
from explain_gate.attribution.base import Probe
from explain_gate.errors import OptionError


def test_linear_networks(formula):
    """IG of w . x is w (x - x'), from few gradients."""
    weights = torch.randn(2, 12, dtype=torch.float64)
    images, base = torch.randn(3, 3, 2, 2), torch.randn(3, 2, 2)
    result = attribute(formula(lambda flat: flat @ weights.T), images, [0, 1, 0], baseline=base)
    expected = (weights[[0, 1, 0]].view(3, 3, 2, 2) * (images - base)).sum(1)
    assert torch.allclose(result.maps.double(), expected, atol=1e-5)
    assert result.details["steps"].tolist() == [9, 9, 9]
    assert result.details["completeness_error"].max() < 1e-6


def test_quadratic_networks(formula):
    """IG of x' A x from zero is x (A + A') x / 2."""
    matrix = torch.randn(12, 12, dtype=torch.float64)
    images = torch.randn(2, 3, 2, 2)
    network = formula(lambda flat: torch.einsum("ni,ij,nj->n", flat, matrix, flat)[:, None])
    result = attribute(network, images, [0, 0])
    flat = images.double().flatten(1)
    expected = (flat * (flat @ (matrix + matrix.T)) / 2).view(2, 3, 2, 2).sum(1)
    assert torch.allclose(result.maps.double(), expected, atol=1e-5)


def test_piecewise_linear_networks(formula):
    """IG of max(0, w . x - b) from zero is w x (1 - b / (w . x)) beyond the kink."""
    weights = torch.rand(12, dtype=torch.float64) + 0.1
    images = torch.rand(2, 3, 2, 2) + 0.5
    flat = images.double().flatten(1)
    bias = 0.37 * float((flat @ weights).min())
    network = formula(lambda flat: (flat @ weights - bias).relu()[:, None])
    result = attribute(network, images, [0, 0], tolerance=1e-4)
    expected = (flat * weights * (1 - bias / (flat @ weights))[:, None]).view(2, 3, 2, 2).sum(1)
    assert torch.allclose(result.maps.double(), expected, rtol=3e-4)
    assert result.details["steps"].max() < 40, "only the interval with the kink needs refining"


def test_equals_captum_where_both_converge(smooth, images, targets):
    """On a smooth network both converge to one integral."""
    ours = attribute(smooth, images, targets, tolerance=1e-6, max_steps=2000, baseline="blur").maps
    base = attribute_baseline(images)
    peer = IntegratedGradients(smooth).attribute(images.double(), base.double(), target=targets, n_steps=200).sum(1)
    assert (ours - peer).norm() / peer.norm() <= 1e-4


def attribute_baseline(images):
    from explain_gate.attribution.baselines import blurred

    return blurred(images, 0.8)


@settings(deadline=None, max_examples=20, derandomize=True)
@given(seed=st.integers(0, 10_000), tolerance=st.sampled_from([0.03, 0.01, 0.003]))
def test_completeness_and_honesty(seed, tolerance):
    """The reported error is the map's own, it is within tolerance, and the residual is never below the path's error."""
    torch.manual_seed(seed)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(27, 40), torch.nn.ReLU(), torch.nn.Linear(40, 3))
    images = torch.randn(2, 3, 3, 3)
    result = attribute(network, images, [0, 2], tolerance=tolerance, max_steps=4000)
    with torch.no_grad():
        change = network(images) - network(torch.zeros(1, 3, 3, 3))
    difference = change[[0, 1], [0, 2]]
    scale = torch.maximum(difference.abs(), 0.1 * change.abs().amax(1))
    error = (result.maps.sum((1, 2)) - difference).abs() / scale
    assert torch.allclose(error, result.details["completeness_error"].float(), atol=1e-4)
    assert (result.details["completeness_error"] <= tolerance).all()
    assert (result.details["map_error"] <= 5 * tolerance).all()
    assert (result.details["steps_needed"] == result.details["steps"]).all()
    assert (result.details["path_residual"] >= result.details["path_error"] - 1e-6).all()


def kinked(seed, cancels):
    """A drawn ReLU6 network in float64, an image, and what the score changes from the mean to it.

    With `cancels`, the weights of the last layer make that change a thousandth of what its parts add up to.
    """
    draw = torch.Generator().manual_seed(seed)
    layers, width = [], 3
    for _ in range(3):
        layers += [torch.nn.Conv2d(width, 16, 3, padding=1), torch.nn.ReLU6()]
        width = 16
    network = torch.nn.Sequential(*layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(16, 1))
    network.double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            fan_in = max(1, parameter[0].numel())
            parameter.copy_(torch.randn(parameter.shape, generator=draw, dtype=torch.float64) * (3 / fan_in) ** 0.5)
        coarse = torch.randn(1, 3, 5, 5, generator=draw, dtype=torch.float64)
        image = 1.5 * torch.nn.functional.interpolate(coarse, size=10, mode="bilinear")
        if cancels:
            change = (network[:-1](image) - network[:-1](torch.zeros_like(image)))[0]
            head = network[-1].weight[0]
            parts = float((head * change).abs().sum())
            head += change * (0.001 * parts - head @ change) / (change @ change)
        difference = float(network(image) - network(torch.zeros_like(image)))
    return network, image, difference


def exact_integral(network, image):
    """Integrated Gradients from zero in closed form, (H, W): the path cut at every kink of every unit.

    Between kinks of the layers before it a unit's input is linear along the path, so its own kinks are known; between
    all kinks the gradient is constant.
    """

    def run(part, alphas):
        with torch.no_grad():
            return torch.cat([part(alpha.view(-1, 1, 1, 1) * image) for alpha in alphas.split(128)])

    cuts = torch.tensor([0.0, 1.0], dtype=torch.float64)
    for position, layer in enumerate(network):
        if not isinstance(layer, torch.nn.ReLU6):
            continue
        inputs = run(network[:position], cuts).flatten(1)
        found = [cuts]
        for kink in (0.0, 6.0):
            left, right = inputs[:-1] - kink, inputs[1:] - kink
            where = cuts[:-1, None] + left / (left - right) * (cuts[1:] - cuts[:-1])[:, None]
            found.append(where[left * right < 0])
        cuts = torch.cat(found).unique()
    whole = torch.zeros(image.shape[-2:], dtype=torch.float64)
    for middles, lengths in zip(((cuts[1:] + cuts[:-1]) / 2).split(128), cuts.diff().split(128), strict=True):
        points = (middles.view(-1, 1, 1, 1) * image).requires_grad_()
        (gradients,) = torch.autograd.grad(network(points).sum(), points)
        whole += (gradients * image * lengths.view(-1, 1, 1, 1)).sum((0, 1))
    return whole


@pytest.mark.parametrize("cancels", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_networks_full_of_kinks(seed, cancels):
    """The map is right and adds up within the budget, also where its parts cancel to a thousandth."""
    network, image, difference = kinked(seed, cancels)
    exact = exact_integral(network, image)
    assert float(exact.sum()) == pytest.approx(difference, rel=1e-6), "the closed form is complete"
    result = attribute(network, image.float(), [0])
    details = {name: float(value) for name, value in result.details.items()}
    distance = float((result.maps[0].double() - exact).norm() / exact.norm())
    assert abs(float(result.maps.double().sum()) - difference) <= 0.01 * abs(difference)
    assert distance <= 0.065, "the bound on the estimate is 0.05"
    assert 0.5 * distance <= details["map_error"] <= 0.05, "what is told of the map is its distance, not less"
    assert details["steps_needed"] == details["steps"] < 100
    if cancels:
        assert details["path_residual"] > 0.1, "how badly the small sum is conditioned stays visible"


def test_an_exhausted_budget_tells_what_it_takes():
    """A path that ends at max_steps says that it is not good enough, and the number it gives is enough."""
    network, image, _ = kinked(0, cancels=True)
    short = attribute(network, image.float(), [0], max_steps=12).details
    assert short["steps"].item() == 12 < short["steps_needed"].item()
    enough = attribute(network, image.float(), [0], max_steps=2 * short["steps_needed"].item()).details
    assert enough["steps_needed"].item() == enough["steps"].item()


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_gradient_that_does_not_belong_to_the_score_is_not_mended(share):
    """Weights are moved as far as chance explains; a gradient that lacks a tenth still does not add up."""
    network, image, _ = kinked(1, cancels=False)
    network[-1].register_full_backward_hook(lambda _, given, __: (given[0] * share,))
    details = attribute(network, image.float(), [0], max_steps=200).details
    assert details["completeness_error"].item() > 0.5 * (1 - share)
    assert details["steps"].item() == 200 < details["steps_needed"].item()


def test_each_image_stops_on_its_own(formula, images):
    """An easy image costs few gradients although a hard one is in the same batch, and neither changes the other."""

    def function(flat):
        kinks = torch.linspace(0.01, 0.9, 40, dtype=torch.float64)
        total = flat.sum(1)
        return (total[:, None] - kinks * 10).relu().sum(1)[:, None] * (flat[:, :1] > 0) + total[:, None]

    images = torch.full((2, 1, 2, 2), 2.5)
    images[0, 0, 0, 0] = -2.5
    both = attribute(formula(function), images, [0, 0], tolerance=1e-3)
    easy, hard = both.details["steps"].tolist()
    assert easy == 9 < hard
    alone = attribute(formula(function), images[1:], [0], tolerance=1e-3)
    assert torch.equal(alone.maps[0], both.maps[1])


def test_max_steps_is_kept_and_the_error_told(reused, images, targets):
    """At max_steps an image stops with the error it has."""
    reused.eval()
    result = attribute(reused, images, targets, tolerance=1e-9, max_steps=20)
    assert result.details["steps"].tolist() == [20] * 5
    assert (result.details["map_error"] > 1e-9).all()
    assert (result.details["steps_needed"] > 20).all()


def test_an_image_equal_to_its_baseline_is_empty(reused):
    """Nothing changes along the path, so the map is zero and the error is rounding, not NaN or infinity."""
    result = attribute(reused, torch.zeros(1, 3, 8, 8), [1])
    assert result.maps.abs().sum() == 0
    assert result.details["completeness_error"].item() < 0.01
    assert result.details["steps"].item() == 9


def test_a_score_that_is_not_finite_ends_at_once(formula):
    """NaN is returned as NaN after the first round, not searched for."""
    result = attribute(formula(lambda flat: (flat.sum(1, keepdim=True) - 100).sqrt()), torch.ones(1, 1, 2, 2), [0])
    assert result.maps.isnan().any()
    assert result.details["steps"].item() == 9


def test_a_small_memory_budget_gives_the_same(reused, images, targets):
    """Images are integrated in groups that fit the budget; the maps do not change."""
    plain = attribute(reused, images, targets, tolerance=0.05)
    small = attribute(reused, images, targets, tolerance=0.05, memory_budget=1 << 20)
    assert torch.allclose(plain.maps, small.maps, atol=1e-6)


@pytest.mark.parametrize("baseline", ["mean", "black", "blur", "white.png", torch.ones(3, 1, 1)])
def test_baselines(formula, images, targets, baseline):
    """Each baseline is what its name says: on a linear network the map is w (x - x')."""
    white = torch.full((3, 16, 16), 2.0)
    network = formula(lambda flat: flat.sum(1, keepdim=True).repeat(1, 4))
    with Probe(
        network, black=torch.tensor([-2.0, -1.0, -3.0]).view(3, 1, 1), read_images=lambda _: white[None]
    ) as probe:
        maps = explain(probe, "integrated_gradients", images, targets, "abcde", {"baseline": baseline}).maps
    expected = (
        {
            "mean": 0.0,
            "black": -6.0,
            "blur": attribute_baseline(images).sum(1),
            "white.png": 6.0,
        }[baseline]
        if isinstance(baseline, str)
        else 3.0
    )
    assert torch.allclose(maps, images.sum(1) - expected, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"baseline": "black"}, "needs to know what black is"),
        ({"baseline": "grey"}, "must be mean, black, blur, an image file or a tensor, got grey"),
        ({"baseline": torch.zeros(4, 1, 1)}, "must broadcast"),
        ({"tolerance": 0}, "tolerance must be above 0"),
        ({"max_steps": 1}, "max_steps at least 2"),
    ],
)
def test_options_out_of_range(reused, images, targets, options, told):
    """Options that cannot be used say what they must be."""
    with pytest.raises(OptionError, match=told):
        attribute(reused, images, targets, **options)
