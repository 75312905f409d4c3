"""Whether a run may move the alias where an attestation is demanded: whole, attested, and signed as the team says.

Everything that is missing, unreadable, different or late refuses. Whether a signature is good is what the team's signer
answers to the team's command; without one the alias moves on digests alone, and every record says so.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from explain_gate.errors import OptionError
from explain_gate.profile.attestation import ATTESTATION, differences, read_statement
from explain_gate.profile.verification import check_files, read_verdict
from explain_gate.tracking.settings import TrackingSettings

PLACE = "{attestation}"
"""In the arguments of the team's command: the statement's file."""
_DEMANDED = "tracking.promote.require_attestation"
_SECONDS = 120.0
_TOLD = 3


def attested(ref: str, settings: TrackingSettings, on_record: Mapping[str, Any]) -> str:
    """What vouches for the run behind REF, for the record: the statement's digest, and who checked its signature.

    Args:
        ref: a run's output folder; nothing else has all the files that a statement names.
        settings: with the command that checks signatures, if there is one.
        on_record: the verdict.json that the store has of this run.

    Raises:
        OptionError: it is no such folder, a file of it is not what the run left, it has no statement or that of another
            run, it says something else than what is on record, or the signature does not hold.
    """
    folder = Path(ref)
    if not folder.is_dir():
        raise OptionError(
            f"{ref}: must be a run's output folder with its {ATTESTATION} ({_DEMANDED}); fetch it by: mlflow artifacts "
            "download --run-id ID --dst-path DIR"
        )
    checked = check_files(folder)
    if checked.differs or checked.unchecked:
        raise OptionError(
            f"{ref}: cannot be vouched for ({_DEMANDED}): "
            + _first(checked.differs or [f"nobody wrote down the digest of {name}" for name in checked.unchecked])
        )
    path = folder / ATTESTATION
    if not path.is_file():
        raise OptionError(
            f"{ref}: has no {ATTESTATION} ({_DEMANDED}); write it by: explain-gate attest {ref}; and sign it"
        )
    apart = differences(read_statement(path), folder)
    if apart:
        raise OptionError(f"{path}: is not about this run ({_DEMANDED}): {_first(apart)}")
    if _said(read_verdict(folder)) != _said(on_record):
        raise OptionError(f"{ref}: its verdict.json is not the one on record ({_DEMANDED})")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"statement {digest[:12]}, {_signature(path, settings.verify_signature)}"


def _signature(path: Path, command: Sequence[str]) -> str:
    """Who says that the signature is good.

    Raises:
        OptionError: the team's command says no, or cannot be asked.
    """
    if not command:
        return "signature not checked"
    arguments = [argument.replace(PLACE, str(path)) for argument in command]
    try:
        done = subprocess.run(  # noqa: S603 - the team's own command, without a shell
            arguments, capture_output=True, stdin=subprocess.DEVNULL, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OptionError(f"{path}: its signature cannot be checked by {command[0]}: {error}") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        raise OptionError(
            f"{path}: {command[0]} says that its signature does not hold (exit code {done.returncode})"
            + (f": {said[-1][:200]}" if said else "")
        )
    return f"signature checked by {Path(command[0]).name}"


def _said(verdict: Mapping[str, Any]) -> str:
    """All but the move of the alias, which is added later."""
    return json.dumps({**verdict, "promotion": None}, sort_keys=True)


def _first(told: Sequence[str]) -> str:
    more = f", and {len(told) - _TOLD} more" if len(told) > _TOLD else ""
    return "; ".join(told[:_TOLD]) + more
