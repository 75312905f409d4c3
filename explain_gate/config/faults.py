"""What pydantic refuses, told with file, line, key and what to write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from explain_gate.config.preprocessing import PadSection, PreprocessingSection
from explain_gate.config.sections import (
    DataSection,
    GateFile,
    JudgingSection,
    ModelSection,
    PromoteSection,
    PublishSection,
    RuleSection,
    TaskSection,
    TrackingSection,
    WaiverSection,
)
from explain_gate.errors import did_you_mean


def told_faults(error: ValidationError, file: Path, lines: Mapping[tuple[str | int, ...], int]) -> str:
    """All problems, one a line, each with file, line, key, what is wrong and what to write."""
    problems: dict[str, None] = {}
    for problem in error.errors():
        keys = tuple(problem["loc"])
        while keys and keys not in lines:
            keys = keys[:-1]
        # A union reports one problem per alternative under made-up keys; the path in the file is what counts.
        path = keys or tuple(problem["loc"])
        if problem["type"] == "missing":
            path = tuple(problem["loc"])
        where = f"{file}:{lines.get(keys, 1)}: {'.'.join(map(str, path)) or 'the file'}"
        problems[f"{where}: {_sentence(problem)}"] = None
    return "\n".join(problems)


def _sentence(problem: Any) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "extra_forbidden":
        section, key = _section_at(problem["loc"][:-1]), str(problem["loc"][-1])
        if section is None:
            return "unknown key"
        return f"unknown key; {_near(key, section)}allowed here: {allowed_keys(section)}"
    if kind == "missing":
        return "is missing"
    if kind == "value_error":
        return str(context.get("error", problem["msg"]))
    value = problem["input"]
    if kind == "literal_error" and isinstance(value, str):
        near = did_you_mean(value, re.findall(r"'([^']+)'", context.get("expected", "")))
        return f"must be {context.get('expected')}; {near}got {value!r}"
    shown = repr(value) if isinstance(value, str | int | float | bool | None) else type(value).__name__
    return f"{problem['msg'][0].lower()}{problem['msg'][1:]}, got {shown}"


def _section_at(loc: tuple[str | int, ...]) -> type[BaseModel] | None:
    """The section class behind a path of keys, for the list of allowed keys."""
    if not loc:
        return GateFile
    homes: dict[str, type[BaseModel]] = {
        "model": ModelSection,
        "data": DataSection,
        "judging": JudgingSection,
        "checks": RuleSection,
        "waivers": WaiverSection,
        "tracking": TrackingSection,
        "publish": PublishSection,
    }
    section = homes.get(str(loc[0]))
    if section is ModelSection and "task" in loc:
        return TaskSection
    if section is DataSection and "preprocessing" in loc:
        return PadSection if "pad" in loc else PreprocessingSection
    if section is TrackingSection and "promote" in loc:
        return PromoteSection
    return section


def _near(key: str, section: type[BaseModel]) -> str:
    """The key that may be meant: one of this section that is spelled so, else the same in another."""
    names = [field.alias or name for name, field in section.model_fields.items()]
    if near := did_you_mean(key, names):
        return near
    homes: dict[str, type[BaseModel]] = {"model": ModelSection, "data": DataSection, "": GateFile}
    homes["data.preprocessing"] = PreprocessingSection
    home = next((home for home, other in homes.items() if other is not section and key in other.model_fields), None)
    place = "the top of the file" if home == "" else home
    return "" if home is None else f"it belongs to {place}; "


def allowed_keys(section: type[BaseModel]) -> str:
    """The keys of a section, as a sentence lists them."""
    return ", ".join(field.alias or name for name, field in section.model_fields.items())
