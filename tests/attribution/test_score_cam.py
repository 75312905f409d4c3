"""Score-CAM beside the field's own, at the price of the channels that show something."""

import torch
from pytorch_grad_cam import ScoreCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

from explain_gate.attribution.attribute import attribute, explain
from explain_gate.attribution.base import Probe


def scaled(maps):
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / (high - low)


def test_score_cam_equals_pytorch_grad_cam(pictures, monkeypatch):
    """The same as pytorch-grad-cam's, flat channels included, once it upsamples masks as the paper's code does."""
    monkeypatch.setattr(torch.nn, "UpsamplingBilinear2d", lambda size: torch.nn.Upsample(size=size, mode="bilinear"))
    torch.manual_seed(0)
    body = torch.nn.Sequential(torch.nn.Conv2d(3, 24, 5, stride=4), torch.nn.ReLU())
    body[0].bias.data[:6] = -50
    head = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(24, 10))
    network = torch.nn.Sequential(body, head).eval()
    ours = attribute(network, pictures, [1, 5, 9], "score_cam", target_layer="0").maps
    with ScoreCAM(network, [body]) as cam:
        theirs = torch.from_numpy(cam(pictures, [ClassifierOutputTarget(target) for target in (1, 5, 9)]))
    assert (scaled(ours) - theirs).norm() / theirs.norm() <= 1e-4


def test_score_cam_does_not_pay_for_flat_channels(pictures):
    """Channels that are zero everywhere share one pass."""
    body = torch.nn.Sequential(torch.nn.Conv2d(3, 24, 5, stride=4), torch.nn.ReLU())
    body[0].bias.data[:20] = -50
    network = torch.nn.Sequential(body, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(24, 2))
    with Probe(network, target_layers=["0"]) as probe:
        explain(probe, "score_cam", pictures, torch.zeros(3, dtype=torch.int64), "abc")
    assert probe.passes.forward == 3 * (1 + 4 + 1)
