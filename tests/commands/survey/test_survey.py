"""Projects of every kind: what `init` sees in them, and that `validate` takes the file or names what is left."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import found_projects as projects
import pytest
import torch
import yaml
from click.testing import CliRunner
from safetensors.torch import save_file

from explain_gate.cli import main
from explain_gate.commands.survey.survey import survey
from explain_gate.vision import torchvision


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """An empty project as the current folder; what is imported from it is forgotten afterwards."""
    place = tmp_path / "pets"
    place.mkdir()
    monkeypatch.chdir(place)
    before, path = set(sys.modules), list(sys.path)
    yield place
    sys.path[:] = path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def small(width: int) -> torch.nn.Module:
    """The network of projects.MODEL and of projects.LIGHTNING."""
    pooled = (torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(width, 2))
    return torch.nn.Sequential(torch.nn.Conv2d(3, width, 3), torch.nn.ReLU(), *pooled)


def gated(folder: Path) -> tuple[str, dict, str]:
    """What `init --yes` says, the file that it wrote, and what `validate` says of it."""
    told = CliRunner().invoke(main, ["init", "--yes"])
    assert told.exit_code == 0, told.output
    assert not (folder / "imported").exists()
    data = yaml.safe_load((folder / "thresholds.yaml").read_text(encoding="utf-8"))
    return told.output, data, CliRunner().invoke(main, ["validate"]).output


def test_a_torchvision_script_with_class_folders_and_masks(folder):
    """Architecture from the script's default, checked against the weights; order of the classes from ImageFolder."""
    (folder / "train.py").write_text(projects.TORCHVISION)
    (folder / "runs").mkdir()
    torch.manual_seed(0)
    weights = torchvision.models.squeezenet1_1(num_classes=2).state_dict()
    torch.save({"epoch": 3, "model": weights}, folder / "runs" / "model_best.pth")
    torch.save({"epoch": 9, "model": weights}, folder / "runs" / "epoch_9.pth")
    projects.write_masks(folder / "data" / "masks", projects.draw(folder / "data" / "test", by_class=True))
    projects.draw(folder / "data" / "train", by_class=True)
    told, data, validated = gated(folder)
    assert data["model"]["source"] == "torchvision:squeezenet1_1"
    assert data["model"]["arguments"] == {"num_classes": 2}
    assert data["model"]["checkpoint"] == "runs/model_best.pth"
    assert (data["data"]["images"], data["data"]["annotations"]) == ("data/test", "data/masks")
    preprocessing = {"resize": 100, "crop": 96, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    assert data["data"]["preprocessing"] == preprocessing
    assert "all weights of runs/model_best.pth fit it by name and shape" in told
    assert "train.py:11 composes it" in told
    assert "others: runs/epoch_9.pth" in told
    assert "12 images of 2 classes" in validated, validated


@pytest.mark.slow
def test_a_checkpoint_that_timm_trained(folder):
    """args.yaml beside it names the model."""
    timm = pytest.importorskip("timm")
    run = folder / "output" / "train"
    run.mkdir(parents=True)
    (run / "args.yaml").write_text("model: test_vit\nnum_classes: 2\nopt: sgd\nsched: cosine\n")
    model = timm.create_model("test_vit", num_classes=2)
    torch.save({"arch": "test_vit", "version": 2, "state_dict": model.state_dict()}, run / "model_best.pth.tar")
    projects.write_coco(folder / "val.json", projects.draw(folder / "images"))
    _, data, validated = gated(folder)
    assert data["model"]["source"] == "timm:test_vit"
    assert data["data"]["preprocessing"] == {"timm": "test_vit"}
    assert data["data"]["annotations"] == "val.json"
    assert "12 images of 2 classes, 160 x 160 pixels" in validated, validated


def test_a_hugging_face_folder(folder):
    """config.json says what it is and in which order its classes stand, preprocessor_config.json how pictures go in."""
    (folder / "transformers.py").write_text(projects.STAND_IN_TRANSFORMERS)
    place = folder / "vit-pets"
    place.mkdir()
    config = {"architectures": ["ViTForImageClassification"], "id2label": {"0": "cat", "1": "dog"}}
    (place / "config.json").write_text(json.dumps(config))
    size = {"height": 32, "width": 32}
    normalised = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (place / "preprocessor_config.json").write_text(json.dumps({"do_resize": True, "size": size, **normalised}))
    torch.manual_seed(0)
    parts = torch.nn.ModuleDict({"patches": torch.nn.Conv2d(3, 8, 8), "classifier": torch.nn.Linear(8, 2)})
    save_file(parts.state_dict(), place / "model.safetensors")
    projects.write_coco(folder / "annotations.json", projects.draw(folder / "images"))
    told, data, validated = gated(folder)
    assert data["model"]["source"] == "transformers:AutoModelForImageClassification.from_pretrained"
    assert data["model"]["arguments"] == {"pretrained_model_name_or_path": "./vit-pets", "local_files_only": True}
    assert "checkpoint" not in data["model"]  # transformers renames weights while it reads them
    assert data["data"]["classes"] == ["cat", "dog"]  # the file of annotations has them the other way round
    assert data["data"]["preprocessing"] == {"processor": "vit-pets"}
    assert "vit-pets/config.json says ViTForImageClassification" in told
    assert "12 images of 2 classes, 32 x 32 pixels" in validated, validated


def test_a_lightning_project(folder):
    """Its own class, with the hyperparameters that its checkpoint was trained with."""
    (folder / "lightning.py").write_text(projects.STAND_IN_LIGHTNING)
    (folder / "pets_module.py").write_text(projects.LIGHTNING)
    (folder / "pyproject.toml").write_text('[project]\nname = "pet-shop"\n')
    place = folder / "lightning_logs" / "version_0" / "checkpoints"
    place.mkdir(parents=True)
    net = small(6)
    state = {f"net.{name}": value for name, value in net.state_dict().items()}
    kept = {"num_classes": 2, "width": 6, "lr": 0.01}
    torch.save(
        {"pytorch-lightning_version": "2.4.0", "state_dict": state, "hyper_parameters": kept},
        place / "epoch=2-step=9.ckpt",
    )
    projects.write_coco(folder / "data" / "val.json", projects.draw(folder / "data" / "val"))
    _, data, validated = gated(folder)
    assert data["model"]["name"] == "pet-shop"
    assert data["model"]["source"] == "pets_module:Pets"
    assert data["model"]["arguments"] == kept
    assert data["data"]["preprocessing"] == {"resize": [32, 32], "mean": [0.5] * 3, "std": [0.25] * 3}
    assert "12 images of 2 classes, 32 x 32 pixels" in validated, validated


def test_data_of_yolo(folder):
    """data.yaml, with a path that another machine meant."""
    projects.write_yolo(folder / "datasets" / "pets", projects.draw(folder / "datasets" / "pets" / "images" / "val"))
    seen = survey(folder)
    assert seen.values["data.annotations"] == "datasets/pets/data.yaml"
    assert seen.values["data.images"] == "datasets/pets/images/val"
    assert seen.counts == {"cat": 6, "dog": 6}
    assert set(seen.left) == {"model.source", "model.checkpoint", "data.preprocessing"}
    (folder / "yolo_models.py").write_text(projects.MODEL.replace('open("imported", "w").close()', ""))
    text = projects.TORCHVISION.replace("\nmain()", "").replace('"squeezenet1_1"', "NAME")
    (folder / "evaluate.py").write_text(text)
    torch.manual_seed(0)
    save_file(small(8).state_dict(), folder / "v1.safetensors")
    _, data, validated = gated(folder)
    assert data["model"]["source"] == "yolo_models:build_model"
    assert data["data"]["preprocessing"]["crop"] == 96
    assert "12 images of 2 classes, 96 x 96 pixels" in validated, validated


def test_what_nothing_speaks_for_is_left_and_validate_names_it_by_line(folder):
    """A builder of the project's own and its weights are seen; how pictures are normalised is not."""
    (folder / "shop_models.py").write_text(projects.MODEL)
    projects.write_coco(folder / "annotations.coco.json", projects.draw(folder / "images"))
    save_file(small(8).state_dict(), folder / "v1.safetensors")
    told, data, validated = gated(folder)
    # Opening a file for writing is a bare call at the top: whoever imports the module does it.
    assert data["model"]["source"] == "FILL_IN.module:build"
    assert "shop_models.py:8 defines build_model, but importing that file would run it" in told
    lines = (folder / "thresholds.yaml").read_text().splitlines()
    for key in ("source", "transform"):
        number = next(number for number, line in enumerate(lines, start=1) if f"{key}: " in line and "FILL_IN" in line)
        assert f"thresholds.yaml:{number}: " in validated
    assert validated.count("still says FILL_IN") == 2
    (folder / "shop_models.py").write_text(projects.MODEL.replace('open("imported", "w").close()', ""))
    (folder / "thresholds.yaml").unlink()
    _, data, validated = gated(folder)
    assert (data["model"]["source"], data["model"]["arguments"]) == ("shop_models:build_model", {"num_classes": 2})
    assert validated.count("still says FILL_IN") == 1
    assert "data.preprocessing.transform" in validated


def test_a_head_of_another_size_is_told(folder):
    """Which logit is which class nobody can see."""
    (folder / "train.py").write_text("import torchvision\nmodel = torchvision.models.squeezenet1_1()\n")
    weights = torchvision.models.squeezenet1_1(num_classes=37).state_dict()
    torch.save(weights, folder / "all_breeds.pt")
    projects.write_coco(folder / "annotations.coco.json", projects.draw(folder / "images"))
    told, data, validated = gated(folder)
    assert data["model"]["arguments"] == {"num_classes": 37}
    assert "classifier.1.weight of all_breeds.pt has 37 outputs, and 2 classes are annotated" in told
    assert "data.classes" in validated


def test_nothing_of_a_hostile_project_is_run(folder):
    """A pickle that writes a file when it is read, code that does when it is imported, or run."""

    class Bomb:
        def __reduce__(self):
            return (open, (str(folder / "imported"), "w"))

    torch.save({"state_dict": {"w": torch.zeros(2, 2)}, "arch": Bomb()}, folder / "best.pt")
    for name in ("train.py", "setup.py", "conftest.py", "sitecustomize.py"):
        (folder / name).write_text("open('imported', 'w').close()\ndef build_model(): return 1\n")
    (folder / "broken.py").write_text("def (:\0")
    (folder / "deep.json").write_text("[" * 100_000)
    assert survey(folder).values["model.checkpoint"] == "best.pt"
    assert not (folder / "imported").exists()


def test_a_person_says_which_of_several_is_meant(folder):
    """What follows from it follows: the pictures of those annotations, the outputs of those weights."""
    for name, outputs in (("best.pt", 2), ("last.pt", 5)):
        torch.save({"head.weight": torch.zeros(outputs, 4)}, folder / name)
    for split in ("test", "train"):
        projects.write_coco(folder / f"{split}.json", projects.draw(folder / split, count=3 if split == "train" else 4))
    asked = []

    def choose(question, values):
        asked.append(question)
        return 1

    seen = survey(folder, choose)
    assert (seen.values["data.annotations"], seen.values["data.images"]) == ("train.json", "train")
    assert sum(seen.counts.values()) == 6
    assert seen.values["model.checkpoint"] == "last.pt"
    assert "5 outputs" in seen.left["data.classes"]
    assert [question.partition(":")[0] for question in asked] == ["data.annotations", "model.checkpoint"]


def test_an_empty_folder_leaves_everything_to_fill_in(folder):
    """And says why, a line each."""
    told, _, validated = gated(folder)
    assert told.count("left   ") == 5
    assert validated.count("still says FILL_IN") == 5
    shutil.rmtree(folder / "checks")


@pytest.mark.parametrize("task", ["segmentation", "detection"])
def test_a_segmenter_or_detector_of_torchvision_is_one(folder, task):
    """Its task, and numbers of classes that leave 0 to the background."""
    name = {"segmentation": "lraspp_mobilenet_v3_large", "detection": "ssdlite320_mobilenet_v3_large"}[task]
    (folder / "train.py").write_text(f"from torchvision.models.{task} import {name}\nmodel = {name}(num_classes=3)\n")
    projects.write_coco(folder / "annotations.coco.json", projects.draw(folder / "images"))
    values = survey(folder).values
    assert (values["model.source"], values["model.task"]) == (f"torchvision:{name}", task)
    if task == "detection":
        assert values["data.classes"] == {"dog": 1, "cat": 2}
        assert values["data.preprocessing"] == {}
