"""What a pytest session with --explain comes to: one verdict, published, handed over and shown."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explain_gate.errors import ExplainGateError, told_error
from explain_gate.session.unfinished import publish_unfinished, unfinished_verdict

if TYPE_CHECKING:
    from explain_gate.options import RunOptions
    from explain_gate.records import FailedTest, Rule, Verdict
    from explain_gate.session.handover import Handover
    from explain_gate.session.results import Results
    from explain_gate.session.run import GateSession

_UNFINISHED = (2, 4, 5)


class Ending:
    """The end of one session. `verdict` is None until there is one, `output` where no folder holds it.

    Args:
        options: of the run.
        handover: what the starting process gave, None where there is none.
    """

    def __init__(self, options: RunOptions, handover: Handover | None) -> None:
        self.options = options
        self.verdict: Verdict | None = None
        self.output: Path | None = None
        self._handover = handover
        self._recorded: str | None = None
        self._started = dt.datetime.now().astimezone().isoformat(timespec="seconds")
        self._shown = False

    def conclude(self, session: GateSession, results: Results) -> None:
        """Conclude the verdict from what the tests reported, publish and record it."""
        failed = tuple(results.failed_tests.values())
        try:
            findings = tuple(results.findings[rule.key] for rule in session.rules if rule.key in results.findings)
            finished = session.finish(session.conclude(findings, failed_tests=failed, messages=results.faults))
        except KeyboardInterrupt as error:
            code, reason = 2, f"interrupted by {error or 'Ctrl-C'} while the report was written"
        except ExplainGateError as error:
            code, reason = 3, str(error)
        except Exception as error:  # noqa: BLE001 - a verdict that cannot be concluded is none, whatever the reason
            traceback.print_exception(error)
            code, reason = 3, f"internal error: {told_error(error)}"
        else:
            self.verdict, self.output, self._recorded = finished.verdict, finished.output, finished.recorded
            self._announce(self.output)
            return
        session.discard()
        self.stop(code, [reason], planned=session.rules, failed_tests=failed)

    def stop(
        self,
        exit_code: int,
        messages: Sequence[str],
        *,
        planned: Sequence[Rule] = (),
        failed_tests: Sequence[FailedTest] = (),
    ) -> None:
        """Publish the verdict of a session without one: 2 interrupted, 3 broken, 4 refused, 5 nothing planned."""
        self.verdict = unfinished_verdict(
            self.options,
            exit_code=exit_code,
            messages=messages,
            started=self._started,
            planned=planned,
            failed_tests=failed_tests,
        )
        self.output = publish_unfinished(self.verdict, self.options.output)
        folder = self.output
        if self._handover is not None and folder is None:
            from explain_gate.publishing.publish import write_verdict

            folder = self._handover.folder
            with contextlib.suppress(OSError):  # without it the starting process says 3
                write_verdict(self.verdict, folder)
        if folder is not None:
            self._announce(folder)

    def show(self, terminal: Any, config: Path) -> None:
        """Tell the verdict in the terminal, once; display only.

        Args:
            terminal: pytest's reporter.
            config: thresholds.yaml, as annotations name it.
        """
        if not self.verdict or self._shown:
            return
        self._shown = True
        if self.output is None or self.verdict.exit_code in _UNFINISHED:
            if self.output is not None:
                terminal.write_line(f"explain-gate: this is in {self.output / 'verdict.json'} as well")
            return
        from explain_gate.publishing.text.summary import terminal_lines

        terminal.section("explain-gate")
        for line in terminal_lines(self.verdict):
            terminal.write_line(line)
        for text in self.verdict.not_published:
            terminal.write_line(text)
        # As an address: terminals and editors open it by a click, also where the path holds spaces.
        terminal.write_line(f"Report: {(self.output / 'index.html').absolute().as_uri()}")
        if os.environ.get("GITHUB_ACTIONS") == "true":
            from explain_gate.publishing.text.github import repository_path, verdict_to_annotations

            file = repository_path(config, os.environ.get("GITHUB_WORKSPACE"))
            for line in verdict_to_annotations(self.verdict, file=file):
                terminal.write_line(line)
        if self._recorded and self._recorded not in (*self.verdict.not_published, *self.verdict.messages):
            terminal.write_line(self._recorded)

    def _announce(self, folder: Path) -> None:
        if self._handover is not None:
            with contextlib.suppress(OSError):  # without it the starting process says 3
                self._handover.announce(folder / "verdict.json")
