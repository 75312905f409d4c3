"""`explain-gate upgrade`: an old thresholds.yaml as today's scaffold would write it; what a team chose itself stays.

Rules that an earlier scaffold wrote, and nobody changed, become today's. Comments, order and unknown keys stay.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explain_gate.commands.earlier_rules import EARLIER
from explain_gate.commands.scaffold import rules_that_are_on
from explain_gate.config import read_config
from explain_gate.errors import ConfigError, OptionError
from explain_gate.profile.files import write_whole

_SCHEMA = "# yaml-language-server: $schema=.explain-gate/thresholds.schema.json"
_SCHEMA_LINE = re.compile(r"\A# yaml-language-server: \$schema=https?://\S+explain[-_]gate\S*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgraded:
    """The new text; what was changed in it, and what stays although it asks for attention, a sentence each."""

    text: str
    changes: tuple[str, ...]
    stays: tuple[str, ...]


def upgrade(path: Path, *, check: bool, say: Callable[[str], None]) -> int:
    """Rewrite the file where something in it is of an earlier scaffold; returns 1 where `check` only tells so.

    Raises:
        OptionError: ruamel.yaml is not installed, or the file cannot be written.
        ConfigError: the file cannot be read, or is no YAML.
    """
    try:
        raw = path.read_bytes()
        done = upgraded(raw.decode("utf-8"), path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: must be UTF-8 text, got a byte that is not at position {error.start}") from error
    for told in done.changes:
        say(f"change {told}")
    for told in done.stays:
        say(f"stays  {told}")
    if not done.changes:
        say(f"{path}: is as today's scaffold would write it; nothing was changed")
        return 0
    if check:
        say(f"{path}: {len(done.changes)} changes; `explain-gate upgrade --config {path}` writes them")
        return 1
    _write(path, done.text)
    say(f"wrote  {path}; read the difference, then `explain-gate validate`. Against a reference of the old rules")
    say("       --no-weaker tells what asks for less, until a version is approved by the new ones.")
    return 0


def upgraded(text: str, path: Path) -> Upgraded:
    """What `upgrade` would write.

    Raises:
        OptionError: ruamel.yaml is not installed.
        ConfigError: the text is no YAML, or no mapping.
    """
    round_trip = _yaml(text)
    try:
        document = round_trip.load(text)
    except Exception as error:  # its own errors have no public base beside Exception
        raise ConfigError(f"{path}: not valid YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{path}:1: must be a mapping, got {type(document).__name__}")
    changes = [*_rules(document, path), *_decided(document, path)]
    if changes:
        stream = io.StringIO()
        round_trip.dump(document, stream)
        text = stream.getvalue()
    if _SCHEMA_LINE.search(text):
        text = _SCHEMA_LINE.sub(_SCHEMA, text)
        changes.append(f"{path}:1: the schema is the one that `explain-gate schema` prints, no longer an address")
    return Upgraded(text=text, changes=tuple(changes), stays=(*_unknown(text, path), *_missing(document, path)))


def _rules(document: Any, path: Path) -> list[str]:
    """Put today's rule where one stands that an earlier scaffold wrote."""
    changes = []
    for check, rule, line in _each_rule(document):
        today = rules_that_are_on().get(check)
        if today is None or _plain(rule) == dict(today) or _plain(rule) not in map(dict, EARLIER.get(check, ())):
            continue
        before = _plain(rule)
        for key in [key for key in rule if key not in today]:
            del rule[key]
        for key, value in today.items():
            rule[key] = value
        judging = document.get("judging")
        if "must_catch" in today and isinstance(judging, dict) and judging.get("decide") == "value":
            rule["decide"] = "evidence"
        changes.append(f"{path}:{line}: checks.{check}: {_shown(before)} becomes {_shown(_plain(rule))}")
    return changes


def _decided(document: Any, path: Path) -> list[str]:
    """Rules that say must_catch count images only where the file says so."""
    counts = any("must_catch" in rule for _, rule, _ in _each_rule(document))
    judging = document.get("judging")
    if not counts or (isinstance(judging, dict) and "decide" in judging):
        return []
    if isinstance(judging, dict):
        judging["decide"] = "evidence"
    else:
        document.insert(list(document).index("checks"), "judging", {"decide": "evidence"})
    return [f"{path}: judging.decide: evidence, so that rules with must_catch count images"]


def _unknown(text: str, path: Path) -> list[str]:
    """What today's reader refuses: it stays, and somebody has to look."""
    try:
        read_config(text.encode("utf-8"), path)
    except ConfigError as error:
        return str(error).splitlines()
    return []


def _missing(document: Any, path: Path) -> list[str]:
    there = {check for check, _, _ in _each_rule(document)}
    new = [check for check, rule in rules_that_are_on().items() if check not in there and "must_catch" in rule]
    if not new:
        return []
    return [
        f"{path}: today's scaffold also asks for {', '.join(new)}; `explain-gate init` in an empty folder shows how"
    ]


def _each_rule(document: Any) -> list[tuple[str, Any, int]]:
    """Every rule as (check, mapping, line)."""
    families = document.get("checks")
    return [
        (f"{family}.{name}", rule, rules.lc.key(name)[0] + 1)
        for family, rules in (families.items() if isinstance(families, dict) else ())
        for name, rule in (rules.items() if isinstance(rules, dict) else ())
        if isinstance(rule, dict)
    ]


def _plain(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Without what ruamel remembers of places and comments."""
    return {
        key: dict(value) if isinstance(value, dict) else list(value) if isinstance(value, list) else value
        for key, value in rule.items()
    }


def _shown(rule: Mapping[str, Any]) -> str:
    return (
        "{"
        + ", ".join(f"{key}: {str(value).lower() if isinstance(value, bool) else value}" for key, value in rule.items())
        + "}"
    )


def _yaml(text: str) -> Any:
    """A reader and writer that keeps comments, quotes and the indentation of lists; a tag builds no object."""
    try:
        from ruamel.yaml import YAML
    except ModuleNotFoundError as error:
        raise OptionError(
            "upgrade needs ruamel.yaml, which keeps comments: pip install 'explain-gate[upgrade]'"
        ) from error
    round_trip = YAML(typ="rt")
    round_trip.preserve_quotes = True
    round_trip.width = 10_000
    if re.search(r"^(\w+):.*\n(?: *#.*\n)*  - ", text, re.MULTILINE):
        round_trip.indent(mapping=2, sequence=4, offset=2)
    return round_trip


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, text.encode("utf-8"))
    except OSError as error:
        raise OptionError(f"{path}: cannot be written ({error.strerror})") from error
