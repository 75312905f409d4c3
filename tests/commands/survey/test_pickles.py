"""Instructions of a pickle are followed and never obeyed."""

import io
import pickle
from collections import OrderedDict

import pytest
import torch

from explain_gate.commands.survey.pickles import Tensor, followed


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_come_out_as_they_went_in(protocol):
    """In every protocol: names, numbers, texts, lists, mappings, what is written once and meant twice."""
    again = ["a", 1]
    value = {"a": 1, "b": {"c": [1.5, None, True, (1, 2), "text"], "d": again}, "e": again, 7: OrderedDict(x=2)}
    assert followed(pickle.dumps(value, protocol)) == value


def test_what_would_be_called_is_not(tmp_path):
    """A file that it would write is not there."""

    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "written"), "w"))

    root = followed(pickle.dumps({"bomb": Bomb(), "name": "resnet18"}))
    assert root["name"] == "resnet18"
    assert list(tmp_path.iterdir()) == []


def test_a_tensor_is_its_shape(tmp_path):
    """A view, a parameter and a tensor without axes too."""
    held = {"w": torch.zeros(3, 4)[:, 1:], "p": torch.nn.Parameter(torch.zeros(2)), "s": torch.tensor(1.0)}
    archive = torch.PyTorchFileReader if hasattr(torch, "PyTorchFileReader") else torch._C.PyTorchFileReader
    stream = io.BytesIO()
    torch.save(held, stream)
    (tmp_path / "held.pt").write_bytes(stream.getvalue())
    root = followed(archive(str(tmp_path / "held.pt")).get_record("data.pkl"))
    assert root == {"w": Tensor((3, 3)), "p": Tensor((2,)), "s": Tensor(())}


@pytest.mark.parametrize(
    "pickled", [b"", b"\x80\x04", b"t.", b"h\x00.", b"(u.", b"R.", b"\x80\x04]\x94s.", b"0.", b"not a pickle at all"]
)
def test_nonsense_is_an_error_that_a_reader_expects(pickled):
    """And no other."""
    with pytest.raises((ValueError, IndexError, KeyError, TypeError)):
        followed(pickled)
