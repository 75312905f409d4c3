"""The verdict of a run that measured nothing to judge: refused, interrupted or broken. It is published too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from explain_gate.errors import OptionError
from explain_gate.judging.gate import unfinished
from explain_gate.measuring.provenance import describe_provenance
from explain_gate.options import RunOptions
from explain_gate.records import FailedTest, Rule, Verdict
from explain_gate.redact import redacted
from explain_gate.session import output as output_folder
from explain_gate.session.destination import Destination, from_here


def unfinished_verdict(
    options: RunOptions,
    *,
    exit_code: int,
    messages: Sequence[str],
    started: str,
    planned: Sequence[Rule] = (),
    failed_tests: Sequence[FailedTest] = (),
) -> Verdict:
    """The verdict, with who started the run, when and from which code, and without secrets.

    Args:
        options: of the run.
        exit_code: 2 interrupted, 3 no verdict, 4 something that cannot be used, 5 nothing planned.
        messages: why it ended.
        started: when, ISO 8601 with the zone's offset.
        planned: the rules of thresholds.yaml, as far as it could be read.
        failed_tests: the team's own tests that failed until then.
    """
    verdict = unfinished(
        planned,
        exit_code=exit_code,
        messages=messages,
        failed_tests=failed_tests,
        run_id=options.run_id,
        environment={**describe_provenance(Path(options.config).absolute().parent), "started": started},
    )
    return redacted(verdict)


def publish_unfinished(verdict: Verdict, output: str | None) -> Path | None:
    """Publish it; returns its folder, None where none may be written.

    It goes to `output`, unless a measured report lies there or another run is writing to it. Without an output only a
    run that broke leaves a folder: a mistyped option needs none.
    """
    from explain_gate.publishing.publish import publish

    if not output and verdict.exit_code != 3:
        return None
    try:
        destination = Destination(output)
        work = destination.work
    except OptionError:
        return None
    try:
        path = destination.path_for(verdict)
        if output_folder.holds_measured_report(path):
            return None
        publish(verdict, None, work, location=from_here(path))
        return destination.place(path)
    except OSError:
        return None
    finally:
        destination.discard()
