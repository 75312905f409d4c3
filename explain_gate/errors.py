"""Every exception the product raises on purpose, each with the exit code the outer edge turns it into.

ExplainGateError            3  no verdict
├── OptionError             4  a command line option or argument
├── ConfigError             4  thresholds.yaml
├── DataError               4  images and annotations
├── ModelError              4  model source, checkpoint, target layer
├── ReferenceError          4  the reference a rule compares with
├── TrackingError           3  the record must be kept and could not be (`on_unreachable: fail`)
└── NothingPlanned          5  thresholds.yaml asks for nothing
NotMeasurable                  one image has no value for one metric; becomes an unmeasured score, never an exit
NotApplicable                  the same, and image and annotation alone decide it, so that no model can
"""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path

from explain_gate.redact import redact


class ExplainGateError(Exception):
    """Base of every expected failure; the message tells what is wrong, where, and what to write instead.

    Messages quote what users and other libraries wrote, so secrets are hidden here, whoever shows the error.
    """

    exit_code = 3

    def __init__(self, *told: object) -> None:
        super().__init__(*(redact(one) if isinstance(one, str) else one for one in told))


class OptionError(ExplainGateError):
    """A command line option or argument that cannot be used."""

    exit_code = 4


class ConfigError(ExplainGateError):
    """A thresholds.yaml that cannot be used; the message starts with file and line."""

    exit_code = 4


class DataError(ExplainGateError):
    """Images or annotations that cannot be used; every faulty file is listed."""

    exit_code = 4


class ModelError(ExplainGateError):
    """A model source, checkpoint or target layer that cannot be used."""

    exit_code = 4


class ReferenceError(ExplainGateError):  # noqa: A001 - the word that users know
    """A reference that is missing, unreachable or not comparable."""

    exit_code = 4


class UserCodeError(ExplainGateError):
    """A user's own method or metric raised; the message says whose code, which line, and on which image."""


class TrackingError(ExplainGateError):
    """The run could not be recorded although the configuration demands it."""


class NothingPlanned(ExplainGateError):  # noqa: N818 - a state, not a mistake
    """The configuration contains no rule."""

    exit_code = 5


class NotMeasurable(Exception):  # noqa: N818 - an outcome, not a mistake
    """A metric or method has no value for an image; the reason is shown to the user as it stands."""

    def __init__(self, reason: str) -> None:
        self.reason = redact(reason)
        super().__init__(self.reason)


class NotApplicable(Exception):  # noqa: N818 - an outcome, not a mistake
    """A metric makes no sense for an image, whatever the model: its region fills the frame, no class is left to lend.

    Raised before the model is asked, from image and annotation alone, so that it is the same for every version. Such
    images are counted and shown, and a rule is judged on the others.
    """

    def __init__(self, reason: str) -> None:
        self.reason = redact(reason)
        super().__init__(self.reason)


def told_error(error: BaseException) -> str:
    """An unexpected error as a sentence: its kind, its message, and the line of the code that is at fault.

    That is the innermost line that belongs neither to Python, nor to an installed package, nor to this one; else the
    innermost of all.
    """
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _is_installed(frame.filename)]
    last = (own or list(frames))[-1:]
    place = "".join(f" ({frame.filename}:{frame.lineno}, in {frame.name})" for frame in last)
    # xdist tells a worker's error by `assert False, text`, to which pytest adds the assertion.
    lines = [line for line in str(error).splitlines() if line.strip() not in ("", "assert False")]
    return f"{type(error).__name__}: {lines[-1 if len(lines) > 1 else 0].strip() if lines else 'no message'}{place}"


def did_you_mean(written: object, known: Iterable[str]) -> str:
    """`did you mean grad_cam? ` for a name that is nearly one of those that are known; nothing for any other."""
    import difflib

    near = difflib.get_close_matches(str(written), list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]}? " if near else ""


def raised_by_module(error: BaseException) -> bool:
    """Whether an error came out of a module's forward, and not out of the code that called the module."""
    frames = traceback.extract_tb(error.__traceback__)
    return any(Path(frame.filename).parts[-4:] == ("torch", "nn", "modules", "module.py") for frame in frames)


def _is_installed(file: str) -> bool:
    """Whether code is Python's, an installed package's or this package's."""
    path = Path(file)
    if file.startswith("<") or {"site-packages", "dist-packages"} & set(path.parts):
        return True
    return any(path.is_relative_to(place) for place in (sysconfig.get_path("stdlib"), Path(__file__).parent))
