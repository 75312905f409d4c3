"""The plugin is loaded in every pytest run of its environment, so importing it must cost next to nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What an idle session must not pay for.
HEAVY = {
    "PIL",
    "jinja2",
    "matplotlib",
    "mlflow",
    "numpy",
    "pandas",
    "pyarrow",
    "pycocotools",
    "pydantic",
    "ray",
    "rich",
    "safetensors",
    "scipy",
    "sklearn",
    "torch",
    "torchvision",
}


def python(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a new interpreter in `folder` that sees this tree and no plugin but those named."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", ["", ".plugin", ".records", ".errors"])
def test_importing_loads_nothing_heavy(name: str, tmp_path: Path):
    """The package, its plugin and its records load neither torch, mlflow nor numpy."""
    result = python(["-c", f"import sys, json, explain_gate{name}; print(json.dumps(sorted(sys.modules)))"], tmp_path)
    assert result.returncode == 0, result.stderr
    assert HEAVY & set(json.loads(result.stdout)) == set()


def test_the_tables_load_nothing_heavy(tmp_path: Path):
    """The method and metric tables can be read without loading a method's or a metric's code."""
    code = "import sys, json, explain_gate.metrics, explain_gate.attribution; print(json.dumps(sorted(sys.modules)))"
    result = python(["-c", code], tmp_path)
    assert result.returncode == 0, result.stderr
    assert HEAVY & set(json.loads(result.stdout)) == set()


def test_an_idle_session_loads_nothing_heavy(tmp_path: Path):
    """A session with the plugin that collects, runs and reports other tests loads nothing for it."""
    (tmp_path / "conftest.py").write_text(
        "import json, sys\n"
        "def pytest_unconfigure(config):\n"
        "    open('modules.json', 'w').write(json.dumps(sorted(sys.modules)))\n"
    )
    (tmp_path / "test_other.py").write_text(
        "import pytest\n"
        "@pytest.mark.parametrize('number', [1, 2])\n"
        "def test_passes(number): pass\n"
        "def test_fails(): assert False\n"
    )
    arguments = ["-m", "pytest", "-p", "explain_gate.plugin", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    result = python(arguments, tmp_path)
    assert "1 failed, 2 passed" in result.stdout, result.stdout + result.stderr
    modules = set(json.loads((tmp_path / "modules.json").read_text()))
    assert "explain_gate.plugin" in modules
    assert HEAVY & modules == set()


def test_the_names_of_the_library_are_there_before_their_code(tmp_path: Path):
    """`explain_gate.attribute` and the others resolve when they are used, and an unknown name is an AttributeError."""
    code = (
        "import sys, explain_gate\n"
        "assert 'torch' not in sys.modules\n"
        "assert callable(explain_gate.judge)\n"
        "assert 'torch' not in sys.modules\n"
        "try:\n"
        "    explain_gate.unknown\n"
        "except AttributeError as error:\n"
        "    print(error)\n"
    )
    result = python(["-c", code], tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "module 'explain_gate' has no attribute 'unknown'"
