"""Digests of code: what counts is found wherever it is imported, and nobody's code runs for it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from explain_gate.measuring.remembering.fingerprints import code_of, files_in, home_of, shape_of

BOOBY_TRAP = "raise SystemExit('this was imported')\n"


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Path:
    """A package whose import would end the process; shop.models.net is what a model is made of."""
    files = {
        "shop/__init__.py": BOOBY_TRAP,
        "shop/models/__init__.py": BOOBY_TRAP,
        "shop/models/net.py": "from ..layers import block\nimport torch\n\n\ndef build():\n"
        "    from shop import extra\n    import importlib\n    importlib.import_module('.late', __package__)\n",
        "shop/models/late.py": "VALUE = 1\n",
        "shop/layers/block.py": "import lonely\n",  # a folder without an __init__.py
        "shop/extra.py": "import absent.module\n",
        "shop/unused.py": "VALUE = 1\n",
        "lonely.py": "VALUE = 1\n",
    }
    for name, text in files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_no_code_runs_for_a_digest(shop):
    """Packages above a module are found without being imported, also where importing them would fail."""
    code_of(["shop.models.net"])
    assert not {"shop", "shop.models", "shop.models.net", "lonely"} & set(sys.modules)


@pytest.mark.parametrize(
    "name",
    [
        "shop/models/net.py",
        "shop/__init__.py",
        "shop/models/__init__.py",
        "shop/layers/block.py",
        "shop/extra.py",
        "shop/models/late.py",
        "lonely.py",
    ],
)
def test_everything_that_is_imported_counts(shop, name):
    """The module, the packages above it, what it imports relatively, inside a function, by name, and further on."""
    before = code_of(["shop.models.net"])
    (shop / name).write_text((shop / name).read_text() + "CHANGED = True\n")
    assert code_of(["shop.models.net"]) != before


def test_what_is_not_imported_does_not_count(shop, tmp_path):
    """Another module of the package, and what only type checkers import."""
    net = shop / "shop/models/net.py"
    net.write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from shop import unused\n" + net.read_text()
    )
    before = code_of(["shop.models.net"])
    (shop / "shop/unused.py").write_text("VALUE = 2\n")
    assert code_of(["shop.models.net"]) == before


@pytest.fixture
def installed(tmp_path, monkeypatch) -> Path:
    """A team's own package as `pip install .` leaves it, under another name than it is imported by."""
    site = tmp_path / "site-packages"
    info = site / "shop_models-1.0.dist-info"
    (site / "shopinstalled").mkdir(parents=True)
    (site / "shopinstalled" / "__init__.py").write_text("")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shop-models\nVersion: 1.0\n")
    (info / "RECORD").write_text("shopinstalled/__init__.py,sha256=one,10\nshop_models-1.0.dist-info/INSTALLER,,\n")
    monkeypatch.syspath_prepend(str(site))
    return info


@pytest.mark.parametrize(
    ("file", "old", "new"), [("METADATA", "Version: 1.0", "Version: 1.1"), ("RECORD", "sha256=one", "sha256=two")]
)
def test_an_installed_package_counts_by_version_and_files(installed, file, old, new):
    """A team that installs its package again, under the same version, has changed it."""
    from explain_gate.measuring.remembering import fingerprints

    def anew() -> str:
        fingerprints._installed.cache_clear()
        fingerprints._distribution.cache_clear()
        return code_of(["shopinstalled"])

    before = anew()
    assert anew() == before
    (installed / file).write_text((installed / file).read_text().replace(old, new))
    assert anew() != before


def test_a_package_is_told_by_who_installed_it_beside_it(tmp_path, monkeypatch):
    """Whatever the installer is called and however it lists files; no other folder's packages are read for it."""
    from explain_gate.measuring.remembering import fingerprints

    def refuse() -> None:
        raise AssertionError("the packages of every folder are read")

    monkeypatch.setattr("importlib.metadata.packages_distributions", refuse)
    site = tmp_path / "site-packages"
    for name, listed in (
        ("picturelib", {"top_level.txt": "shoppictures\n"}),
        ("reader", {"RECORD": "shopreader/__init__.py,sha256=one,0\n"}),
        ("single", {"RECORD": "shopsingle.py,sha256=one,0\n"}),
    ):
        info = site / f"{name}-2.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.0\n")
        for file, text in listed.items():
            (info / file).write_text(text)
    for package in ("shoppictures", "shopreader", "shopnobodys"):
        (site / package).mkdir()
        (site / package / "__init__.py").write_text("")
    (site / "shopsingle.py").write_text("")
    monkeypatch.syspath_prepend(str(site))
    fingerprints._distribution.cache_clear()
    names = ("shoppictures", "shopreader", "shopsingle", "shopnobodys")
    assert list(fingerprints.versions_of(names).values()) == ["2.0", "2.0", "2.0", "none"]
    assert fingerprints.versions_of(["PIL"])["PIL"] != "none"


class Net(torch.nn.Module):
    """Everything that a state dict does not hold."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 2)
        self.register_buffer("scale", torch.ones(2), persistent=False)
        self.temperature = 1.0
        self.mean = torch.zeros(3)
        self.sizes = [1, {"a": np.arange(3)}]
        self.loops = [1]
        self.loops.append(self.loops)


@pytest.mark.parametrize(
    "change",
    [
        lambda net: net.scale.mul_(2),
        lambda net: setattr(net, "temperature", 2.0),
        lambda net: net.mean.add_(1),
        lambda net: net.sizes[1].update(a=np.arange(4)),
        lambda net: setattr(net, "layer", torch.nn.Linear(2, 2, bias=False)),
        lambda net: setattr(net, "act", torch.nn.ReLU()),
    ],
    ids=["buffer", "number", "tensor", "array", "layer", "part"],
)
def test_a_model_is_more_than_its_state_dict(change):
    """Buffers that are not saved, numbers and arrays that a module holds, and its parts."""
    net = Net()
    before = shape_of(net)
    assert shape_of(Net()) == before
    change(net)
    assert shape_of(net) != before


def test_exported_programs_of_equal_weights_differ_by_their_graph():
    """What a program computes is not in its state dict, nor in its type."""

    class Doubled(torch.nn.Linear):
        def forward(self, x):
            """Twice."""
            return 2 * super().forward(x)

    programs = [torch.export.export(kind(2, 2), (torch.ones(1, 2),)).module() for kind in (torch.nn.Linear, Doubled)]
    assert shape_of(programs[0]) != shape_of(programs[1])


def test_files_count_by_content(tmp_path):
    """In folders of folders too; a place that is no name of a file is a text."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "one.txt").write_text("1")
    before = files_in({"reference": "a", "other": ["."], "n": 0.5}, tmp_path)
    assert before["other"] == ["."]
    (tmp_path / "a" / "b" / "one.txt").write_text("2")
    assert files_in({"reference": "a", "other": ["."], "n": 0.5}, tmp_path) != before


@pytest.mark.parametrize(
    ("reference", "home"),
    [
        ("shop.models:build", "shop.models"),
        ("torchvision:resnet18", "torchvision"),
        ("models:/pets@champion", None),
        ("model.pt2", None),
    ],
)
def test_the_home_of_a_reference(reference, home):
    """Files and registries have none."""
    assert home_of(reference) == home
