"""The verdict as an in-toto Statement v1, and whether a statement is about the run in a folder. Signs nothing.

docs/attestation.md describes the predicate, schemas/attestation.schema.json is its JSON Schema.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explain_gate.errors import OptionError
from explain_gate.profile.sums import file_digest, read_sums
from explain_gate.profile.verification import MANIFEST, VERDICT, read_verdict

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:explain-gate:attestation:verdict:1"
ATTESTATION = "attestation.json"
PAYLOAD = "application/vnd.in-toto+json"
_ENVIRONMENT = ("started", "started_by", "started_from", "job", "git_commit", "git_dirty", "git_diff_digest", "device")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement as it was read. `signatures` counts those of its envelope; 0 for a statement that lies bare."""

    document: Mapping[str, Any]
    signatures: int

    @property
    def digests(self) -> dict[str, Mapping[str, str]]:
        """The digests of each subject, by its name."""
        return {str(one["name"]): one["digest"] for one in self.document["subject"]}

    @property
    def predicate(self) -> Mapping[str, Any]:
        """What is said of the subjects."""
        predicate: Mapping[str, Any] = self.document["predicate"]
        return predicate


def make_statement(folder: Path) -> dict[str, Any]:
    """The statement about a run's folder: what was judged (weights, data, code, rules), by what, to which verdict.

    Raises:
        OptionError: the folder is no run's.
    """
    verdict = read_verdict(folder)
    model, dataset, environment = (verdict.get(name) or {} for name in ("model", "dataset", "environment"))
    subjects: dict[str, dict[str, str | None]] = {
        VERDICT: {"sha256": file_digest(folder / VERDICT)},
        MANIFEST: {"sha256": file_digest(folder / MANIFEST)} if (folder / MANIFEST).is_file() else {},
        "weights": {"sha256": model.get("weights_sha256"), "explainGateModel": model.get("digest")},
        "dataset": {"explainGateDataset": dataset.get("digest")},
        "code": {"gitCommit": environment.get("git_commit")},
        "rules": {"sha256": verdict.get("config_digest")},
    }
    told = {name: {kind: one for kind, one in digests.items() if one} for name, digests in subjects.items()}
    files = {name: one for name, one in (read_sums(folder) or {}).items() if not name.startswith("profile/")}
    findings = verdict.get("findings") or []
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": digests} for name, digests in told.items() if digests],
        "predicateType": PREDICATE,
        "predicate": {
            "verdict": verdict["verdict"],
            "exitCode": verdict.get("exit_code"),
            "selection": verdict.get("selection", "full"),
            "runId": verdict.get("run_id", ""),
            "rules": {"planned": len(verdict.get("planned") or []), **Counter(row["status"] for row in findings)},
            "notPassed": [f"{_key(row)}: {row['status']}" for row in findings if row["status"] != "passed"],
            "waivers": verdict.get("waivers", []),
            "model": {name: model.get(name) for name in ("name", "version", "source") if model.get(name)},
            "reference": (verdict.get("reference") or {}).get("digest"),
            "images": dataset.get("images"),
            "environment": {name: environment[name] for name in _ENVIRONMENT if environment.get(name) is not None},
            "packages": environment.get("packages") or {},
            "files": {name: one for name, one in files.items() if name != VERDICT},
        },
    }


def statement_text(document: Mapping[str, Any]) -> str:
    """The statement as it is written and signed: the same bytes for the same run."""
    return json.dumps(document, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=True) + "\n"


def read_statement(path: Path) -> Statement:
    """A statement from a file: bare, in a DSSE envelope, in a Sigstore bundle, or the first of a .jsonl of envelopes.

    Raises:
        OptionError: it is none of these, or about something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
        outer = _first(text)
        envelope = outer.get("dsseEnvelope", outer)
        document, signatures = envelope, 0
        if "payload" in envelope:
            if envelope.get("payloadType") != PAYLOAD:
                raise OptionError(f"{path}: its envelope must hold {PAYLOAD}, got {envelope.get('payloadType')}")
            document = json.loads(base64.b64decode(envelope["payload"], validate=True))
            signatures = len(envelope.get("signatures") or [])
        kinds = document.get("_type"), document.get("predicateType")
        statement = Statement(document=document, signatures=signatures)
        _ = statement.digests, statement.predicate
    except OSError as error:
        raise OptionError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise OptionError(f"{path}: must be an in-toto statement or an envelope of one: {error}") from error
    if kinds != (STATEMENT, PREDICATE):
        raise OptionError(f"{path}: must be a statement of {PREDICATE}, got {kinds[1] or kinds[0] or 'no type'}")
    return statement


def differences(statement: Statement, folder: Path) -> list[str]:
    """What the run in a folder and the statement do not have in common, a sentence each; empty where they agree.

    The alias may have moved since: its line in verdict.json is the only thing that a run's folder takes on later.

    Raises:
        OptionError: the folder is no run's.
    """
    now = {str(one["name"]): one["digest"] for one in make_statement(folder)["subject"]}
    told = [_beside(name, signed, now.get(name, {})) for name, signed in statement.digests.items()]
    if VERDICT in statement.digests and statement.digests[VERDICT].get("sha256") == _before_the_move(folder):
        told = [one for one in told if not one.startswith(f"{VERDICT}:")]
    told += [f"{name}: is not in the statement" for name in now if name not in statement.digests]
    files = statement.predicate.get("files") or {}
    told += [_of_file(folder, str(name), str(digest)) for name, digest in files.items()]
    return [one for one in told if one]


def _first(text: str) -> Any:
    """A JSON file, or the first line of one with a document a line."""
    try:
        return json.loads(text)
    except ValueError:
        return json.loads(text.lstrip().partition("\n")[0])


def _beside(name: str, signed: Mapping[str, str], now: Mapping[str, str]) -> str:
    kinds = [kind for kind in signed if signed[kind] != now.get(kind)]
    if not kinds:
        return ""
    seen = now.get(kinds[0])
    return f"{name}: the statement is about {kinds[0]} {signed[kinds[0]][:12]}, this run's is {(seen or 'none')[:12]}"


def _of_file(folder: Path, name: str, digest: str) -> str:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        return f"{name}: was attested and is missing"
    return "" if file_digest(path) == digest else f"{name}: is not the file that was attested"


def _before_the_move(folder: Path) -> str:
    """The digest of verdict.json as it was before the alias moved, which wrote one line into it."""
    document = {**read_verdict(folder), "promotion": None}
    text = json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def _key(row: Mapping[str, Any]) -> str:
    variant = "-".join(str(part) for part in (row.get("method"), row.get("class")) if part is not None)
    return f"{row.get('check')}[{variant or 'all'}]"


def about(statement: Statement) -> Iterable[str]:
    """What was said, in lines: the verdict, and each subject with its digests."""
    said = statement.predicate
    model, by = said.get("model") or {}, (said.get("environment") or {}).get("started_by")
    when = str((said.get("environment") or {}).get("started") or "")[:10]
    started = "".join([f", started by {by}" if by else "", f" on {when}" if when else ""])
    yield f"it says: {said.get('verdict')} (exit code {said.get('exitCode')}), model {model.get('name')}{started}"
    for name, digests in statement.digests.items():
        yield f"  {name}: {', '.join(f'{kind} {one}' for kind, one in digests.items())}"
