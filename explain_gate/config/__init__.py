"""thresholds.yaml -> a typed description of one gate. Every error names file, line and key; unknown keys are errors.

`sections` is what the file may say, `lines` where each key stands, `faults` how a mistake is told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from explain_gate.config.faults import told_faults
from explain_gate.config.lines import parse
from explain_gate.config.preprocessing import PadSection, PreprocessingSection
from explain_gate.config.sections import Decide, GateFile, RuleSection
from explain_gate.errors import ConfigError

__all__ = [
    "Decide",
    "GateConfig",
    "GateFile",
    "PadSection",
    "PreprocessingSection",
    "RuleSection",
    "json_schema",
    "load_config",
    "read_config",
]

_MOST_BYTES = 2_000_000


def load_config(path: str | Path) -> GateConfig:
    """Read and validate one thresholds.yaml.

    Raises:
        ConfigError: the file is missing or malformed, or a key or value in it is not allowed.
    """
    file = Path(path)
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{file}: cannot be read ({error.strerror}). `explain-gate init` writes a thresholds.yaml to start from."
        ) from error
    return read_config(raw, file)


def read_config(raw: bytes, file: Path) -> GateConfig:
    """Validate the bytes of a thresholds.yaml as if they stood in `file`.

    Raises:
        ConfigError: they are malformed, or a key or value in them is not allowed.
    """
    if len(raw) > _MOST_BYTES:
        raise ConfigError(f"{file}: must be smaller than {_MOST_BYTES} bytes, got {len(raw)}")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: must be UTF-8 text, got a byte that is not at position {error.start}") from error
    data, lines = parse(text, file)
    try:
        sections = GateFile.model_validate(data)
    except ValidationError as error:
        raise ConfigError(told_faults(error, file, lines)) from error
    return GateConfig(
        path=file.absolute(), text=text, digest=hashlib.sha256(raw).hexdigest(), sections=sections, lines=lines
    )


def json_schema() -> dict[str, Any]:
    """The JSON Schema of thresholds.yaml, for editors."""
    schema = GateFile.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "explain-gate thresholds.yaml",
        **schema,
    }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GateConfig:
    """A validated thresholds.yaml with its place on disk; paths in it are relative to the file."""

    path: Path
    text: str
    digest: str
    sections: GateFile
    lines: Mapping[tuple[str | int, ...], int]

    def resolve(self, path: Path) -> Path:
        """A path of the file as an absolute path."""
        return path if path.is_absolute() else self.path.parent / path

    def line(self, *keys: str | int) -> int:
        """The line of a key, or of the nearest enclosing one."""
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return self.lines.get(keys, 1)

    def rules(self) -> Iterator[tuple[str, RuleSection, int]]:
        """Every rule as ("family.metric", rule, line), in the order of the file."""
        for family, metrics in self.sections.checks.items():
            for metric, rule in (metrics or {}).items():
                yield f"{family}.{metric}", rule, self.line("checks", family, metric)

    def method_options(self) -> dict[str, dict[str, Any]]:
        """Options by method name."""
        return {name: dict(options or {}) for name, options in self.sections.methods.items()}

    def require_filled(self, *given: str) -> None:
        """Nothing under model or data still says FILL_IN, as `init` wrote it, but for keys that are `given` otherwise.

        Raises:
            ConfigError: every key that does, with its line.
        """
        dumped = self.sections.model_dump(mode="json", include={"model", "data"}, exclude_none=True)
        keys = [keys for keys in _placeholders(dumped, ()) if ".".join(map(str, keys)) not in given]
        if keys:
            raise ConfigError(
                "\n".join(f"{self.path}:{self.line(*one)}: {'.'.join(map(str, one))}: {_LEFT}" for one in keys)
            )

    def error(self, message: str, *keys: str | int) -> ConfigError:
        """A ConfigError that points at a key."""
        return ConfigError(f"{self.path}:{self.line(*keys)}: {'.'.join(map(str, keys))}: {message}")


_LEFT = "still says FILL_IN; write yours in its place"


def _placeholders(value: Any, keys: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    """The keys of values that `init` left to be filled in."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        if "FILL_IN" in str(key):
            yield keys
        yield from _placeholders(inner, (*keys, key))
    if isinstance(value, str) and "FILL_IN" in value:
        yield keys
