"""User code may import torchvision, whatever build it is, wherever the product runs it. Every case in a new process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
METRIC = """
import torchvision


def ones(relevance):
    assert torchvision.models
    return relevance.amax((1, 2))
"""
OWN = """
import torchvision


def test_own(model_under_test):
    assert torchvision.__version__
"""


@pytest.fixture
def project(tmp_path, write_project) -> Path:
    """Model, metric, conftest.py and a test that each import torchvision."""
    path = write_project(tmp_path / "project")
    folder = path.parent
    (folder / "tinymodel.py").write_text("import torchvision\n" + (folder / "tinymodel.py").read_text())
    (folder / "ownmetric.py").write_text(METRIC)
    (folder / "conftest.py").write_text("import torchvision\n")
    (folder / "checks").mkdir()
    (folder / "checks" / "test_own.py").write_text(OWN)
    path.write_text(path.read_text() + '  custom:\n    "ownmetric:ones": {at_least: 0.5}\n')
    return path


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "PYTEST_ADDOPTS": "",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_plugin_and_workers_run_code_that_imports_torchvision(project):
    """A conftest.py, a test, a model and a metric, in the process that was started and in those that it starts."""
    plugins = ("-p", "explain_gate.plugin", "-p", "no:cacheprovider", "--explain", "--explain-no-tracking")
    done = python(project.parent, "-m", "pytest", "checks", *plugins, "--explain-workers", "2")
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert "a worker ended" not in done.stdout + done.stderr


MONITOR = """
from explain_gate.training.monitor import Monitor
import tinymodel
Monitor("thresholds.yaml", tracking=False, images=2).after_epoch(tinymodel.build(), 0)
"""
TIMM = """
from dataclasses import replace
from explain_gate.config import load_config
from explain_gate.models.build import build_module
config = load_config("thresholds.yaml")
model = config.sections.model.model_copy(update={"arguments": {}})
build_module(replace(config, sections=config.sections.model_copy(update={"model": model})), "timm:resnet10t")
"""


@pytest.mark.parametrize(
    "code",
    [
        "import explain_gate as eg; eg.measure('thresholds.yaml')",
        "from explain_gate.attribution.attribute import method_function; method_function('ownmetric:ones')",
        MONITOR,
        TIMM,
    ],
    ids=["measure", "method", "monitor", "timm"],
)
def test_the_library_runs_code_that_imports_torchvision(project, code):
    """Whatever comes first."""
    done = python(project.parent, "-c", code)
    assert done.returncode == 0, done.stderr


def test_the_door_costs_nothing_until_it_is_used(tmp_path):
    """Importing it loads neither torch nor torchvision; what it hands out is torchvision itself."""
    code = (
        "import sys, explain_gate.vision as vision\n"
        "assert not {'torch', 'torchvision'} & set(sys.modules)\n"
        "import torchvision\n"
        "assert vision.torchvision is torchvision\n"
        "assert vision.transforms is sys.modules['torchvision.transforms.v2']\n"
        "assert not [finder for finder in sys.meta_path if type(finder).__module__ == 'explain_gate.vision']\n"
    )
    done = python(tmp_path, "-c", code)
    assert done.returncode == 0, done.stderr
