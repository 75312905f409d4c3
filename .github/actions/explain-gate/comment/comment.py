#!/usr/bin/env python3
"""One comment per gate on a pull request: posted once, then updated. Standard library only; images are never sent.

Environment: SUMMARY (path of summary.md; verdict.json lies beside it), EXIT_CODE, REPORT_URL, KEY, TOKEN; BASE, the
verdict.json of the base branch's last run, where there is one; AUTHOR (default github-actions[bot]) is the login the
token writes as. GITHUB_REPOSITORY, GITHUB_API_URL, GITHUB_EVENT_PATH and GITHUB_SHA come from the
runner.

Exits 0 where there is nothing to comment on or the token may not write (the job summary holds the same text), 1 where
the API fails otherwise.
"""

# ruff: noqa: T201 - a script of a workflow talks to the log by printing

from __future__ import annotations

import json
import os
import re
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# GitHub refuses comments of more than 65,536 characters; bytes are the stricter count.
LIMIT = 65_535
ATTEMPTS = 3
PER_PAGE = 100
CUT = "\n\n… cut: the whole summary is on the page of the job, and in summary.md of the report.\n"
ROWS = 20
BLOCKING = {"failed", "unmeasured", "no result"}
MEANING = {
    "0": "passed",
    "1": "failed",
    "2": "interrupted",
    "3": "no verdict",
    "4": "bad configuration, data, model or options",
    "5": "nothing planned",
}


