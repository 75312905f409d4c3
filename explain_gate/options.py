"""The options of a run, in one table: the fields of `RunOptions`.

The command line, pytest's options, its ini file and docs/options.md are made from it; a new option is a new field.
Every pytest run of the environment loads this module, so it imports little.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from explain_gate.errors import OptionError

_ROW = "option"
_MOST_WORKERS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One row of the table: how a field of `RunOptions` is asked for.

    `name` is what is typed after `--`, or after `--explain-` in pytest. `default` is the field's value where nothing is
    asked for. A `metavar` of None says that it is a switch, which turns the default over. `read` turns text into the
    field's value and raises OptionError. `ini` says whether pytest's ini file may hold it. A hidden one is handed from
    `explain-gate run` to the process that it starts, and shown nowhere.
    """

    field: str
    name: str
    help: str
    default: Any
    metavar: str | None
    choices: tuple[str, ...]
    read: Callable[[str], Any]
    ini: bool
    hidden: bool

    @property
    def key(self) -> str:
        """Its name as an identifier: `tracking_uri`."""
        return self.name.replace("-", "_")

    @property
    def is_switch(self) -> bool:
        """Whether it takes no value."""
        return self.metavar is None

    @property
    def text(self) -> str:
        """Its help with the default."""
        return self.help if self.is_switch or self.default is None else f"{self.help}; default: {self.default}"

    def value(self, text: str) -> Any:
        """The field's value for what was typed.

        Raises:
            OptionError: it must be something else.
        """
        if self.choices and text not in self.choices:
            raise OptionError(f"{self.name} must be one of {', '.join(self.choices)}, got {text}")
        return self.read(text)


def parse_bytes(text: str) -> int:
    """`2G`, `512M`, `1000000` -> bytes.

    Raises:
        OptionError: anything else.
    """
    units = {"K": 2**10, "M": 2**20, "G": 2**30}
    number, unit = (text[:-1], units[text[-1].upper()]) if text[-1:].upper() in units else (text, 1)
    try:
        return int(float(number) * unit)
    except (ValueError, OverflowError) as error:
        raise OptionError(f"a size must be a number of bytes such as 2G or 512M, got {text}") from error


