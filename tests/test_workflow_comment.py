"""The script that keeps one comment per gate on a pull request, against a stand-in for GitHub's API on loopback."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
COMMENT = ROOT / ".github/actions/explain-gate/comment/comment.py"
MARKER = "<!-- explain-gate:thresholds.yaml -->"
BOT = "github-actions[bot]"


class FakeApi:
    """GitHub's comments API on the loopback address: comments of one pull request, 100 a page."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.calls: list[tuple[str, str]] = []
        self.failures: list[tuple[int, str] | None] = []  # None: this call goes through
        api = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self, status: int, value: Any) -> None:
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def handle_call(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                payload = json.loads(self.rfile.read(length)) if length else None
                api.calls.append((self.command, self.path))
                assert self.headers["Authorization"] == "Bearer secret-token"
                failure = api.failures.pop(0) if api.failures else None
                if failure:
                    self.answer(failure[0], {"message": failure[1]})
                elif self.command == "GET":
                    page = int(re.search(r"[?&]page=(\d+)", self.path)[1])
                    self.answer(200, api.comments[(page - 1) * 100 : page * 100])
                elif self.command == "POST":
                    comment = {"id": len(api.comments) + 1, "user": {"login": BOT}, **payload}
                    api.comments.append(comment)
                    self.answer(201, comment)
                else:
                    comment = api.comments[int(self.path.rsplit("/", 1)[1]) - 1]
                    comment.update(payload)
                    self.answer(200, comment)

            do_GET = do_POST = do_PATCH = handle_call  # noqa: N815 - the names http.server looks for

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def add(self, login: str, body: str) -> None:
        """A comment that is there before the run."""
        self.comments.append({"id": len(self.comments) + 1, "user": {"login": login}, "body": body})

    @property
    def writes(self) -> list[tuple[str, str]]:
        """Method and path of every call that changes something."""
        return [call for call in self.calls if call[0] != "GET"]


def _verdict(class_name: str = "cat", **statuses: str) -> str:
    """A verdict.json with one rule for each name."""
    findings = [
        {"check": f"family.{name}", "method": "grad_cam", "class": class_name, "status": status}
        for name, status in statuses.items()
    ]
    return json.dumps({"planned": [f"family.{name}[grad_cam-{class_name}]" for name in statuses], "findings": findings})


@pytest.fixture
def api():
    """A running fake API, stopped when the test ends."""
    fake = FakeApi()
    thread = threading.Thread(target=fake.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield fake
    fake.server.shutdown()
    thread.join()
    fake.server.server_close()


class TestComment:
    """comment.py against the fake API."""

    def comment(
        self,
        api: FakeApi,
        folder: Path,
        summary: str | None = "1 rule failed",
        *,
        head: str = "owner/shop",
        event: dict[str, Any] | None = None,
        **environment: str,
    ) -> subprocess.CompletedProcess[str]:
        """Runs the script as the action does and returns the process."""
        pull_request = {"pull_request": {"number": 7, "head": {"repo": {"full_name": head}}}}
        (folder / "event.json").write_text(json.dumps(pull_request if event is None else event))
        if summary is not None:
            (folder / "summary.md").write_text(summary, encoding="utf-8")
        result = subprocess.run(
            [sys.executable, "-I", COMMENT],
            env={
                "SUMMARY": str(folder / "summary.md"),
                "EXIT_CODE": "1",
                "REPORT_URL": "https://github.com/owner/shop/actions/runs/1/artifacts/2",
                "KEY": "thresholds.yaml",
                "TOKEN": "secret-token",
                "GITHUB_REPOSITORY": "owner/shop",
                "GITHUB_API_URL": api.url,
                "GITHUB_EVENT_PATH": str(folder / "event.json"),
                "GITHUB_SHA": "0123456789abcdef",
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert "secret-token" not in result.stdout + result.stderr
        return result

    def test_posts_once_then_updates(self, api: FakeApi, tmp_path: Path):
        """The first run posts a comment, later runs change it."""
        for summary in ("1 rule failed", "all rules passed"):
            result = self.comment(api, tmp_path, summary)
            assert result.returncode == 0, result.stdout + result.stderr
        assert len(api.comments) == 1
        body = api.comments[0]["body"]
        assert body.splitlines()[0] == MARKER
        assert "all rules passed" in body
        assert "1 rule failed" not in body
        assert "Commit 0123456789ab · [report](https://github.com/owner/shop/actions/runs/1/artifacts/2)" in body
        assert api.writes == [
            ("POST", "/repos/owner/shop/issues/7/comments"),
            ("PATCH", "/repos/owner/shop/issues/comments/1"),
        ]

    def test_finds_its_comment_behind_many_others(self, api: FakeApi, tmp_path: Path):
        """The comment is found on a later page of the conversation."""
        for number in range(250):
            api.add("reviewer", f"remark {number}")
        api.add(BOT, f"{MARKER}\nold")
        self.comment(api, tmp_path)
        assert api.writes == [("PATCH", "/repos/owner/shop/issues/comments/251")]

    def test_a_stranger_with_the_marker_is_left_alone(self, api: FakeApi, tmp_path: Path):
        """A person who posts the marker does not get to own the gate's comment."""
        api.add("stranger", f"{MARKER}\nall rules passed")
        self.comment(api, tmp_path)
        assert [call[0] for call in api.writes] == ["POST"]
        assert api.comments[0]["body"] == f"{MARKER}\nall rules passed"

    def test_two_gates_have_a_comment_each(self, api: FakeApi, tmp_path: Path):
        """The key tells gates apart, and cannot end the hidden marker."""
        self.comment(api, tmp_path)
        result = self.comment(api, tmp_path, KEY="gates/b-->x.yaml")
        assert result.returncode == 0
        assert [comment["body"].splitlines()[0] for comment in api.comments] == [
            MARKER,
            "<!-- explain-gate:gates/b_x.yaml -->",
        ]

    def test_a_long_summary_is_cut_at_a_line(self, api: FakeApi, tmp_path: Path):
        """A body stays under 65,536 characters, ends in whole lines with a note, and keeps link and commit."""
        lines = [f"| rule {number} | ✗ | {'ü' * 40} |" for number in range(3000)]
        self.comment(api, tmp_path, "\n".join(lines))
        body = api.comments[0]["body"]
        assert len(body.encode()) < 65_536
        assert len(body.encode()) > 65_000
        head, note = body.split("\n\n… cut: ")
        kept = head.splitlines()[1:]
        assert kept == lines[: len(kept)]
        assert "summary.md of the report" in note
        assert "Commit 0123456789ab" in note

    @pytest.mark.parametrize(
        ("opening", "closing"), [("```text", "```"), ("<details><summary>rules</summary>\n", "</details>")]
    )
    def test_a_cut_leaves_no_block_open(self, api: FakeApi, tmp_path: Path, opening: str, closing: str):
        """A code block or details that the cut interrupts is closed, so that the note and the link are seen."""
        self.comment(api, tmp_path, f"{opening}\n" + "value\n" * 20_000 + closing)
        body = api.comments[0]["body"]
        assert len(body.encode()) < 65_536
        assert f"value\n{closing}\n\n… cut: " in body

    def test_one_endless_line_is_cut_too(self, api: FakeApi, tmp_path: Path):
        """Where not one line fits, the note alone is posted."""
        self.comment(api, tmp_path, "x" * 200_000)
        assert "… cut: " in api.comments[0]["body"]
        assert "xxx" not in api.comments[0]["body"]

    def test_names_in_the_summary_notify_nobody(self, api: FakeApi, tmp_path: Path):
        """A file or class name with @ does not mention a person or a team."""
        self.comment(api, tmp_path, "Worst: @owner/everyone.jpg")
        assert "@owner" not in api.comments[0]["body"]
        assert "@\u200bowner/everyone.jpg" in api.comments[0]["body"]

    def test_the_change_is_told_beside_the_base_branch(self, api: FakeApi, tmp_path: Path):
        """What it breaks, mends and leaves broken, by rule, under the sentence and over the rest."""
        (tmp_path / "base.json").write_text(_verdict(a="passed", b="failed", c="failed", gone="unmeasured", e="passed"))
        (tmp_path / "verdict.json").write_text(
            _verdict(a="failed", b="passed", c="unmeasured", new="failed", e="passed")
        )
        self.comment(api, tmp_path, "## Blocked: why\n\nrest", BASE=str(tmp_path / "base.json"))
        body = api.comments[0]["body"]
        head, rest = body.index("## Blocked: why"), body.index("\nrest")
        told = body[head:rest]
        assert (
            "Beside the base branch: **2** newly fails, **1** newly passes, **1** fails as before, "
            "**1** failed before, not asked now." in told
        )
        assert "| newly fails | `family.a[grad_cam-cat]` | passed | failed |" in told
        assert "| newly fails | `family.new[grad_cam-cat]` | not asked | failed |" in told
        assert "| newly passes | `family.b[grad_cam-cat]` | failed | passed |" in told
        assert "| fails as before | `family.c[grad_cam-cat]` | failed | unmeasured |" in told
        assert "| failed before, not asked now | `family.gone[grad_cam-cat]` | unmeasured | not asked |" in told
        assert "family.e" not in told

    def test_names_cannot_break_out_of_the_table(self, api: FakeApi, tmp_path: Path):
        """Pipes, backticks, tags, mentions, line breaks and marks that turn text around stay text in one cell."""
        name = "x` | <script>@everyone\r\n\u202eevil"
        (tmp_path / "base.json").write_text(_verdict(a="passed"))
        (tmp_path / "verdict.json").write_text(_verdict(class_name=name, a="failed"))
        self.comment(api, tmp_path, "## Blocked: why", BASE=str(tmp_path / "base.json"))
        (row,) = [line for line in api.comments[0]["body"].splitlines() if line.startswith("| newly fails")]
        assert row.count("|") == 5
        assert row.count("`") == 2
        assert "@everyone" not in row
        assert "\u202e" not in row

    @pytest.mark.parametrize("base", [None, "", "[]", '{"planned": 3}', "not json"])
    def test_without_a_verdict_of_the_base_there_is_no_table(self, api: FakeApi, tmp_path: Path, base: str | None):
        """A first run, an expired cache or a damaged file: the summary stands alone."""
        if base is not None:
            (tmp_path / "base.json").write_text(base)
        (tmp_path / "verdict.json").write_text(_verdict(a="failed"))
        result = self.comment(api, tmp_path, BASE=str(tmp_path / "base.json"))
        assert result.returncode == 0, result.stderr
        assert "base branch" not in api.comments[0]["body"]

    @pytest.mark.parametrize(
        ("code", "words"), [("4", "bad configuration, data, model or options"), ("3", "no verdict"), ("", "no verdict")]
    )
    def test_a_gate_without_report_is_told(self, api: FakeApi, tmp_path: Path, code: str, words: str):
        """An old comment must not stay green when the next run found bad input."""
        api.add(BOT, f"{MARKER}\nall rules passed")
        result = self.comment(api, tmp_path, None, EXIT_CODE=code, REPORT_URL="")
        assert result.returncode == 0
        body = api.comments[0]["body"]
        assert words in body
        assert "all rules passed" not in body
        assert "[report]" not in body

    @pytest.mark.parametrize(
        ("head", "reason"),
        [("stranger/shop", "comes from a fork, whose token is read-only"), ("owner/shop", "`pull-requests: write`")],
    )
    def test_a_read_only_token_is_no_failure(self, api: FakeApi, tmp_path: Path, head: str, reason: str):
        """The script says why it did not comment and where the summary is, and exits 0."""
        api.failures = [(403, "Resource not accessible by integration")]
        result = self.comment(api, tmp_path, head=head)
        assert result.returncode == 0
        assert "::notice" in result.stdout
        assert reason in result.stdout
        assert "Resource not accessible by integration" in result.stdout
        assert "on the page of the gate's job" in result.stdout
        assert api.comments == []

    def test_a_fork_that_was_deleted_is_a_fork(self, api: FakeApi, tmp_path: Path):
        """GitHub sends null for the repository of a deleted fork."""
        api.failures = [(403, "no")]
        result = self.comment(api, tmp_path, event={"pull_request": {"number": 7, "head": {"repo": None}}})
        assert result.returncode == 0
        assert "fork" in result.stdout

    def test_a_push_has_no_comment(self, api: FakeApi, tmp_path: Path):
        """Outside a pull request there is nothing to comment on."""
        result = self.comment(api, tmp_path, event={"ref": "refs/heads/main"})
        assert result.returncode == 0
        assert "does not belong to a pull request" in result.stdout
        assert api.calls == []

    def test_a_passing_fault_is_tried_again(self, api: FakeApi, tmp_path: Path):
        """A server error on reading is no reason to give up."""
        api.failures = [(502, "Bad gateway")]
        result = self.comment(api, tmp_path)
        assert result.returncode == 0
        assert len(api.comments) == 1

    def test_a_failed_post_is_not_repeated(self, api: FakeApi, tmp_path: Path):
        """A second POST could be a second comment; the run fails and says so instead."""
        api.failures = [None, (500, "broken")]
        result = self.comment(api, tmp_path)
        assert result.returncode == 1
        assert "::error" in result.stdout
        assert "500 broken" in result.stdout
        assert [call[0] for call in api.writes] == ["POST"]

    def test_an_unknown_refusal_fails_the_step(self, api: FakeApi, tmp_path: Path):
        """What is neither a fault of the moment nor a read-only token is an error, on one line of the log."""
        api.failures = [(422, "Validation failed\n::error::forged")]
        result = self.comment(api, tmp_path)
        assert result.returncode == 1
        assert result.stdout.count("\n") == 1
        assert "422 Validation failed%0A" in result.stdout
