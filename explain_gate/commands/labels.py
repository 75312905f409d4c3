"""`explain-gate labels`: what several versions say of the labels and regions of their regression set."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from explain_gate.config import load_config
from explain_gate.data.regression_set import open_set
from explain_gate.errors import OptionError
from explain_gate.labels.audit import Asked, audit
from explain_gate.labels.handed import coco_of, csv_of
from explain_gate.labels.page import render_audit, told_audit
from explain_gate.labels.runs import open_runs
from explain_gate.measuring.job import Compute, Version, open_job
from explain_gate.measuring.progress import Progress
from explain_gate.options import RunOptions
from explain_gate.profile.files import write_whole


def audit_labels(
    folders: Sequence[str],
    options: RunOptions,
    output: Path,
    *,
    features: bool,
    progress: Progress,
    say: Callable[[str], None],
) -> None:
    """Audit, and write record.json, labels.csv, labels.coco.json and index.html.

    Args:
        folders: of finished runs.
        options: thresholds.yaml of the regression set, and the model whose features count.
        output: where it goes; an audit that was killed there goes on.
        features: open the model, and compare what pictures give its last layer.
        progress: told of every stage.
        say: told what was found.

    Raises:
        ReferenceError, OptionError: the folders hold no runs of one set.
        ConfigError, DataError, ModelError: the input cannot be used.
    """
    config = load_config(options.config)
    data = open_set(config)
    runs = open_runs(folders, data)
    job = None
    if features:
        version = Version(
            source=options.source,
            checkpoint=options.checkpoint,
            tracking_uri=options.tracking_uri,
            allow_pickle=options.allow_pickle,
        )
        job = open_job(config, version, Compute(device=options.device), data=data)
    try:
        output.mkdir(parents=True, exist_ok=True)
        (output / "record.json").unlink(missing_ok=True)
    except OSError as error:
        raise OptionError(f"--output {output}: cannot be written: {error.strerror}") from error
    record = audit(Asked(config=config, data=data, runs=runs, job=job), output, progress)
    root = config.resolve(config.sections.data.images)
    write_whole(output / "labels.csv", csv_of(record).encode())
    write_whole(output / "labels.coco.json", coco_of(record, runs, data, root).encode())
    write_whole(output / "index.html", render_audit(record, runs, output).encode())
    write_whole(output / "record.json", (json.dumps(asdict(record), indent=2) + "\n").encode())
    for line in told_audit(record):
        say(line)
    say(f"Lists for a labelling tool: {output / 'labels.coco.json'}, {output / 'labels.csv'}")
    say(f"Labels: {(output / 'index.html').absolute().as_uri()}")
