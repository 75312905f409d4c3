"""Digests of code: what counts is found wherever it is imported, and nobody's code runs for it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from explain_gate.measuring.remembering.code import code_of, home_of

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
    from explain_gate.measuring.remembering import code

    def anew() -> str:
        code._installed.cache_clear()
        code._distribution.cache_clear()
        return code_of(["shopinstalled"])

    before = anew()
    assert anew() == before
    (installed / file).write_text((installed / file).read_text().replace(old, new))
    assert anew() != before


def test_a_package_is_told_by_who_installed_it_beside_it(tmp_path, monkeypatch):
    """Whatever the installer is called and however it lists files; no other folder's packages are read for it."""
    from explain_gate.measuring.remembering import code

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
    code._distribution.cache_clear()
    names = ("shoppictures", "shopreader", "shopsingle", "shopnobodys")
    assert list(code.versions_of(names).values()) == ["2.0", "2.0", "2.0", "none"]
    assert code.versions_of(["PIL"])["PIL"] != "none"


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
