"""Who or what started a run, when, and from which state of the code. Reads the environment and asks git; no torch."""

from __future__ import annotations

import datetime as dt
import getpass
import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = "EXPLAIN_GATE_COMMAND"
"""The environment variable in which a process that starts another one to measure hands on its own command line."""

_SECONDS = 60
_WHOLE_UP_TO = 2**20
_OWN_FILES = (".explain-gate/", "reports/", ".run-*/", "mlflow.db*", "mlartifacts/")
"""What the product itself leaves in a working tree; where it is not ignored, it is no change of the code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Service:
    """A CI service by its variables: the one that tells it, then who started the job, why, and where it is seen."""

    name: str
    sign: str
    actors: tuple[str, ...]
    events: tuple[str, ...]
    address: str


_SERVICES = (
    _Service(
        name="GitHub Actions",
        sign="GITHUB_ACTIONS",
        actors=("GITHUB_TRIGGERING_ACTOR", "GITHUB_ACTOR"),
        events=("GITHUB_EVENT_NAME", "GITHUB_WORKFLOW"),
        address="{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",
    ),
    _Service(
        name="GitLab CI",
        sign="GITLAB_CI",
        actors=("GITLAB_USER_LOGIN",),
        events=("CI_PIPELINE_SOURCE", "CI_JOB_NAME"),
        address="{CI_JOB_URL}",
    ),
    _Service(
        name="Azure Pipelines",
        sign="TF_BUILD",
        actors=("BUILD_REQUESTEDFOR",),
        events=("BUILD_REASON", "BUILD_DEFINITIONNAME"),
        address="{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",
    ),
    _Service(
        name="Jenkins",
        sign="JENKINS_URL",
        actors=("BUILD_USER_ID", "CHANGE_AUTHOR"),
        events=("JOB_NAME",),
        address="{BUILD_URL}",
    ),
    _Service(
        name="Buildkite",
        sign="BUILDKITE",
        actors=("BUILDKITE_BUILD_CREATOR",),
        events=("BUILDKITE_SOURCE", "BUILDKITE_PIPELINE_SLUG"),
        address="{BUILDKITE_BUILD_URL}",
    ),
    _Service(
        name="CircleCI",
        sign="CIRCLECI",
        actors=("CIRCLE_USERNAME",),
        events=("CIRCLE_JOB",),
        address="{CIRCLE_BUILD_URL}",
    ),
    _Service(name="CI", sign="CI", actors=(), events=(), address="{BUILD_URL}"),
)


def describe_provenance(folder: Path) -> dict[str, Any]:
    """JSON that says when, by whom, by what and from which code a run was started; None is what cannot be known.

    `started` is ISO 8601 with the zone's offset. `started_by` is the person or account: the CI job's actor, else the
    user of this process. `started_from` is what started it: the CI service with its event and job, else the command.
    `job` is the CI job's address. `folder` lies in the working tree whose state is told by `code_state`.
    """
    variables = os.environ
    service = next((one for one in _SERVICES if variables.get(one.sign, "").lower() not in ("", "0", "false")), None)
    return {
        "started": dt.datetime.now().astimezone().isoformat(timespec="seconds"),
        "started_by": (service and _first(variables, service.actors)) or _user(),
        "started_from": _told(service, variables) if service else "command line",
        "job": _address(service, variables) if service else None,
        "command": variables.get(COMMAND) or shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        **code_state(folder),
    }


def code_state(folder: Path) -> dict[str, Any]:
    """The commit, whether the tree differs from it, and the digest of the difference; all None outside of git.

    `git_dirty` counts tracked files that differ from the commit and untracked ones that are not ignored; what the
    product itself writes is not counted. `git_diff_digest` is SHA-256 over `git diff HEAD --binary --full-index
    --no-renames`, then over name and content of each untracked file (name and size above 1 MiB), by name; None for a
    clean tree. Two runs with one commit and one digest measured with the same code.
    """
    unknown = {"git_commit": None, "git_dirty": None, "git_diff_digest": None}
    top = _git(folder, "rev-parse", "--show-toplevel")
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    if not top or not commit:
        return unknown
    root = Path(top.decode("utf-8", "surrogateescape").strip())
    difference = _difference(root)
    digest = difference.hexdigest() if difference is not None else None
    clean = hashlib.sha256().hexdigest()
    return {
        "git_commit": commit.decode("ascii").strip(),
        "git_dirty": None if digest is None else digest != clean,
        "git_diff_digest": None if digest == clean else digest,
    }


def _difference(root: Path) -> Any:
    """A hash of all that differs from the commit; nothing was fed to it where nothing does. None: git did not say."""
    options = ("--binary", "--full-index", "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv", "-U3")
    prefixes = ("--src-prefix=a/", "--dst-prefix=b/", "--diff-algorithm=myers")
    changed = _git(root, "diff", "HEAD", *options, *prefixes)
    excluded = [f"--exclude={pattern}" for pattern in _OWN_FILES]
    listed = _git(root, "ls-files", "--others", "--exclude-standard", "-z", *excluded)
    if changed is None or listed is None:
        return None
    digest = hashlib.sha256(changed)
    names = sorted(name for name in listed.split(b"\0") if name)
    reports = {name.rpartition(b"/")[0] + b"/" for name in names if name.endswith(b"/verdict.json")}
    for name in names:
        if not any(name.startswith(report) for report in reports):
            digest.update(b"\0" + name + b"\0" + _content(root / os.fsdecode(name)))
    return digest


def _content(path: Path) -> bytes:
    try:
        if path.is_symlink():
            return os.fsencode(path.readlink())
        size = path.stat().st_size
        return path.read_bytes() if size <= _WHOLE_UP_TO and path.is_file() else str(size).encode()
    except OSError:
        return b"unreadable"


def _git(folder: Path, *arguments: str) -> bytes | None:
    """What git prints, None where it fails; its output goes through a file, since a diff may be large."""
    command = ["git", "-C", str(folder), *arguments]
    # Reading must not write: without optional locks no index is refreshed, so that a commit beside is not disturbed.
    variables = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    with tempfile.TemporaryFile() as output:
        try:
            done = subprocess.run(  # noqa: S603 - fixed arguments
                command, stdout=output, stderr=subprocess.DEVNULL, timeout=_SECONDS, check=False, env=variables
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        output.seek(0)
        return output.read() if done.returncode == 0 else None


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without an entry
        return f"user {os.getuid()}"


def _first(variables: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((variables[name] for name in names if variables.get(name)), None)


def _told(service: _Service, variables: Mapping[str, str]) -> str:
    events = ", ".join(variables[name] for name in service.events if variables.get(name))
    return f"{service.name}: {events}" if events else service.name


def _address(service: _Service, variables: Mapping[str, str]) -> str | None:
    try:
        return service.address.format_map(variables) or None
    except KeyError:
        return None
