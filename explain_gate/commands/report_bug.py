"""`explain-gate report-bug`: one archive for an issue, with what it takes to understand a fault and nothing private.

No picture, no map, no weight, no annotation; passwords and tokens hidden. The list of files is printed, so that whoever
sends it knows what is in it.
"""

from __future__ import annotations

import json
import platform
import zipfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from explain_gate import __version__
from explain_gate.config import load_config
from explain_gate.errors import ExplainGateError, OptionError, ReferenceError
from explain_gate.profile.manifest import read_manifest
from explain_gate.redact import redact

_TEXTS = ("verdict.json", "junit.xml", "summary.md")
_MANIFEST = Path("profile") / "manifest.json"


def report_bug(config: str, run: Path | None, output: Path, *, say: Callable[[str], None]) -> None:
    """Write the archive.

    Args:
        config: thresholds.yaml; left out where there is none, told where it cannot be read.
        run: a run's output folder, None for none.
        output: the archive; an existing file stays.
        say: is told what is in it.

    Raises:
        OptionError: the archive is there already or cannot be written, or the folder holds no run.
    """
    if run is not None and not any((run / name).is_file() for name in _TEXTS):
        raise OptionError(f"{run}: must be a run's output folder, but there is none of {', '.join(_TEXTS)} in it")
    texts = {"versions.json": _versions(), **_rules(Path(config)), **(_run(run) if run is not None else {})}
    try:
        with zipfile.ZipFile(output, "x", zipfile.ZIP_DEFLATED) as archive:
            for name, text in texts.items():
                archive.writestr(name, redact(text).encode("utf-8", "backslashreplace"))
    except FileExistsError as error:
        raise OptionError(f"{output}: is there already; give another name with --output") from error
    except OSError as error:
        raise OptionError(f"{output}: cannot be written: {error.strerror}") from error
    for name, text in texts.items():
        say(f"  {name}  {len(text.encode('utf-8', 'replace')):,} bytes")
    say(
        f"{output}: no picture, map, weight or annotation is in it, and secrets are hidden. Read it before you send it."
    )


def _versions() -> str:
    installed = {one.metadata["Name"]: one.version for one in metadata.distributions() if one.metadata["Name"]}
    told = {
        "explain_gate": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": dict(sorted(installed.items(), key=lambda pair: pair[0].lower())),
    }
    return json.dumps(told, indent=1) + "\n"


def _rules(config: Path) -> dict[str, str]:
    """thresholds.yaml as it stands, and what is wrong with it."""
    if not config.is_file():
        return {}
    texts = {"thresholds.yaml": config.read_text(encoding="utf-8", errors="replace")}
    try:
        load_config(config)
    except ExplainGateError as error:
        texts["thresholds.error.txt"] = f"{error}\n"
    return texts


def _run(folder: Path) -> dict[str, str]:
    """The verdict in its forms, and the manifest without the digests of its files."""
    texts = {
        name: (folder / name).read_text(encoding="utf-8", errors="replace")
        for name in _TEXTS
        if (folder / name).is_file()
    }
    path = folder / _MANIFEST
    if path.is_file():
        text = path.read_text(encoding="utf-8", errors="replace")
        try:
            texts["manifest.json"] = json.dumps({**read_manifest(text, str(path)), "files": None}, indent=1) + "\n"
        except ReferenceError as error:
            texts["manifest.error.txt"] = f"{error}\n"
    return texts
