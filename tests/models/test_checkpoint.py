"""A checkpoint is read as its tensors by name, or told why it is none."""

from __future__ import annotations

import pytest
import torch
from networks import trained

from explain_gate.errors import ModelError
from explain_gate.models.checkpoint import read_checkpoint

RAW = trained(1)
STATE = RAW.state_dict()


@pytest.mark.parametrize(
    "content", [torch.ones(2), [torch.ones(2)], {}, {"epoch": 3}, {"a.b": torch.ones(1), "a": {"b": torch.ones(1)}}]
)
def test_what_is_no_state_dict_is_told(tmp_path, content):
    """A tensor, a list, nothing, no tensor in it, and two values of one name."""
    torch.save(content, tmp_path / "v.pt")
    with pytest.raises(ModelError, match=r"must hold a state dict|holds two values"):
        read_checkpoint(tmp_path / "v.pt")
