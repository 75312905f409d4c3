"""Names and shapes in checkpoint files, whatever they are nested in."""

import pickle
import zipfile

import numpy as np
import torch
from safetensors.torch import save_file

from explain_gate.commands.survey.weights import Weights, weights_in


def test_a_training_checkpoint_gives_its_weights_and_the_texts_beside_them(tmp_path):
    """Not the optimizer's numbers, though they are as many."""
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 2))
    optimizer = torch.optim.Adam(model.parameters())
    kept = {"epoch": 7, "arch": "mlp", "optimizer": optimizer.state_dict(), "state_dict": model.state_dict()}
    torch.save({**kept, "hyper_parameters": {"width": 3, "nested": {"a": 1}}}, tmp_path / "last.ckpt")
    seen = weights_in(tmp_path / "last.ckpt")
    assert seen.shapes == {name: tuple(value.shape) for name, value in model.state_dict().items()}
    assert seen.texts == {"epoch": 7, "arch": "mlp", "hyper_parameters": {"width": 3}}
    assert seen.head == ("2.weight", 2)


def test_safetensors_are_read_by_their_header(tmp_path):
    """Metadata is what is written beside them."""
    save_file({"a.weight": torch.zeros(5, 2)}, tmp_path / "m.safetensors", metadata={"format": "pt"})
    seen = weights_in(tmp_path / "m.safetensors")
    assert (seen.shapes, seen.texts) == ({"a.weight": (5, 2)}, {"format": "pt"})


def test_what_cannot_be_told_without_building_it_is_none(tmp_path):
    """A whole pickled module, torch's older form, damage, another file under that name."""
    torch.save(torch.nn.Linear(2, 2), tmp_path / "whole.pt")
    torch.save({"a": torch.zeros(2)}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    torch.save({"a": torch.zeros(2)}, tmp_path / "cut.pt")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "cut.pt").read_bytes()[:200])
    (tmp_path / "text.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n")
    (tmp_path / "header.safetensors").write_bytes((12).to_bytes(8, "little") + b'{"a": "b"}  ')
    for name in ("whole.pt", "old.pt", "cut.pt", "text.safetensors", "header.safetensors", "missing.pt"):
        assert weights_in(tmp_path / name) is None, name


def test_mangled_instructions_end_in_weights_or_in_none(tmp_path):
    """Three hundred ways to damage a checkpoint's pickle, and one that names one mapping a thousand times over."""
    torch.save({"state_dict": torch.nn.Linear(3, 2).state_dict(), "arch": "mlp"}, tmp_path / "whole.pt")
    with zipfile.ZipFile(tmp_path / "whole.pt") as archive:
        name = next(one for one in archive.namelist() if one.endswith("data.pkl"))
        whole = archive.read(name)
    rng = np.random.default_rng(0)
    for number in range(300):
        mangled = bytearray(whole)
        for place in rng.integers(0, len(whole), 1 + number % 4):
            mangled[place] = rng.integers(0, 256)
        written(tmp_path / "mangled.pt", name, bytes(mangled))
        seen = weights_in(tmp_path / "mangled.pt")
        assert seen is None or isinstance(seen, Weights)
    inner: dict = {"w": 1}
    for _ in range(8):
        inner = {str(number): inner for number in range(1000)}
    written(tmp_path / "wide.pt", name, pickle.dumps(inner))
    assert weights_in(tmp_path / "wide.pt") is None


def written(path, name, content):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, content)


def test_weights_fit_a_model_of_the_same_names_and_shapes():
    """With one prefix more and without counters; not with another head."""
    names = {"body.weight": (3, 3), "head.weight": (2, 3), "body.num_batches_tracked": ()}
    held = {"module.body.weight": (3, 3), "module.head.weight": (2, 3)}
    assert Weights(shapes=held, texts={}).fits(names)
    assert not Weights(shapes={**held, "module.head.weight": (5, 3)}, texts={}).fits(names)
    assert not Weights(shapes={"module.body.weight": (3, 3)}, texts={}).fits(names)
