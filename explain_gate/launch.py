"""`explain-gate run`: the same tests as `pytest checks/ --explain`, started with the same options."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from explain_gate.scaffold import packaged_checks, packaged_checks_settings


def launch(config: str, *, flags: Sequence[str] = (), **options: str | None) -> int:
    """Run the gate's tests in this process; returns pytest's exit code.

    Args:
        config: path of thresholds.yaml. Tests come from checks/ beside it, else from the installed package.
        flags: names of the plugin's switches without the prefix: no-tracking, bootstrap, allow-pickle.
        options: names of the plugin's options without the prefix; None leaves the default.
    """
    own = Path(config).absolute().parent / "checks"
    checks = own if own.is_dir() else packaged_checks()
    arguments = [
        str(checks),
        "--explain",
        f"--explain-config={config}",
        # The team's own pytest options (coverage bars, parallel runs) are not meant for the gate.
        *("-o", "addopts="),
        "--import-mode=importlib",
        *("-p", "no:cacheprovider"),
        *("-p", "explain_gate"),
        *("-p", "no:warnings"),
        "--no-header",
        "--tb=no",
        "-qq",
        "-rN",
    ]
    if not own.is_dir():
        folder = Path(config).absolute().parent
        arguments += [f"--rootdir={folder}", "-c", str(_settings_of(folder))]
    arguments += [f"--explain-{flag}" for flag in flags]
    for name, value in options.items():
        if value is not None:
            arguments.append(f"--explain-{name.replace('_', '-')}={value}")
    return int(pytest.main(arguments))


def _settings_of(folder: Path) -> Path:
    """The repository's own pytest settings, which pytest would not find from the packaged checks; else empty ones."""
    own = [folder / name for name in ("pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")]
    return next((path for path in own if path.is_file()), packaged_checks_settings())
