"""What only many runs show: `make soak TIMES=200`.

First the whole suite once in each of four surroundings, then every test that starts a process or waits, so many times
in a row, while two processes keep both cores busy. A failure is told with what it takes to see it again, and the rest
goes on; the exit code says whether there was one.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import processes

ROOT = Path(__file__).parents[1]
PYTEST = ("-m", "pytest", "-q", "-n", "2", "--dist", "worksteal", "-p", "no:cacheprovider")


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where every run passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=200, help="of the tests that start a process or wait")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the random order")
    parser.add_argument("tests", nargs="*", help="instead of the whole suite")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        noted = Path(folder) / "waiting.txt"
        failed = [
            name
            for name, (options, environment) in surroundings(Path(folder), chosen.seed).items()
            if not passes(name, [*options, *note(noted, name), *chosen.tests], environment)
        ]
        waiting = noted.read_text(encoding="utf-8").splitlines() if noted.is_file() else []
        say(f"{len(waiting)} tests start a process or wait; {chosen.times} times with both cores busy")
        with busy(2):
            for time_ in range(1, chosen.times + 1 if waiting else 1):
                seed = chosen.seed + time_
                if not passes(f"{time_} of {chosen.times}", ["--shuffle", str(seed), f"@{noted}"], {}):
                    failed.append(f"{time_} of {chosen.times} (--shuffle {seed})")
    say(f"{len(failed)} runs failed" + "".join(f"\n  {name}" for name in failed))
    return int(bool(failed))


def surroundings(folder: Path, seed: int) -> dict[str, tuple[list[str], dict[str, str]]]:
    """Options and variables by name."""
    return {
        "as under nohup": ([], {}),
        f"in random order (--shuffle {seed})": (["--shuffle", str(seed)], {}),
        "with a clock in another zone": ([], {"TZ": "Pacific/Kiritimati"}),
        "with a home that cannot be written": ([], {"HOME": str(unwritable(folder))}),
    }


def note(file: Path, name: str) -> list[str]:
    """The first run tells which tests wait."""
    return ["--note-waits", str(file)] if name == "as under nohup" else []


def unwritable(folder: Path) -> Path:
    """A home without a right to write; where the superuser may write anyway, a folder of the kernel's."""
    home = folder / "home"
    home.mkdir(mode=0o555)
    try:
        (home / "try").touch()
    except OSError:
        return home
    return Path("/sys")


def passes(name: str, options: Sequence[str], environment: dict[str, str]) -> bool:
    """Run pytest as under `nohup`; what it says is shown where it fails."""
    began = time.monotonic()
    done = subprocess.run(
        processes.python(*PYTEST, *options, ignored="SIGINT SIGHUP"),
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    last = done.stdout.rstrip().rpartition("\n")[2]
    say(f"{name}: exit {done.returncode} after {time.monotonic() - began:.0f} s: {last}")
    if done.returncode:
        say(done.stdout)
    return done.returncode == 0


@contextlib.contextmanager
def busy(count: int) -> Iterator[None]:
    """So many processes that never rest."""
    never = f"import os\nwhile os.getppid() == {os.getpid()}: pass"
    hogs = [subprocess.Popen([sys.executable, "-c", never]) for _ in range(count)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def say(text: str) -> None:
    """At once, for the log of a run of hours."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
