"""One table of run options: whoever asks, on the command line, in pytest or in an ini file, gets the same run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click
import pytest

from explain_gate.cli import main
from explain_gate.errors import OptionError
from explain_gate.options import OPTIONS, RunOptions, documentation, parse_bytes, pytest_arguments, read_options

SHOWN = [option for option in OPTIONS if not option.hidden]
TYPED = {"memory-budget": "2G", "cache-size": "512M", "workers": "3", "reference-mismatch": "remeasure",
         "engine": "ray", "dtype": "bfloat16", "time-limit": "600"}  # fmt: skip
"""Values for options that do not take any text."""


def typed(option) -> str | bool:
    return True if option.is_switch else TYPED.get(option.name, f"some-{option.name}")


def test_nothing_asked_for_is_every_default():
    """Missing keys, None, empty text and False ask for nothing."""
    nothing = {option.key: None for option in OPTIONS}
    assert read_options({}) == read_options(nothing) == read_options({**nothing, "output": "", "no_cache": False})
    assert read_options({}) == RunOptions()


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_an_option_changes_its_field_and_no_other(option):
    """Each row of the table reaches the run."""
    company = {"ray-address": {"engine": "ray"}, "image": {"only": "alignment"}}.get(option.name, {})
    changed, before = read_options({option.key: typed(option), **company}), read_options(company)
    different = {
        field.name
        for field in dataclasses.fields(RunOptions)
        if getattr(changed, field.name) != getattr(before, field.name)
    }
    assert different == {option.field}


def test_every_option_is_on_the_command_line_in_pytest_and_in_the_ini_file(pytestconfig):
    """What one of them takes, the others take; what is handed on between processes is shown nowhere."""
    command = main.commands["run"]
    names = {name for parameter in command.params for name in parameter.opts if isinstance(parameter, click.Option)}
    assert names == {f"--{option.name}" for option in SHOWN}
    for option in OPTIONS:
        default = pytestconfig.getoption(f"--explain-{option.name}")
        assert default == (False if option.is_switch else None)
        if option.ini:
            assert pytestconfig.getini(f"explain_{option.key}") == (False if option.is_switch else "")


def test_what_is_typed_for_run_reaches_the_process_that_measures():
    """The measuring process reads the same options from its own command line."""
    given = {option.key: typed(option) for option in OPTIONS if option.name != "quick"}  # which --only excludes
    arguments = dict(argument.partition("=")[::2] for argument in pytest_arguments(given))
    received = {key: arguments[f"--explain-{key.replace('_', '-')}"] or True for key in given}
    assert read_options(received) == read_options(given)


def test_what_is_typed_stands_before_the_ini_file():
    """A value of the settings file gives way; a switch that it turns over stays so."""
    standing = {"device": "cuda:1", "workers": "2", "no_tracking": True}
    options = read_options({"device": "cpu", "no_tracking": False}, standing)
    assert (options.device, options.workers, options.tracking) == ("cpu", 2, False)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"engine": "dask"}, "engine must be one of local, ray, got dask"),
        ({"dtype": "float16"}, "dtype must be one of float32, bfloat16, got float16"),
        ({"reference_mismatch": "ignore"}, "reference-mismatch must be one of refuse, remeasure, got ignore"),
        ({"workers": "0"}, "workers must be a number from 1 to 1024, got 0"),
        ({"workers": "two"}, "workers must be a number from 1 to 1024, got two"),
        ({"memory_budget": "lots"}, "a size must be a number of bytes such as 2G or 512M, got lots"),
        ({"cache_size": "4X"}, "a size must be a number of bytes such as 2G or 512M, got 4X"),
        ({"time_limit": "soon"}, "a time must be a number of seconds such as 600, got soon"),
        ({"time_limit": "0"}, "a time must be a number of seconds such as 600, got 0"),
        ({"quick": True, "only": "alignment"}, "--quick and --only ask for different parts"),
        ({"image": "a.png"}, "--image is for --only"),
        ({"ray_address": "head:6379"}, "--ray-address is for --engine ray, got --engine local"),
    ],
)
def test_what_an_option_does_not_take_is_told_with_what_it_takes(given, told):
    """The rule, then what came."""
    with pytest.raises(OptionError, match=told):
        read_options(given)


def test_an_address_in_the_ini_file_is_no_contradiction():
    """It stands for the runs that ask for Ray."""
    assert read_options({}, {"ray_address": "head:6379"}).engine == "local"


@pytest.mark.parametrize(("text", "count"), [("1000", 1000), ("2K", 2048), ("1.5m", 3 * 2**19), ("2G", 2**31)])
def test_sizes_have_units(text, count):
    """Powers of 1024, in either case."""
    assert parse_bytes(text) == count


def test_the_documentation_is_the_table():
    """docs/options.md is what `python -m explain_gate.options` prints."""
    path = Path(__file__).parents[1] / "docs" / "options.md"
    assert path.read_text(encoding="utf-8") == documentation()
    assert all(f"`--{option.name}" in documentation() for option in SHOWN)
