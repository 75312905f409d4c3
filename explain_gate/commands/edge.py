"""The outer edge of the command line: expected errors, interrupts and usage errors get the product's exit codes."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from typing import Any

import click

from explain_gate.errors import ExplainGateError, OptionError, did_you_mean
from explain_gate.troubleshooting import told_with_link

_INTERRUPTED = 2


GROUPS = {
    "Begin": ("init", "validate", "demo"),
    "Gate": ("run", "calibrate", "compare", "history"),
    "Decide and record": ("approve", "lesson", "publish", "attest", "verify"),
    "Look closer": ("render", "review", "labels", "study"),
    "Keep house": ("cache", "schema", "upgrade", "report-bug"),
}
"""Commands as `--help` shows them; what is in none of them stands under More."""
_WHOLE = 300
"""Characters of a first sentence: none is cut."""


class Edge(click.Group):
    """Gives expected errors, interrupts and usage errors the product's exit codes; anything else stays a crash."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Commands in groups, in the order in which somebody needs them."""
        named = {name for names in GROUPS.values() for name in names}
        groups = {**GROUPS, "More": tuple(name for name in self.list_commands(ctx) if name not in named)}
        for title, names in groups.items():
            rows = [(name, self.commands[name].get_short_help_str(_WHOLE)) for name in names if name in self.commands]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does; a command that there is not is told with the one that may be meant."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            near = did_you_mean(args[0], self.commands).strip()
            ctx.fail(f"No such command {args[0]!r}. {near[:1].upper()}{near[1:]}".strip())
        return super().resolve_command(ctx, args)

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        """As click does, with the exit code of a bad option."""
        _print_what_a_terminal_cannot()
        with _usage_errors_are_bad_options():
            return super().make_context(*arguments, **more)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what it raises is told, with a link that explains it, and becomes the exit code."""
        try:
            with _usage_errors_are_bad_options():
                return super().invoke(ctx)
        except ExplainGateError as error:
            click.echo(f"ERROR: {told_with_link(error)}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(_INTERRUPTED)


def _print_what_a_terminal_cannot() -> None:
    """A name that the terminal has no letters for is written by number, and ends no command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def _usage_errors_are_bad_options() -> Iterator[None]:
    """The code that click gives them is 2, which says here that a run was interrupted."""
    try:
        yield
    except click.UsageError as error:
        error.show()
        raise click.exceptions.Exit(OptionError.exit_code) from error
