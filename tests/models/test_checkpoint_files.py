"""Files, shards and folders of weights: read to the last bit, or refused with what to write instead."""

from __future__ import annotations

import json
import shutil
import tarfile
import zipfile

import pytest
import torch
from networks import Net, logits, trained
from safetensors.torch import save_file, save_model

from explain_gate.errors import ModelError
from explain_gate.models.checkpoint import read_checkpoint
from explain_gate.models.fitting import load_checkpoint

RAW = trained(1)
STATE = RAW.state_dict()


def write_shards(folder, kind, save):
    """A Hugging Face folder of two shards with their index."""
    folder.mkdir(exist_ok=True)
    parts = {f"model-1-of-2.{kind}": UNTIED[:4], f"model-2-of-2.{kind}": UNTIED[4:]}
    for file, names in parts.items():
        save({name: STATE[name] for name in names}, folder / file)
    placed = {name: file for file, names in parts.items() for name in names}
    stem = "model" if kind == "safetensors" else "pytorch_model"
    index = folder / f"{stem}.{kind}.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": placed}))
    (folder / "config.json").write_text("{}")
    return index


def write_one(path, kind):
    """One file, as its kind is written."""
    if kind == "torch.save":
        torch.save(STATE, path)
    elif kind == "torch.save before 1.6":
        torch.save(STATE, path, _use_new_zipfile_serialization=False)
    elif kind == "without checksums":
        torch.serialization.set_crc32_options(False)
        try:
            torch.save(STATE, path)
        finally:
            torch.serialization.set_crc32_options(True)
    else:
        save_model(RAW, path)


UNTIED = [name for name in STATE if name != "again.weight"]


@pytest.mark.parametrize("kind", ["torch.save", "torch.save before 1.6", "without checksums", "safetensors"])
@pytest.mark.parametrize("name", ["v.pt", "model_best.pth.tar", "v.zip"])
def test_a_file_is_known_by_its_content(tmp_path, kind, name):
    """Every way of writing weights gives the logits that were saved, whatever the file is called."""
    write_one(tmp_path / name, kind)
    net = Net()
    load_checkpoint(net, tmp_path / name)
    assert torch.equal(logits(net), logits(RAW))


@pytest.mark.parametrize(("kind", "save"), [("safetensors", save_file), ("bin", torch.save)])
def test_a_hugging_face_folder_is_read_whole_or_in_shards(tmp_path, kind, save):
    """The folder, and the index in it; tied weights are written once there."""
    index = write_shards(tmp_path / "shards", kind, save)
    (tmp_path / "whole").mkdir()
    save({name: STATE[name] for name in UNTIED}, tmp_path / "whole" / f"model.{kind}")
    for place in (tmp_path / "shards", index, tmp_path / "whole"):
        net = Net()
        load_checkpoint(net, place)
        assert torch.equal(logits(net), logits(RAW))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda placed: placed.update({"head.bias": "../elsewhere.safetensors"}), "must lie beside their index"),
        (lambda placed: placed.update({"head.bias": "model-1-of-2.safetensors"}), "disagree about head.bias"),
        (lambda placed: placed.pop("head.bias"), "disagree about head.bias"),
        (
            lambda placed: placed.update({"more": "model-3-of-3.safetensors"}),
            "3-of-3.safetensors: checkpoint does",
        ),
    ],
)
def test_an_index_and_its_shards_must_agree(tmp_path, change, told):
    """Half a download is not half a model."""
    index = write_shards(tmp_path, "safetensors", save_file)
    content = json.loads(index.read_text())
    change(content["weight_map"])
    index.write_text(json.dumps(content))
    with pytest.raises(ModelError, match=told):
        read_checkpoint(tmp_path)


def test_a_bit_that_turned_over_is_found(tmp_path):
    """torch.load reads past wrong checksums; the numbers would be others."""
    torch.save(STATE, tmp_path / "v.pt")
    content = bytearray((tmp_path / "v.pt").read_bytes())
    content[content.find(STATE["head.weight"].numpy().tobytes()) + 2] ^= 0x40
    (tmp_path / "v.pt").write_bytes(content)
    with pytest.raises(ModelError, match="is damaged: the checksum"):
        read_checkpoint(tmp_path / "v.pt")


def test_archives_are_told_to_be_unpacked(tmp_path):
    """A tar is known by its content: timm's .pth.tar is none."""
    torch.save(STATE, tmp_path / "v.pt")
    with tarfile.open(tmp_path / "plain.tar", "w") as plain, tarfile.open(tmp_path / "a.tgz", "w:gz") as packed:
        plain.add(tmp_path / "v.pt", "v.pt")
        packed.add(tmp_path / "v.pt", "v.pt")
    with zipfile.ZipFile(tmp_path / "v.zip", "w") as archive:
        archive.write(tmp_path / "v.pt", "v.pt")
    for name in ("plain.tar", "a.tgz", "v.zip"):
        with pytest.raises(ModelError, match=f"{name}: is an archive: unpack it"):
            read_checkpoint(tmp_path / name)


def test_whole_models_are_told_from_weights(tmp_path):
    """TorchScript and torch.export archives are sources, whatever their name ends in."""
    torch.jit.script(RAW).save(tmp_path / "script.pt")
    torch.export.save(torch.export.export(RAW, (torch.rand(2, 3, 8, 8),)), tmp_path / "v.pt2")
    shutil.copy(tmp_path / "v.pt2", tmp_path / "export.pt")
    with pytest.raises(ModelError, match=r"TorchScript archive.*torch.jit.load"):
        read_checkpoint(tmp_path / "script.pt")
    with pytest.raises(ModelError, match=r"torch.export archive.*must end in .pt2"):
        read_checkpoint(tmp_path / "export.pt")


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ([], "is a folder without a checkpoint"),
        (["a.pt", "b.pt"], "holds several checkpoints.*a.pt, b.pt"),
        (["MLmodel"], "MLflow model folder"),
        (["zero_to_fp32.py"], "DeepSpeed"),
        ([".metadata", "__0_0.distcp"], "dcp_to_torch"),
        (["adapter_config.json", "adapter_model.safetensors"], "merge_and_unload"),
    ],
)
def test_folders_that_are_not_one_checkpoint_say_what_they_are(tmp_path, files, told):
    """A folder is read where it holds one checkpoint, else it is said which of them or how to join them."""
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(ModelError, match=told):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("name", ["v.pt", "model_best.pth.tar", "last.ckpt"])
def test_a_folder_with_one_file_is_that_file(tmp_path, name):
    """Whatever its trainer calls it."""
    torch.save(STATE, tmp_path / name)
    assert read_checkpoint(tmp_path).path == tmp_path / name
