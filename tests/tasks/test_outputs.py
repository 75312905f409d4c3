from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from explain_gate.attribution.attribute import attribute
from explain_gate.attribution.base import Probe
from explain_gate.tasks.outputs import first_images, scores_in

SCORES = torch.arange(6.0).view(2, 3)


@dataclass
class Output:
    """A Hugging Face output, as far as it matters."""

    loss: Any
    logits: torch.Tensor


class ModelOutput(OrderedDict):
    """A mapping whose entries are attributes too, as Hugging Face's."""

    def __getattr__(self, name):
        return self[name]


@pytest.mark.parametrize(
    "output",
    [
        SCORES,
        Output(loss=None, logits=SCORES),
        ModelOutput(loss=torch.zeros(()), logits=SCORES),
        {"logits": SCORES, "hidden_states": (SCORES, SCORES)},
        {"out": SCORES, "aux": SCORES + 1},
        (SCORES, SCORES + 1),
        [SCORES],
        namedtuple("Named", "aux logits")(SCORES + 1, SCORES),
    ],
    ids=["tensor", "object", "model output", "mapping", "out", "tuple", "list", "named tuple"],
)
def test_scores_are_found_in_outputs_as_they_come(output):
    """Tensors, objects and mappings with logits, torchvision's out, tuples and lists that begin with the scores."""
    assert scores_in(output) is SCORES


@pytest.mark.parametrize("output", [None, {}, (), {"scores": SCORES}, [{"boxes": SCORES}], {"logits": None}, 3.0])
def test_an_output_without_scores_comes_back_as_it_is(output):
    """So that an error can say what it was."""
    assert scores_in(output) is output


def test_the_first_images_of_any_output():
    """Batches that were filled up for a program of one batch size are cut everywhere, and nowhere else."""
    output = {
        "logits": torch.zeros(4, 3),
        "states": (torch.zeros(4, 2), torch.zeros(5)),
        "scale": torch.zeros(()),
    }
    cut = first_images(output, 3, 4)
    assert cut["logits"].shape == (3, 3)
    assert cut["states"][0].shape == (3, 2)
    assert cut["states"][1].shape == (5,)
    assert cut["scale"].shape == ()


class Classifier(torch.nn.Module):
    def __init__(self, wrap):
        super().__init__()
        self.wrap = wrap
        self.body = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.norm = torch.nn.BatchNorm2d(4)
        self.head = torch.nn.Linear(4, 3)

    def forward(self, images):
        """Class scores in the form that is asked for."""
        return self.wrap(self.head(torch.relu(self.norm(self.body(images))).mean((2, 3))))


@pytest.mark.parametrize("method", ["grad_cam", "integrated_gradients", "score_cam", "occlusion"])
@pytest.mark.parametrize(
    "wrap",
    [lambda scores: Output(None, scores), lambda scores: ModelOutput(logits=scores), lambda scores: (scores, None)],
    ids=["object", "model output", "tuple"],
)
def test_the_library_explains_models_with_such_outputs(method, wrap):
    """The same maps as the module whose output is the tensor alone; no target function is needed."""
    torch.manual_seed(0)
    plain = Classifier(lambda scores: scores)
    wrapped = Classifier(wrap)
    wrapped.load_state_dict(plain.state_dict())
    images, options = torch.randn(2, 3, 12, 12), {"window": 4} if method == "occlusion" else {}
    expected = attribute(plain, images, [0, 2], method, **options).maps
    assert torch.allclose(attribute(wrapped, images, [0, 2], method, **options).maps, expected, atol=1e-5)


def test_an_exported_program_of_one_batch_size_may_put_out_a_mapping():
    """What fills its batch up is cut off again."""
    exported = torch.export.export(Classifier(lambda scores: {"logits": scores}).eval(), (torch.randn(4, 3, 8, 8),))
    with Probe(exported.module()) as probe:
        assert probe.logits(torch.randn(6, 3, 8, 8)).shape == (6, 3)
