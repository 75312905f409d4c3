"""What is inside the wheel and the sdist, and that the wheel works in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import explain_gate

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel that is built from it, as an upload would be."""
    folder = tmp_path_factory.mktemp("dist")
    result = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    """The wheel."""
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def wheel_names(wheel: Path) -> set[str]:
    """Every file in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def sdist_names(built: Path) -> set[str]:
    """Every file in the sdist, without the folder that holds them all."""
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def tracked(*patterns: str) -> set[str]:
    """The files of this tree that match, by glob, without bytecode."""
    return {
        path.relative_to(ROOT).as_posix()
        for pattern in patterns
        for path in ROOT.glob(pattern)
        if path.is_file() and "__pycache__" not in path.parts
    }


def metadata(wheel: Path, name: str) -> str:
    """One file of the wheel's dist-info."""
    with zipfile.ZipFile(wheel) as archive:
        (path,) = [path for path in archive.namelist() if path.endswith(f".dist-info/{name}")]
        return archive.read(path).decode()


def test_the_wheel_holds_the_whole_package(wheel_names: set[str]):
    """Every module, template, schema and data file of the package is in the wheel."""
    package = tracked("explain_gate/**/*")
    assert {"explain_gate/py.typed", "explain_gate/plugin.py"} <= package
    assert any(path.startswith("explain_gate/schemas/") and path.endswith(".json") for path in package)
    assert any(path.startswith("explain_gate/publishing/pages/templates/") for path in package)
    assert package - wheel_names == set()


def test_the_wheel_holds_what_init_writes(wheel_names: set[str]):
    """The top-level checks and thresholds.yaml are in the wheel, once, as the scaffold."""
    checks = tracked("checks/*.py")
    assert checks
    assert {f"explain_gate/commands/scaffold/{path}" for path in checks} <= wheel_names
    assert {"explain_gate/commands/scaffold/thresholds.yaml", "explain_gate/troubleshooting.md"} <= wheel_names


def test_the_scaffold_is_the_project_s_own(wheel: Path):
    """The scaffold is the same text as this project's own gate."""
    with zipfile.ZipFile(wheel) as archive:
        for path in tracked("checks/*.py", "thresholds.yaml"):
            assert archive.read(f"explain_gate/commands/scaffold/{path}") == (ROOT / path).read_bytes(), path


def test_the_wheel_holds_nothing_else(wheel_names: set[str]):
    """No tests, benchmarks, reports, bytecode or checkpoints reach a user's site-packages."""
    outside = {name for name in wheel_names if not name.startswith(("explain_gate/", "explain_gate-"))}
    assert outside == set()
    unwanted = ("tests/", "benchmarks/", "reports/", "__pycache__", ".safetensors", ".pyc", "mlflow.db")
    assert [name for name in wheel_names if any(part in name for part in unwanted)] == []


def test_the_license_is_inside(wheel: Path, wheel_names: set[str], sdist_names: set[str]):
    """The Apache-2.0 text is in both, and the metadata names it."""
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel_names)
    assert "LICENSE" in sdist_names
    assert Parser().parsestr(metadata(wheel, "METADATA"))["License-Expression"] == "Apache-2.0"
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_version_is_the_package_s(wheel: Path):
    """Wheel and `explain_gate.__version__` agree."""
    assert Parser().parsestr(metadata(wheel, "METADATA"))["Version"] == explain_gate.__version__


def test_the_wheel_names_plugin_and_command(wheel: Path):
    """The plugin is found by pytest and the command by a shell through the wheel's entry points."""
    text = metadata(wheel, "entry_points.txt")
    assert "[pytest11]\nexplain_gate = explain_gate.plugin" in text
    assert "[console_scripts]\nexplain-gate = explain_gate.cli:main" in text


def test_the_sdist_can_be_tested(sdist_names: set[str]):
    """The sdist holds the tests, the checks, the pins and the commands, and no published report."""
    wanted = tracked("explain_gate/**/*", "checks/*.py", "tests/**/*.py", "benchmarks/**/*.py")
    wanted |= {"thresholds.yaml", "constraints.txt", "Makefile", "pyproject.toml", "README.md", "CHANGELOG.md"}
    assert wanted - sdist_names == set()
    reports = {name for name in sdist_names if name.startswith("reports/")}
    assert reports <= {"reports/", "reports/README.md"}


def test_the_sdist_holds_what_people_read(sdist_names: set[str]):
    """Papers, rules, manners and documentation."""
    wanted = {"CITATION.cff", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "SECURITY.md", *tracked("docs/*")}
    assert wanted - sdist_names == set()


def test_the_wheel_installs_and_imports_without_a_warning(wheel: Path, tmp_path: Path):
    """With pip, into a folder of its own: the command is there, and no import warns."""
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", site, wheel]
    subprocess.run(install, check=True, timeout=120, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"}
    code = "import explain_gate, explain_gate.plugin, explain_gate.cli; print(explain_gate.__file__)"
    commands = {
        str(site): [sys.executable, "-W", "error", "-c", code],
        "explain-gate, version": [sys.executable, site / "bin" / "explain-gate", "--version"],
        "Usage: explain-gate": [sys.executable, "-W", "error", "-m", "explain_gate", "--help"],
    }
    for told, command in commands.items():
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        assert told in done.stdout


def test_the_wheel_works_in_an_empty_folder(wheel: Path, tmp_path: Path):
    """`init` writes the scaffold from the wheel and `validate` then says what to fill in, without a traceback."""
    site, folder = tmp_path / "site", tmp_path / "shop"
    folder.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)  # noqa: S202 - the wheel was built a moment ago

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        code = "import sys; from explain_gate.cli import main; sys.exit(main())"
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    init = command("init")
    assert init.returncode == 0, init.stdout + init.stderr
    assert (folder / "thresholds.yaml").is_file()
    assert sorted(path.name for path in (folder / "checks").glob("test_*.py")) == sorted(
        path.name for path in (ROOT / "checks").glob("test_*.py")
    )
    validate = command("validate", "--config", "thresholds.yaml")
    message = validate.stdout + validate.stderr
    assert validate.returncode == 4, message
    assert "Traceback" not in message
    assert "thresholds.yaml" in message
    assert f"explained at {(site / 'explain_gate' / 'troubleshooting.md').as_uri()}#fill-in" in message
