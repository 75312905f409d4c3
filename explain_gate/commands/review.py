"""`explain-gate review`: a page on this machine on which a person judges the maps of a run."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable
from pathlib import Path

from explain_gate.config import load_config
from explain_gate.decisions.files import FOLDER, read_decisions, reviewer_of, take_decisions
from explain_gate.errors import OptionError
from explain_gate.measuring.provenance import describe_provenance
from explain_gate.profile.profile import load_profile
from explain_gate.publishing.text.verdict_json import verdict_from_json
from explain_gate.records import Verdict
from explain_gate.reviewing.desk import Desk, reviewed


def open_desk(folder: Path, config: str, *, by: str | None) -> Desk:
    """The desk of one reviewer over a run's folder, or a profile's.

    Args:
        folder: of the run.
        config: thresholds.yaml, beside which `reviews/` lies.
        by: who reviews; default: the account that runs this.

    Raises:
        ReferenceError: there is no whole profile in the folder.
        ConfigError: no such thresholds.yaml.
        DataError: a file in `reviews/` is no decision.
        OptionError: the reviewer's name cannot be part of a file's name, or nothing can be judged.
    """
    beside = load_config(config).path.parent
    reviewer = reviewer_of(by if by is not None else str(describe_provenance(beside)["started_by"]))
    profile = load_profile(folder)
    read_decisions(beside / FOLDER)
    desk = Desk(profile, _verdict(folder), beside / FOLDER, reviewer)
    if not desk.questions:
        raise OptionError(f"{folder}: the run has no map that could be judged; maps come from `methods` that rules use")
    return desk


def review(desk: Desk, *, port: int, show: bool, say: Callable[[str], None]) -> None:
    """Serve the page until the process is interrupted.

    Args:
        desk: whose page it is.
        port: of this machine, 0 for a free one.
        show: open the page in the browser.
        say: is told the address, and what was judged.

    Raises:
        OptionError: the port is taken.
    """
    from explain_gate.reviewing.server import bind

    server = bind(desk, port=port)
    say(f"Review: {server.address}")
    say(f"{reviewed(desk)}. Every decision is kept at once in {desk.folder}; Ctrl-C ends.")
    if show:
        webbrowser.open(server.address)
    try:
        server.serve()
    except KeyboardInterrupt:
        say(f"{reviewed(desk)}, in {desk.folder}. Commit them; the next run counts them.")


def write_page(desk: Desk, file: Path, say: Callable[[str], None]) -> None:
    """Write the page as one file, for a reviewer without the run.

    Raises:
        OptionError: the file cannot be written.
    """
    from explain_gate.reviewing.page import MOST, page_of

    try:
        file.write_text(page_of(desk), encoding="utf-8")
    except OSError as error:
        raise OptionError(f"--page {file}: cannot be written: {error.strerror}") from error
    told = f"the first {MOST} of {len(desk.questions)}" if len(desk.questions) > MOST else f"{len(desk.questions)}"
    say(f"wrote {file}: {told} maps for {desk.reviewer}; `explain-gate review DIR --take FILE` takes what it saves")


def take(desk: Desk, file: Path, say: Callable[[str], None]) -> None:
    """Put what a page without a server saved into `reviews/`.

    Raises:
        DataError: the file holds something that no decision holds.
        OptionError: the folder cannot be written.
    """
    taken, every = take_decisions(file, desk.folder)
    say(f"{taken} of {every} decisions taken into {desk.folder}; the others are there already, or newer ones are")


def _verdict(folder: Path) -> Verdict | None:
    file = folder / "verdict.json"
    return verdict_from_json(file.read_text(encoding="utf-8")) if file.is_file() else None
