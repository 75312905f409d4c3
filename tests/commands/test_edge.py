"""What ends a command ends it with the product's exit code, and says what to do."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from explain_gate.commands.edge import Edge
from explain_gate.errors import ConfigError, DataError, OptionError


@click.group(cls=Edge)
def tool() -> None:
    """A command line of one command."""


@tool.command()
@click.argument("how")
def end(how: str) -> None:
    """End in some way."""
    ends = {
        "config": ConfigError("thresholds.yaml:3: at_lest: unknown key"),
        "data": DataError("a.png: is no image"),
        "ctrl-c": KeyboardInterrupt(),
        "crash": ZeroDivisionError("division by zero"),
    }
    if how in ends:
        raise ends[how]
    click.echo("done")


def call(*arguments: str):
    """Run the tool."""
    return CliRunner().invoke(tool, arguments)


@pytest.mark.parametrize(("how", "error"), [("config", ConfigError), ("data", DataError)])
def test_an_expected_error_is_told_and_has_its_exit_code(how, error):
    """Without a traceback."""
    result = call("end", how)
    assert result.exit_code == error.exit_code
    assert result.stderr.startswith("ERROR: ")
    assert "Traceback" not in result.output


def test_an_interrupt_is_exit_code_2():
    """Click's own is 1, which says here that a rule broke."""
    result = call("end", "ctrl-c")
    assert (result.exit_code, result.stderr) == (2, "interrupted\n")


@pytest.mark.parametrize("arguments", [("end",), ("end", "a", "b"), ("end", "--no-such-option"), ("ende",)])
def test_a_usage_error_is_a_bad_option(arguments):
    """Click's code for it is 2, which says here that a run was interrupted."""
    assert call(*arguments).exit_code == OptionError.exit_code


def test_a_command_that_there_is_not_is_told_with_the_one_that_may_be_meant():
    """One letter off is the usual mistake."""
    assert "No such command 'ende'. Did you mean end?" in call("ende").output


def test_anything_else_stays_a_crash():
    """A fault of ours is not dressed up as a verdict."""
    assert isinstance(call("end", "crash").exception, ZeroDivisionError)


def test_a_command_in_no_group_stands_under_more():
    """So that nobody forgets one."""
    assert "More:\n  end  End in some way." in call("--help").output
