"""Projects that people bring, each the tiny project with one thing changed: models, pictures, annotations, files.

`told` is a pattern of what a run must say when it refuses; None where the gate has to get by with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from PIL import Image

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
SCORE = "self.head(self.window(self.relu(self.colour(x))).mean((2, 3)))"
FORWARD = f"        return {SCORE}\n"
GRADIENTS = "  integrated_gradients: {}\n  occlusion: {}"
PASSES = "  occlusion: {}\n  rise: {masks: 20}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What is changed in the tiny project, and what must come of it."""

    name: str
    change: Callable[[Path], None]
    told: str | None = None
    thorough: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    exit_code: int = 4


def as_it_is(_: Path) -> None:
    """Nothing is changed."""


def forward(body: str, *also: Callable[[Path], None]) -> Callable[[Path], None]:
    """Another forward; {score} is what the tiny network returns."""
    lines = body.replace("{score}", SCORE).splitlines()
    return replaced("tinymodel.py", FORWARD, "".join(f"        {line}\n" for line in lines), *also)


def builder(body: str, *also: Callable[[Path], None]) -> Callable[[Path], None]:
    """Another build()."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return replaced("tinymodel.py", "    return Net(corner)\n", lines, *also)


def methods(text: str) -> Callable[[Path], None]:
    """Other methods."""
    return replaced("thresholds.yaml", "  grad_cam: {layer: window}", text)


def check(family: str, rule: str) -> Callable[[Path], None]:
    """One more check, in a family of its own."""
    return replaced("thresholds.yaml", "  performance:\n", f"  {family}:\n    {rule}\n  performance:\n")


def replaced(name: str, before: str, after: str, *also: Callable[[Path], None]) -> Callable[[Path], None]:
    """A file of the project with one text in place of another."""

    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert before in text, (name, before)
        (folder / name).write_text(text.replace(before, after, 1))
        for one in also:
            one(folder)

    return change


def picture(act: Callable[[Path], None], name: str = "green_03.png") -> Callable[[Path], None]:
    """Something done to one picture, the last of the set."""
    return lambda folder: act(folder / "images" / name)


def annotation(act: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    """Something done to the annotations."""

    def change(folder: Path) -> None:
        path = folder / "annotations.coco.json"
        content = json.loads(path.read_text())
        act(content)
        path.write_text(json.dumps(content))

    return change


def checkpoint(write: Callable[[Path], None], name: str = "weights.pt") -> Callable[[Path], None]:
    """A checkpoint of the project."""

    def change(folder: Path) -> None:
        replaced("thresholds.yaml", "model: {", f"model: {{checkpoint: {name}, ")(folder)
        write(folder / name)

    return change


def _state(**other: Any) -> dict[str, Any]:
    return {
        "colour.weight": torch.zeros(2, 3, 1, 1),
        "head.weight": torch.eye(2),
        "window.where": torch.ones(1),
        **other,
    }


def _jpeg(keep: float) -> Callable[[Path], None]:
    def act(path: Path) -> None:
        Image.open(path).resize((320, 320)).resize((32, 32)).save(path, "JPEG", quality=95)
        raw = path.read_bytes()
        path.write_bytes(raw[: int(len(raw) * keep)])

    return act


def _masks(act: Callable[[Path], None]) -> Callable[[Path], None]:
    """Regions as mask files, and something done to one of them."""

    def change(folder: Path) -> None:
        replaced("thresholds.yaml", "annotations: annotations.coco.json", "annotations: masks")(folder)
        for path in sorted((folder / "images").iterdir()):
            mask = folder / "masks" / path.name.partition("_")[0] / path.name
            mask.parent.mkdir(parents=True, exist_ok=True)
            image = Image.new("L", (32, 32))
            image.paste(255, (9, 9, 22, 22))
            image.save(mask)
        act(folder / "masks" / "green" / "green_03.png")

    return change


def _user_code(text: str) -> Callable[[Path], None]:
    """A module of the team's own beside thresholds.yaml."""
    return lambda folder: (folder / "tinycode.py").write_text(text)


