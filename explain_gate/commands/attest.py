"""`explain-gate attest` and `verify`: the verdict as a statement that the team's own signer signs, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from explain_gate.errors import OptionError
from explain_gate.profile import attestation
from explain_gate.profile.verification import Checked, check_files

_TOLD = 20


def attest(folder: Path, output: Path | None, *, say: Callable[[str], None]) -> int:
    """Write the statement about a run's folder; 1 where a file of it is not what the run left, and nothing is written.

    Args:
        folder: a run's output folder.
        output: where the statement goes; default attestation.json in the folder.
        say: is told a line each.

    Raises:
        OptionError: the folder is no run's, or the statement cannot be written.
    """
    checked = check_files(folder)
    if checked.differs:
        _tell(checked, say)
        say("nothing is attested: a statement would vouch for what this run did not leave")
        return 1
    path = output or folder / attestation.ATTESTATION
    text = attestation.statement_text(attestation.make_statement(folder))
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OptionError(f"{path}: cannot be written: {error.strerror}") from error
    say(f"statement: {path}")
    say(f"sign it: cosign sign-blob --bundle {path}.bundle {path}; or gpg --armor --detach-sign {path}")
    return 0


def verify(folder: Path, given: Path | None, *, say: Callable[[str], None]) -> int:
    """Compare every file of a run's folder with its digest, and the run with its statement; 0 holds, 1 differs.

    Args:
        folder: a run's output folder.
        given: the statement or an envelope of it; default attestation.json in the folder, where there is one.
        say: is told a line each.

    Raises:
        OptionError: the folder is no run's, or the statement cannot be read.
    """
    checked = check_files(folder)
    _tell(checked, say)
    differs = list(checked.differs)
    own = folder / attestation.ATTESTATION
    path = given or (own if own.is_file() else None)
    if path is not None:
        statement = attestation.read_statement(path)
        apart = attestation.differences(statement, folder)
        differs += apart
        for line in (f"{path}: {told}" for told in apart[:_TOLD]):
            say(line)
        for line in attestation.about(statement):
            say(line)
        say(_signed(path, statement.signatures))
    say("differs" if differs else "holds")
    return 1 if differs else 0


def _tell(checked: Checked, say: Callable[[str], None]) -> None:
    say(f"{checked.held} files are as the run left them")
    for told in checked.differs[:_TOLD]:
        say(told)
    if len(checked.differs) > _TOLD:
        say(f"and {len(checked.differs) - _TOLD} more")
    if checked.unchecked:
        say(f"not checked, this run wrote no digest of them: {', '.join(checked.unchecked[:_TOLD])}")
    others = [name for name in checked.unlisted if not name.startswith(attestation.ATTESTATION)]
    if others:
        say(f"not the run's, nobody vouches for them: {', '.join(others[:_TOLD])}")


def _signed(path: Path, signatures: int) -> str:
    if not signatures:
        return f"{path} is a bare statement: what signs it lies beside it; check that with your signer"
    return (
        f"{path} carries {signatures} signature{'s' if signatures > 1 else ''}, not checked here: that is your signer's"
    )
