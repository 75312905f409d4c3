"""The folder a run is published in: refused early, held by one run at a time, and replaced whole.

A run is written into a working folder beside it, which is renamed when it is whole. What the product wrote is listed in
the folder itself, so that everything else in it is known to be somebody's and goes along into the next report.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from explain_gate.errors import OptionError
from explain_gate.profile.sums import SUMS, renew, write_sums

if sys.platform != "win32":  # without locks two runs are told apart by nothing
    import fcntl

WRITTEN = ".written"
"""Lists what the product wrote, one path a line."""
_EARLIER_FILES = frozenset({"verdict.json", "index.html", "junit.xml", "metrics.txt", "summary.md", WRITTEN, SUMS})
_EARLIER_FOLDERS = frozenset({"assets", "profile", "reference"})


class OutputError(OptionError):
    """An --output that nothing may be written to."""


def refuse_unusable(output: Path) -> None:
    """Say before hours of work go into a folder that it cannot be replaced.

    Raises:
        OutputError: a file, a mount point, or a folder with content that is not an earlier report.
    """
    if output.exists() and not output.is_dir():
        raise OutputError(f"--output {output}: must be a folder, is a file")
    if output.is_mount():
        raise OutputError(f"--output {output}: is a mount point, which cannot be replaced; name a folder in it")
    if output.is_dir() and any(output.iterdir()) and not (output / "verdict.json").is_file():
        raise OutputError(
            f"--output {output}: is not empty and not an earlier report (no verdict.json), so it is not replaced"
        )


def holds_measured_report(output: Path) -> bool:
    """Whether a report with measured numbers lies there, which a run that came to nothing leaves as it is."""
    return (output / "profile").exists()


@dataclass(slots=True, kw_only=True)
class Hold:
    """One output folder, held by this process against every other one until it is released or the process ends."""

    path: Path
    lock: BinaryIO | None

    def release(self) -> None:
        """Let other runs have the folder."""
        if self.lock is not None:
            self.path.unlink(missing_ok=True)
            self.lock.close()
            self.lock = None


def hold(output: Path) -> Hold:
    """Take an output folder for this process.

    Raises:
        OutputError: another run is writing to it.
        OSError: its parent cannot be written.
    """
    path = output.with_name(f".{output.name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        lock = path.open("ab", buffering=0)
        if sys.platform == "win32":
            return Hold(path=path, lock=lock)
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            if error.errno in (errno.EACCES, errno.EAGAIN):
                raise OutputError(
                    f"--output {output}: another run is writing to it; wait for it, or name another folder"
                ) from error
            return Hold(path=path, lock=None)  # a file system without locks
        if os.fstat(lock.fileno()).st_nlink:  # else its holder removed it between open and lock
            _recover(output)
            return Hold(path=path, lock=lock)
        lock.close()


def note_written(folder: Path) -> None:
    """Leave the list of every file that is in `folder` now, and their digests: it is what the product wrote."""
    names = sorted(files_in(folder) - {WRITTEN, SUMS})
    write_sums(folder, names)
    names.append(SUMS)
    (folder / WRITTEN).write_text("\n".join([*names, WRITTEN]) + "\n", encoding="utf-8", errors="surrogateescape")


def note_rendered(folder: Path, before: frozenset[str]) -> None:
    """Add to the list of an output folder what was written into it since `files_in` told `before`."""
    names = (_written(folder) or _products_of(before)) | (files_in(folder) - before) | {WRITTEN, SUMS}
    # Of the verdict and the profile, which rendering only reads, the run's own digests stand.
    renew(folder, (name for name in names if name not in {WRITTEN, "verdict.json"} and not name.startswith("profile/")))
    (folder / WRITTEN).write_text("\n".join(sorted(names)) + "\n", encoding="utf-8", errors="surrogateescape")


def note_rewritten(folder: Path) -> None:
    """Put the digests that its files have now into the list of a folder whose run wrote some of them once more."""
    renew(folder, (name for name in _written(folder) if name != WRITTEN and not name.startswith("profile/")))


def files_in(folder: Path) -> frozenset[str]:
    """Every file of an output folder, as paths inside it."""
    return frozenset(str(path.relative_to(folder)) for path in _files(folder))


def replace(work: Path, output: Path) -> None:
    """Rename `work` to `output`; what others put into the earlier report goes along, the earlier report goes last.

    Raises:
        OSError: `output` cannot be written; the earlier report is where it was.
    """
    earlier: Path | None = None
    if output.exists():
        _take_along(output, work)
        earlier = output.with_name(f".{output.name}.{os.getpid()}.old")
        output.rename(earlier)
    try:
        work.chmod(0o755)
        work.rename(output)
    except OSError:
        if earlier is not None:
            earlier.rename(output)
        raise
    if earlier is not None:
        _take_along(earlier, output)  # what came while the reports changed places
        shutil.rmtree(earlier, ignore_errors=True)


def place_new(work: Path, output: Path) -> Path:
    """Rename `work` to `output`, or, where another run took that name, to the next one; returns the folder."""
    work.chmod(0o755)
    for number in range(1, 1000):
        free = output if number == 1 else output.with_name(f"{output.name}-{number}")
        if free.exists():
            continue
        try:
            work.rename(free)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        else:
            return free
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(output))


def _recover(output: Path) -> None:
    """Finish what a killed run left half done: put its earlier report back, or take from it what is not the product's.

    Only called by who holds the output, so nobody is between the two renames now.
    """
    for earlier in output.parent.glob(f".{output.name}.*.old"):
        with contextlib.suppress(OSError):
            if not output.exists():
                earlier.rename(output)
            else:
                _take_along(earlier, output)
                shutil.rmtree(earlier)


def _take_along(earlier: Path, later: Path) -> None:
    """Copy from an earlier report what the product did not write there; links where the file system can."""
    written = _written(earlier)
    for path in _files(earlier):
        name = path.relative_to(earlier)
        if str(name) in written or (written == frozenset() and _is_products(name)):
            continue
        target = later / name
        if target.is_symlink() or target.exists():
            if target.exists() and target.samefile(path):
                continue
            target = target.with_name(f"{target.name}.kept")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):  # a file of the new report is where the folder was
            target = later / f"{'.'.join(name.parts)}.kept"
        if not (target.is_symlink() or target.exists()):
            _link_or_copy(path, target)


def _written(report: Path) -> frozenset[str]:
    try:
        text = (report / WRITTEN).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return frozenset()
    return frozenset(text.splitlines())


def _products_of(names: frozenset[str]) -> frozenset[str]:
    return frozenset(name for name in names if _is_products(Path(name)))


def _is_products(name: Path) -> bool:
    """Whether a report without a list, of an earlier version, has this file from the product."""
    return str(name) in _EARLIER_FILES or name.parts[0] in _EARLIER_FOLDERS


def _files(folder: Path) -> Iterator[Path]:
    """Every file and link below `folder`, and every empty folder."""
    for place, folders, names in os.walk(folder):
        here = Path(place)
        links = [name for name in folders if (here / name).is_symlink()]
        yield from (here / name for name in [*names, *links])
        if not names and not folders and here != folder:
            yield here


def _link_or_copy(path: Path, target: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        target.mkdir(exist_ok=True)
        return
    try:
        os.link(path, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(path, target, follow_symlinks=False)
