"""YAML text -> its data, and the line on which each key stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from explain_gate.config.faults import allowed_keys
from explain_gate.config.sections import GateFile
from explain_gate.errors import ConfigError

_MOST_NODES = 100_000  # a file of aliases to aliases must not fill the memory


def parse(text: str, file: Path) -> tuple[Any, dict[tuple[str | int, ...], int]]:
    """What a thresholds.yaml says, and the line of each key by the keys that lead to it.

    Raises:
        ConfigError: it is no YAML or no mapping, a key stands twice, or its aliases never end.
    """
    loader = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            raise ConfigError(f"{file}:1: the file is empty. `explain-gate init` writes one to start from.")
        lines: dict[tuple[str | int, ...], int] = {}
        _index(node, (), lines, file, [0], frozenset())
        data = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigError(f"{file}:{line}: not valid YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise ConfigError(f"{file}:1: not valid YAML: {error}") from error
    finally:
        if loader is not None:
            loader.dispose()
    if not isinstance(data, dict):
        raise ConfigError(
            f"{file}:1: must be a mapping with the keys {allowed_keys(GateFile)}, got {type(data).__name__}"
        )
    return data, lines


def _index(
    node: yaml.Node,
    keys: tuple[str | int, ...],
    lines: dict[tuple[str | int, ...], int],
    file: Path,
    count: list[int],
    above: frozenset[int],
) -> None:
    """Remember the line of every key; refuse duplicate keys, endless and exploding aliases."""
    count[0] += 1
    if count[0] > _MOST_NODES or id(node) in above or len(keys) > 50:
        raise ConfigError(f"{file}:{node.start_mark.line + 1}: aliases that repeat themselves are not allowed")
    lines.setdefault(keys, node.start_mark.line + 1)
    above = above | {id(node)}
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise ConfigError(f"{file}:{line}: a key must be plain text")
            if key.value in seen:
                raise ConfigError(f"{file}:{line}: {'.'.join(map(str, (*keys, key.value)))}: the key is written twice")
            seen.add(key.value)
            lines[(*keys, key.value)] = line
            _index(value, (*keys, key.value), lines, file, count, above)
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            _index(value, (*keys, position), lines, file, count, above)
