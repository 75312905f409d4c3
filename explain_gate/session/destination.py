"""Where a run works, and the folder that this becomes when it is whole."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from explain_gate.errors import OptionError
from explain_gate.records import Verdict
from explain_gate.session import output as output_folder

if TYPE_CHECKING:
    from explain_gate.profile.working_folder import WorkingFolder

REPORTS = "reports"
"""Where runs go that name no output, seen from the current folder."""


class Destination:
    """The working folder of one run, a sibling of the output so that renaming is atomic, and the output itself.

    Args:
        output: the folder that was asked for; None: a new one below `reports/`.
        work: a working folder that another process made and places.

    Raises:
        OutputError: the output cannot be replaced.
    """

    def __init__(self, output: str | None, *, work: str | None = None) -> None:
        if output:
            output_folder.refuse_unusable(Path(output))
        # Links are followed: what is renamed is the folder, not the link.
        self.asked = Path(output).resolve() if output else None
        self._handed = Path(work) if work else None
        self._own: WorkingFolder | None = None
        self._hold: output_folder.Hold | None = None

    @property
    def parent(self) -> Path:
        """The folder that the output goes into."""
        return self.asked.parent if self.asked is not None else Path(REPORTS).absolute()

    @property
    def work(self) -> Path:
        """The working folder, made and held when it is first asked for.

        Raises:
            OptionError: it cannot be made, or another run writes to the output.
        """
        if self._handed is not None:
            return self._handed
        if self._own is None:
            from explain_gate.profile.working_folder import make

            try:
                self.parent.mkdir(parents=True, exist_ok=True)
                if self.asked is not None:
                    self._hold = output_folder.hold(self.asked)
                self._own = make(self.parent, ".run-")
            except OSError as error:
                raise OptionError(f"the output folder {self.parent} cannot be written: {error.strerror}") from error
        return self._own.path

    def path_for(self, verdict: Verdict) -> Path:
        """The folder that was asked for, else a new one called after the time and the model."""
        if self.asked is not None:
            return self.asked
        stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%d-%H%M%S")
        digest = verdict.model.get("digest")
        return self.parent / f"{stamp}-{str(digest)[:8] if digest else 'no-verdict'}"

    def place(self, path: Path) -> Path:
        """Make the working folder the output at `path`; returns where it lies.

        Raises:
            OSError: it cannot be placed; an earlier report is where it was.
        """
        work = self.work
        if self._own is not None:
            self._own.hand_over()
        output_folder.note_written(work)
        if self.asked is not None:
            output_folder.replace(work, path)
        else:
            path = output_folder.place_new(work, path)
        self._handed, self._own = work, None
        self._release()
        return path

    def discard(self) -> None:
        """Remove the working folder of a run that came to nothing; earlier reports stay as they are."""
        if self._own is not None:
            self._own.remove()
        self._release()

    def _release(self) -> None:
        if self._hold is not None:
            self._hold.release()


def from_here(output: Path) -> str:
    """A folder as the current one sees it, where it lies in that; CI systems look for pictures from there."""
    here, place = Path.cwd(), output.absolute()
    return place.relative_to(here).as_posix() if place.is_relative_to(here) else str(place)