def _all(*changes: Callable[[Path], None]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        for one in changes:
            one(folder)

    return change


LOOK = """
from explain_gate.records import Attribution


def look(probe, images, targets, *, keys):
    return Attribution(method="look", kind="positive", maps=images.abs().mean(1))
"""
SCRIPTED = "torch.jit.script(Net(corner).eval())"
TRACED = "torch.jit.trace(Net(corner).eval(), torch.rand(2, 3, 32, 32))"
ONE_CHANNEL = "self.colour = nn.Conv2d(1, 2, 1, bias=False)\n        self.unused = nn.Conv2d(3, 2, 1, bias=False)"
VOLUMES = "self.volume = nn.Conv3d(1, 2, 3)\n        self.colour = nn.Conv2d(3, 2, 1, bias=False)"

MODELS = [
    Project(name="as it is", change=as_it_is),
    Project(
        name="normalises its input in place",
        change=forward("x.mul_(0.5).add_(0.1)\nreturn {score}", methods("  grad_cam: {layer: window}\n" + GRADIENTS)),
    ),
    Project(
        name="takes one image at a time",
        change=forward("x = x.reshape(1, 3, 32, 32)\nreturn {score}", methods("  grad_cam: {}\n" + GRADIENTS)),
    ),
    Project(name="returns one row whatever it gets", change=forward("return {score}[:1]")),
    Project(
        name="compiled by scripting",
        change=builder(
            f"return {SCRIPTED}", methods(GRADIENTS), check("randomization", "map_correlation: {at_most: 1}")
        ),
    ),
    Project(name="compiled by tracing", change=builder(f"return {TRACED}", methods(GRADIENTS))),
    Project(
        name="compiled, and asked for its layers",
        change=builder(f"return {SCRIPTED}", methods("  grad_cam: {}")),
        told="TorchScript.*integrated_gradients",
    ),
    Project(
        name="compiled, and asked for a layer by name",
        change=builder(f"return {TRACED}", methods("  grad_cam: {layer: window}")),
        told="TorchScript.*integrated_gradients",
    ),
    Project(
        name="compiled and frozen",
        change=builder(f"return torch.jit.freeze({SCRIPTED})", methods(GRADIENTS)),
        told="without parameters",
    ),
    Project(
        name="no gradients in forward, none wanted",
        change=forward("with torch.no_grad():\n    return {score}", methods(PASSES + "\n  score_cam: {}")),
    ),
    Project(
        name="no gradients in forward",
        change=forward("with torch.no_grad():\n    return {score}", methods("  grad_cam: {}")),
        told="torch.no_grad.*occlusion",
    ),
    Project(
        name="no gradients in forward, path method",
        change=forward("with torch.inference_mode():\n    return {score}", methods("  integrated_gradients: {}")),
        told="torch.no_grad.*occlusion",
    ),
    Project(
        name="depends on the other images",
        change=forward("score = {score}\nreturn score - score.mean(0, keepdim=True)"),
        told="beside other images",
    ),
    Project(
        name="random in eval mode", change=forward("return {score} + torch.rand(len(x), 2)"), told="random in eval"
    ),
    Project(name="ends in softmax", change=forward("return {score}.softmax(1)")),
    Project(
        name="takes one channel",
        change=replaced(
            "tinymodel.py",
            "self.colour = nn.Conv2d(3, 2, 1, bias=False)",
            "self.gray = nn.Conv2d(1, 2, 1)\n        self.colour = nn.Conv2d(3, 2, 1, bias=False)",
            forward("x = self.gray(x)\nreturn {score}"),
        ),
        told=r"takes 1 channel, and a picture has 3.*x\.mean\(1",
    ),
    Project(
        name="takes volumes",
        change=replaced(
            "tinymodel.py",
            "self.colour = nn.Conv2d(3, 2, 1, bias=False)",
            VOLUMES,
            forward("x = self.volume(x)\nreturn {score}"),
        ),
        told="Conv3d.*slice by slice",
    ),
    Project(
        name="takes a second input",
        change=replaced(
            "tinymodel.py",
            "        self.window = Window(corner)\n\n    def forward(self, x):",
            "        self.window = Window(corner)\n\n    def forward(self, x, age):",
        ),
        told=r"2 inputs \(x, age\).*wraps",
    ),
    Project(name="one logit", change=forward("return {score}[:, :1]"), told="one logit.*task: binary"),
    Project(
        name="too few logits",
        change=forward(
            "return {score}",
            annotation(lambda c: c["categories"].insert(0, {"id": 7, "name": "blue"})),
            replaced("thresholds.yaml", "  annotations:", "  classes: {red: 0, green: 2}\n  annotations:"),
        ),
        told="needs 3",
    ),
    Project(name="too many logits", change=forward("return torch.cat([{score}, x[:, :3].mean((2, 3))], 1)")),
    Project(name="a tuple", change=forward("return {score}, x")),
    Project(name="a dict", change=forward("return {'logits': {score}}")),
    Project(name="an object", change=forward("import types\nreturn types.SimpleNamespace(logits={score})")),
    Project(name="nothing", change=forward("return None"), told="NoneType"),
    Project(name="another rank", change=forward("return {score}[:, :, None]"), told="got a tensor of shape"),
    Project(name="not finite", change=forward("return {score} * float('nan')"), told="not finite"),
    Project(name="raises", change=forward("raise KeyError('no such layer')"), told="forward raised KeyError"),
    Project(
        name="raises on some",
        change=forward(
            "if bool((x[:, 1].amax((1, 2)) > 0.75).any()):\n    raise RuntimeError('too green')\nreturn {score}"
        ),
    ),
    Project(
        name="not finite on some",
        change=forward(
            "score = {score}\nreturn torch.where((x[:, 1].amax((1, 2)) > 0.75)[:, None], score * float('nan'), score)"
        ),
    ),
    Project(
        name="changes its weights",
        change=forward("self.head.weight.data.mul_(1.001)\nreturn {score}"),
        told="changed its own weights",
    ),
    Project(name="no module", change=builder("return lambda x: x"), told="must return a torch.nn.Module"),
    Project(name="raises when built", change=builder("raise OSError('no licence')"), told="no licence"),
    Project(
        name="cannot be imported",
        change=replaced("tinymodel.py", "import torch\n", "import torch\nimport nowhere\n"),
        told="no module named nowhere",
    ),
    Project(
        name="another name", change=replaced("thresholds.yaml", "tinymodel:build", "tinymodel:built"), told="built"
    ),
    Project(
        name="unknown argument",
        change=replaced("thresholds.yaml", "arguments: {", "arguments: {depth: 3, "),
        told="depth",
    ),
    Project(
        name="not in the registry",
        change=replaced("thresholds.yaml", "tinymodel:build", "models:/nothing@approved"),
        told="not in the registry",
    ),
    Project(name="unknown layer", change=methods("  grad_cam: {layer: windows}"), told="no such layer"),
    Project(
        name="unknown layer of an expensive method",
        change=methods("  score_cam: {layer: windows}"),
        told="no such layer",
    ),
    Project(name="no attention", change=methods("  occlusion: {}\n  attention_rollout: {}"), told="attention"),
    Project(name="option out of range", change=methods("  occlusion: {window: 4, stride: 9}"), told="stride"),
    Project(
        name="options that contradict", change=methods("  kernel_shap: {parts: 49, samples: 60}"), told="twice as many"
    ),
]

FILES = [
    Project(
        name="weights",
        change=checkpoint(lambda path: torch.save({**_state(), "window.where": torch.ones(1, 1, 32, 32)}, path)),
    ),
    Project(
        name="another head",
        change=checkpoint(lambda path: torch.save(_state(**{"head.weight": torch.ones(5, 2)}), path)),
        told=r"head\.weight +\(5, 2\)",
    ),
    Project(name="no checkpoint", change=checkpoint(as_it_is), told="does not exist"),
    Project(
        name="half a checkpoint",
        change=checkpoint(lambda path: (torch.save(_state(), path), path.write_bytes(path.read_bytes()[:200]))[0]),
        told="not a readable",
    ),
    Project(name="pointer to weights", change=checkpoint(lambda path: path.write_text(POINTER)), told="git lfs pull"),
    Project(
        name="pointer to safetensors",
        change=checkpoint(lambda path: path.write_text(POINTER), "w.safetensors"),
        told="git lfs pull",
    ),
    Project(
        name="pointer that the builder loads",
        change=builder(
            "return torch.load('/dev/null' if corner else str(__file__).replace('tinymodel.py', 'w.bin'))",
            lambda folder: (folder / "w.bin").write_text(POINTER),
        ),
        told="git lfs pull",
    ),
    Project(
        name="pointer to a picture",
        change=picture(lambda path: path.write_text(POINTER)),
        told="green_03.*git lfs pull",
    ),
    Project(
        name="pointer to annotations",
        change=lambda folder: (folder / "annotations.coco.json").write_text(POINTER) and None,
        told="git lfs pull",
    ),
    Project(name="pointer to a mask", change=_masks(lambda path: path.write_text(POINTER)), told="git lfs pull"),
    Project(
        name="a compiled model as weights",
        change=checkpoint(lambda path: torch.jit.script(torch.nn.Linear(2, 2)).save(str(path))),
        told="TorchScript archive",
    ),
    Project(name="masks", change=_masks(as_it_is)),
    Project(
        name="a mask of another size",
        change=_masks(lambda path: Image.new("L", (16, 16), 255).save(path)),
        told="mask must be 32 x 32",
    ),
    Project(name="a mask is missing", change=_masks(lambda path: path.unlink())),
    Project(name="no picture", change=picture(lambda path: path.unlink()), told="green_03.*missing"),
    Project(
        name="half a PNG",
        change=picture(lambda path: path.write_bytes(path.read_bytes()[:-900])),
        told="green_03.*not a whole image",
    ),
    Project(name="half a JPEG", change=picture(_jpeg(0.5)), told="green_03.*not a whole image"),
    Project(name="a whole JPEG", change=picture(_jpeg(1))),
    Project(
        name="text as a picture",
        change=picture(lambda path: path.write_text("<html>404</html>")),
        told="green_03.*not a whole image",
    ),
    Project(
        name="a damaged picture that ends well",
        thorough=True,
        change=picture(lambda path: path.write_bytes(path.read_bytes().replace(b"IDAT", b"IDAX"))),
        told="green_03.*not a whole image",
    ),
    Project(
        name="another size",
        change=picture(lambda path: Image.open(path).resize((40, 32)).save(path)),
        told="green_03.*(annotated as|one size)",
    ),
    Project(
        name="two sizes",
        told="one size",
        change=_all(
            picture(lambda path: Image.open(path).resize((40, 32)).save(path)),
            annotation(lambda c: c["images"][3].update(width=40)),
        ),
    ),
    Project(
        name="a region cut off",
        change=_all(
            replaced("thresholds.yaml", "  preprocessing: {", "  preprocessing: {crop: 32, "),
            annotation(lambda c: c["annotations"][3].update(bbox=[0, 0, 1, 1])),
        ),
    ),
    Project(
        name="another class name",
        change=replaced("thresholds.yaml", "  annotations:", "  classes: [red, lime]\n  annotations:"),
        told="missing in data.classes",
    ),
    Project(
        name="a class without pictures",
        change=annotation(lambda c: c["categories"].append({"id": 9, "name": "blue"})),
        told="without an annotated image",
    ),
    Project(
        name="no annotations", change=lambda folder: (folder / "annotations.coco.json").unlink(), told="does not exist"
    ),
    Project(
        name="half a JSON",
        change=lambda folder: (folder / "annotations.coco.json").write_text('{"images": [') and None,
        told="not a readable JSON",
    ),
]

CODE = [
    Project(
        name="a metric",
        change=_all(
            check("own", "'tinycode:inked': {at_least: 0}"),
            _user_code("def inked(pixels):\n    return pixels.abs().mean((1, 2, 3))\n"),
        ),
    ),
    Project(
        name="no such metric",
        change=_all(check("own", "'tinycode:inked': {at_least: 0}"), _user_code("")),
        told="inked",
    ),
    Project(
        name="a metric of too few values",
        change=_all(
            check("own", "'tinycode:inked': {at_least: 0}"),
            _user_code("def inked(pixels):\n    return pixels[0, 0, 0, :3]\n"),
        ),
        told="one value per image",
    ),
    Project(
        name="a metric with a wrong call",
        change=_all(
            check("own", "'tinycode:inked': {at_least: 0}"),
            _user_code("def inked(pixels):\n    return pixels.mean(colour=3)\n"),
        ),
        told="inked",
        exit_code=3,
    ),
    Project(
        name="a method",
        change=_all(
            methods("  'tinycode:look': {}"),
            _user_code(LOOK),
        ),
    ),
    Project(name="no such method", change=_all(methods("  'tinycode:look': {}"), _user_code("")), told="look"),
    Project(
        name="a method without maps",
        change=_all(
            methods("  'tinycode:look': {}"),
            _user_code("def look(probe, images, targets, *, keys):\n    return images\n"),
        ),
        told="must return",
    ),
    Project(
        name="no such target",
        change=replaced("thresholds.yaml", "model: {", "model: {target: 'tinycode:scores', "),
        told="tinycode",
    ),
    Project(
        name="a parameter out of range",
        change=check("faithfulness", "deletion_auc: {at_most: 1, parameters: {steps: 0}}"),
        told="steps",
    ),
    Project(
        name="output below a file",
        change=as_it_is,
        told="cannot be written",
        options={"output": "/proc/version/out"},
    ),
    Project(
        name="a file store for tracking",
        change=replaced("thresholds.yaml", "checks:\n", "tracking: {uri: 'file:mlruns'}\nchecks:\n"),
        told="sqlite",
        options={"tracking": True},
    ),
]
PROJECTS = [*MODELS, *FILES, *CODE]
