#!/usr/bin/env python3
"""One comment per gate on a pull request: posted once, then updated. Standard library only; images are never sent.

Environment: SUMMARY (path of summary.md), EXIT_CODE, REPORT_URL, KEY, TOKEN; AUTHOR (default github-actions[bot]) is
the login the token writes as. GITHUB_REPOSITORY, GITHUB_API_URL, GITHUB_EVENT_PATH and GITHUB_SHA come from the
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
    # File and class names come from the pull request: they must not notify people.
    text = text.replace("@", "@\u200b")
    foot = f"\n\nCommit {environment.get('GITHUB_SHA', '')[:12]}"
    if environment.get("REPORT_URL"):
        foot += f" · [report]({environment['REPORT_URL']})"
    head = marker(environment["KEY"]) + "\n"
    room = LIMIT - len((head + foot).encode())
    return head + shorten(text, room) + foot


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