def main(environment: Mapping[str, str]) -> int:
    """Post or update the comment; returns the exit code."""
    pull_request = json.loads(Path(environment["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8")).get("pull_request")
    if not pull_request:
        print("explain-gate: no comment, this run does not belong to a pull request.")
        return 0
    body = render(environment)
    api = f"{environment['GITHUB_API_URL']}/repos/{environment['GITHUB_REPOSITORY']}/issues"
    author = environment.get("AUTHOR") or "github-actions[bot]"
    token = environment["TOKEN"]
    try:
        existing = find(f"{api}/{pull_request['number']}/comments", marker(environment["KEY"]), author, token)
        if existing is None:
            request("POST", f"{api}/{pull_request['number']}/comments", token, {"body": body})
            print("explain-gate: commented.")
        else:
            request("PATCH", f"{api}/comments/{existing}", token, {"body": body})
            print("explain-gate: updated the comment.")
    except urllib.error.HTTPError as error:
        answer = f"{error.code} {_message(error)}"
        if error.code != 403:
            print(_escape(f"::error title=explain-gate::No comment, the API answered: {answer}"))
            return 1
        why = _why_read_only(pull_request, environment)
        print(_escape(f"::notice title=explain-gate::No comment: {why} The API answered: {answer}"))
    except OSError as error:
        print(_escape(f"::error title=explain-gate::No comment, the API could not be reached: {error}"))
        return 1
    return 0


def render(environment: Mapping[str, str]) -> str:
    """The comment: hidden marker, summary or the reason why there is none, link and commit."""
    summary = Path(environment["SUMMARY"])
    code = environment.get("EXIT_CODE", "")
    if summary.is_file():
        text = summary.read_text(encoding="utf-8", errors="replace").strip()
    else:
        meaning = MEANING.get(code, "no verdict")
        text = f"### explain-gate: {meaning}\n\nThe gate left no report (exit code {code or 'unknown'}); see its log."
    beside = beside_base(_document(environment.get("BASE", "")), _document(str(summary.with_name("verdict.json"))))
    if beside:
        head, _, rest = text.partition("\n")
        text = f"{head}\n\n{beside}\n{rest}"
    # File and class names come from the pull request: they must not notify people.
    text = text.replace("@", "@\u200b")
    foot = f"\n\nCommit {environment.get('GITHUB_SHA', '')[:12]}"
    if environment.get("REPORT_URL"):
        foot += f" · [report]({environment['REPORT_URL']})"
    head = marker(environment["KEY"]) + "\n"
    room = LIMIT - len((head + foot).encode())
    return head + shorten(text, room) + foot


def beside_base(base: Any, now: Any) -> str:
    """What the change breaks, mends and leaves broken, as a table beside the base branch's verdict; empty without one.

    Rules are told by their key. One that the base did not plan counts as newly failing where it breaks now.
    """
    before, after = _statuses(base), _statuses(now)
    if before is None or after is None:
        return ""
    groups: dict[str, list[str]] = {"newly fails": [], "newly passes": [], "fails as before": []}
    for key, status in after.items():
        earlier = before.get(key)
        if status in BLOCKING:
            groups["fails as before" if earlier in BLOCKING else "newly fails"].append(key)
        elif status == "passed" and earlier in BLOCKING:
            groups["newly passes"].append(key)
    gone = [key for key, status in before.items() if status in BLOCKING and key not in after]
    groups["failed before, not asked now"] = gone
    if not any(groups.values()):
        return "Beside the base branch: no rule fails there or here."
    counts = ", ".join(f"**{len(keys)}** {told}" for told, keys in groups.items() if keys)
    rows = [
        f"| {told} | `{code(key)}` | {_told(before.get(key))} | {_told(after.get(key))} |"
        for told, keys in groups.items()
        for key in keys[:ROWS]
    ]
    more = sum(max(len(keys) - ROWS, 0) for keys in groups.values())
    tail = [f"\n… and {more} more rules, in both reports."] if more else []
    return "\n".join(
        [f"Beside the base branch: {counts}.", "", "| | rule | base | now |", "|---|---|---|---|", *rows, *tail]
    )


def code(text: str) -> str:
    """Text for a code span in a table: on one line, without what would end it or turn the line around."""
    plain = "".join(character if character.isprintable() else " " for character in text)
    safe = plain.replace("`", "'").replace("|", "¦")
    return safe if len(safe) <= 160 else safe[:159] + "…"


def marker(key: str) -> str:
    """The first line of the comment, invisible when rendered; by it the next run finds the comment again."""
    # Two dashes would end the HTML comment.
    safe = re.sub(r"[^A-Za-z0-9._/]+", "_", key)
    return f"<!-- explain-gate:{safe} -->"


def shorten(text: str, room: int) -> str:
    """The text if it fits into `room` bytes, else as many whole lines as do and a note that says so."""
    if len(text.encode()) <= room:
        return text
    lines = text.encode()[:room].decode(errors="ignore").split("\n")[:-1]
    while len((shortened := _close_blocks(lines) + CUT).encode()) > room:
        lines.pop()
    return shortened


def find(url: str, mark: str, author: str, token: str) -> int | None:
    """The id of the comment that starts with the marker, or None.

    Only a comment of `author` counts: anyone may post the marker, and could edit such a comment after it was updated.
    """
    page = 1
    while True:
        comments = request("GET", f"{url}?per_page={PER_PAGE}&page={page}", token)
        for comment in comments:
            if (comment.get("user") or {}).get("login") == author and (comment.get("body") or "").startswith(mark):
                return int(comment["id"])
        if len(comments) < PER_PAGE:
            return None
        page += 1


def request(method: str, url: str, token: str, payload: Mapping[str, str] | None = None) -> Any:
    """One call of the API, tried again where the server fails; raises HTTPError or OSError."""
    call = urllib.request.Request(  # noqa: S310 - the address is the runner's own API
        url,
        method=method,
        data=None if payload is None else json.dumps(payload).encode(),
        headers={
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "Content-Type": "application/json",
            "X-GitHub-Api-Version": "2022-11-28",
        },
    )
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with urllib.request.urlopen(call, timeout=30) as response:  # noqa: S310 - as above
                return json.load(response)
        except OSError as error:
            refused = isinstance(error, urllib.error.HTTPError) and error.code < 500
            # A POST that failed half-way may have been carried out; a second one would be a second comment.
            if refused or attempt == ATTEMPTS or method == "POST":
                raise
            time.sleep(attempt)
    raise AssertionError("unreachable")


def _document(path: str) -> Any:
    """A verdict.json; None where there is none, or nothing that could be one."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8")) if path else None
    except (OSError, ValueError):
        return None


def _statuses(document: Any) -> dict[str, str] | None:
    """Status of every rule by its key, as verdict.json tells it; a planned rule without a finding has no result."""
    try:
        statuses = {str(key): "no result" for key in document["planned"]}
        for one in document["findings"]:
            variant = "-".join(str(one[name]) for name in ("method", "class") if one.get(name)) or "all"
            statuses[f"{one['check']}[{variant}]"] = str(one["status"])
    except (TypeError, KeyError, AttributeError):
        return None
    return statuses


def _told(status: str | None) -> str:
    return code(status) if status else "not asked"


def _close_blocks(lines: list[str]) -> str:
    """The lines, with the code block and the details that a cut left open closed."""
    text = "\n".join(lines)
    fence = "\n```" if sum(line.startswith("```") for line in lines) % 2 else ""
    return text + fence + "\n</details>" * (text.count("<details") - text.count("</details>"))


def _why_read_only(pull_request: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    head = (pull_request["head"].get("repo") or {}).get("full_name")
    if head != environment["GITHUB_REPOSITORY"]:
        reason = "the pull request comes from a fork, whose token is read-only."
    else:
        reason = "the token may not write; grant `pull-requests: write` to the job that calls the gate."
    return f"{reason} The summary is on the page of the gate's job."


def _message(error: urllib.error.HTTPError) -> str:
    """What the API said; GitHub sends JSON with a message."""
    try:
        return str(json.load(error)["message"])
    except (ValueError, KeyError, TypeError):
        return str(error.reason)


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


if __name__ == "__main__":
    sys.exit(main(os.environ))
