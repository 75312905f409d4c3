"""`explain-gate lesson`: what a version taught, on record for those that come after it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

from explain_gate.config import GateConfig, load_config
from explain_gate.errors import OptionError, ReferenceError, TrackingError
from explain_gate.measuring.job import tracking_settings
from explain_gate.measuring.provenance import describe_provenance
from explain_gate.options import RunOptions
from explain_gate.records import Lesson
from explain_gate.redact import redact
from explain_gate.tracking.lessons import FILE, keep_in_file, keep_in_store

_LONGEST = 2000


def lesson(
    text: str,
    ref: str,
    options: RunOptions,
    *,
    image: str | None,
    rule: str | None,
    by: str | None,
    say: Callable[[str], None],
) -> None:
    """Keep a lesson beside the version in the store; without a store, or where it knows no such run, in lessons.yaml.

    Args:
        text: what was learned.
        ref: of which version: a run's folder, `run:ID`, `models:/...` or a checkpoint file.
        options: thresholds.yaml, and the tracking store or that there is none.
        image: the image that it is about.
        rule: the rule that it is about, by key (`alignment.iou[grad_cam-Bengal]`) or check (`alignment.iou`).
        by: who; default: the account that runs this.
        say: is told where it is kept.

    Raises:
        OptionError: the text is empty or too long, or the file has no such rule.
        ReferenceError: REF names nothing.
    """
    config = load_config(options.config)
    plain = " ".join(redact(text).split())
    if not plain or len(plain) > _LONGEST:
        raise OptionError(f"a lesson must have 1 to {_LONGEST} characters, got {len(plain)}")
    _refuse_unknown(config, rule)
    kept = Lesson(
        text=plain,
        at=dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
        by=" ".join((by or str(describe_provenance(config.path.parent)["started_by"])).split()),
        version=ref,
        image=image,
        rule=rule,
    )
    why = "--no-tracking"
    if options.tracking:
        try:
            kept = keep_in_store(kept, ref, tracking_settings(config, options.tracking_uri))
        except TrackingError as error:
            why = str(error)
        except ReferenceError as error:
            if not Path(ref).exists():
                raise
            why = str(error)
        else:
            say(f"kept beside {kept.version}")
            return
    file = config.path.parent / FILE
    keep_in_file(kept, ref, file)
    say(f"kept in {file} ({why})")


def _refuse_unknown(config: GateConfig, rule: str | None) -> None:
    checks = [check for check, _, _ in config.rules()]
    if rule is not None and rule.partition("[")[0] not in checks:
        raise OptionError(f"--rule must be a rule of {config.path}: {', '.join(checks)}; got {rule}")