def _parse_workers(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= _MOST_WORKERS:
        raise OptionError(f"workers must be a number from 1 to {_MOST_WORKERS}, got {text}")
    return int(text)


def _parse_seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise OptionError(f"a time must be a number of seconds such as 600, got {text}")
    return seconds


def _option(
    default: Any,
    text: str,
    metavar: str | None,
    *,
    name: str | None = None,
    choices: tuple[str, ...] = (),
    read: Callable[[str], Any] = str,
    ini: bool = True,
    hidden: bool = False,
) -> Any:
    columns = {"name": name, "help": text, "metavar": metavar, "choices": choices, "read": read, "ini": ini}
    return dataclasses.field(default=default, metadata={_ROW: {**columns, "hidden": hidden}})


def _switch(text: str, *, default: bool = False, name: str | None = None) -> Any:
    return _option(default, text, None, name=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a run is asked for beside thresholds.yaml; plain values, so that they travel to other processes."""

    config: str = _option("thresholds.yaml", "The gate's thresholds.yaml", "FILE")
    source: str | None = _option(None, "Overrides model.source", "SOURCE", name="model")
    checkpoint: str | None = _option(None, "Overrides model.checkpoint; a file or models:/NAME@ALIAS", "FILE")
    reference: str | None = _option(
        None,
        "The version that max_drop and max_rise compare with: a run's folder, run:ID, models:/NAME@ALIAS, a checkpoint",
        "REF",
    )
    no_weaker: bool = _switch(
        "Fail where the run asks for less than that of its reference: a rule, a bound, an image, a class, a waiver more"
    )
    bootstrap: bool = _switch("Start without a reference although rules compare with one")
    reference_mismatch: str = _option(
        "refuse",
        "What to do with a reference that is not comparable",
        "refuse|remeasure",
        choices=("refuse", "remeasure"),
    )
    only: str | None = _option(
        None,
        "Look at these rules alone, such as alignment.iou or reliance.background_gap[all]: exit 1 where one breaks, "
        "else 3; nothing is recorded",
        "RULE",
        ini=False,
    )
    quick: bool = _switch(
        "Ask what catches most per pass, for every push; it passes nothing for a merge and moves no alias"
    )
    image: str | None = _option(None, "With --only: ask this image alone", "ID", ini=False)
    time_limit: float | None = _option(
        None,
        "End after so many seconds of measuring with exit code 3; the same command goes on from there",
        "SECONDS",
        read=_parse_seconds,
    )
    output: str | None = _option(None, "Where the report goes; default: reports/<time>-<model digest>", "DIR")
    device: str = _option("auto", "auto, cpu, cuda, cuda:N or mps", "DEVICE")
    dtype: str = _option(
        "float32",
        "float32, or bfloat16 for CAM methods and metrics of behaviour",
        "float32|bfloat16",
        choices=("float32", "bfloat16"),
    )
    tracking_uri: str | None = _option(None, "Overrides tracking.uri", "URI")
    tracking: bool = _switch("Do not record the run in MLflow", default=True, name="no-tracking")
    # Not an ini option: a person allows it for one run, with the reason that goes on record.
    allow_alias_back: str | None = _option(
        None,
        "Let tracking.promote's alias move back to this earlier version when it passes; the reason goes on record",
        "REASON",
        ini=False,
    )
    memory_budget: int | None = _option(
        None,
        "Most memory for one chunk of work, such as 2G; default: a share of what is free",
        "BYTES",
        read=parse_bytes,
    )
    cache_dir: str | None = _option(
        None, "Where measured numbers are kept; default: .explain-gate/cache beside thresholds.yaml", "DIR"
    )
    cache_size: int | None = _option(None, "Most bytes the cache keeps; default: 4G", "BYTES", read=parse_bytes)
    cache: bool = _switch("Measure everything anew and keep nothing", default=True, name="no-cache")
    workers: int | None = _option(
        None,
        "Processes that measure, one GPU each where there are several; default: 1, with Ray every GPU",
        "N",
        read=_parse_workers,
    )
    engine: str = _option(
        "local", "Who measures: this machine, or Ray's workers", "local|ray", choices=("local", "ray")
    )
    ray_address: str | None = _option(
        None, "The Ray cluster, host:port or auto; default: $RAY_ADDRESS, else one started here", "ADDRESS"
    )
    allow_pickle: bool = _switch("Load registered models whose files run code when they are read")
    run_id: str = _option("", "What verdict.json calls this run", "ID", ini=False, hidden=True)
    handover: str | None = _option(None, "Where the verdict's place is left", "DIR", ini=False, hidden=True)


def _row(field: dataclasses.Field[Any]) -> Option:
    columns = dict(field.metadata[_ROW])
    name = columns.pop("name") or field.name.replace("_", "-")
    return Option(field=field.name, name=name, default=field.default, **columns)


OPTIONS: tuple[Option, ...] = tuple(_row(field) for field in dataclasses.fields(RunOptions))
"""Every option of a run, in the order in which help shows them."""


def read_options(
    given: Mapping[str, str | bool | None], standing: Mapping[str, str | bool] | None = None
) -> RunOptions:
    """The options of a run from what was typed.

    Args:
        given: text, or True for a switch, by key; None, an empty text and a missing key ask for nothing.
        standing: the same for what a settings file asks for; what is typed stands before it.

    Raises:
        OptionError: a value is not one that its option takes, or two options contradict each other.
    """
    asked = {option: given.get(option.key) or (standing or {}).get(option.key) for option in OPTIONS}
    values: dict[str, Any] = {
        option.field: not option.default if option.is_switch else option.value(str(text))
        for option, text in asked.items()
        if text
    }
    options = RunOptions(**values)
    if options.quick and options.only is not None:
        raise OptionError("--quick and --only ask for different parts of the gate; give one of them")
    if options.image is not None and options.only is None:
        raise OptionError("--image is for --only: name the rules to look at, such as --only alignment.iou")
    if given.get("ray_address") and options.engine != "ray":
        raise OptionError(f"--ray-address is for --engine ray, got --engine {options.engine}")
    return options


def pytest_arguments(given: Mapping[str, str | bool | None]) -> list[str]:
    """The command line of pytest that asks for the same.

    Args:
        given: as for `read_options`.
    """
    return [
        f"--explain-{option.name}" if option.is_switch else f"--explain-{option.name}={given[option.key]}"
        for option in OPTIONS
        if given.get(option.key)
    ]


def documentation() -> str:
    """docs/options.md: the table for people; `python -m explain_gate.options > docs/options.md` writes it."""
    lines = [
        "# Options of a run",
        "",
        "`explain-gate run` and `pytest checks/ --explain` take the same ones; an ini option stands in `pytest.ini`,",
        "`[tool.pytest.ini_options]` of pyproject.toml, `tox.ini` or `setup.cfg`, and gives way to what is typed.",
        "",
        "| explain-gate run | pytest | ini | what it does |",
        "|---|---|---|---|",
    ]
    for option in OPTIONS:
        if option.hidden:
            continue
        value = "" if option.metavar is None else " " + option.metavar.replace("|", "\\|")
        ini = f"`explain_{option.key}`" if option.ini else "none"
        text = option.text.replace("|", "\\|").replace("<", "&lt;")
        lines.append(f"| `--{option.name}{value}` | `--explain-{option.name}` | {ini} | {text} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(documentation(), end="")  # noqa: T201 - printing is what the module does when it is run
