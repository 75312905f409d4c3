"""Files that are no checkpoint: each is told what it is and how to make one of it."""

from __future__ import annotations

import pytest

from explain_gate.errors import ModelError
from explain_gate.models.checkpoint import read_checkpoint


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("v.onnx", r"is an ONNX graph.*onnx2torch.convert"),
        ("v.pt2", r"torch.export archive.*write it as model.source"),
        ("v.gguf", "GGUF"),
        ("v.h5", "Keras"),
        ("v.npz", "NumPy"),
        ("v.safetensors", "not a readable safetensors file"),
        ("v.pt", "not a readable checkpoint"),
    ],
)
def test_other_and_damaged_files_say_how_to_convert(tmp_path, name, told):
    """One sentence, no traceback."""
    (tmp_path / name).write_bytes(b"PK\x03\x04 what is this")
    with pytest.raises(ModelError, match=told) as caught:
        read_checkpoint(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    with pytest.raises(ModelError, match="does not exist"):
        read_checkpoint(tmp_path / f"no-{name}")
