"""The workflows, the composite actions and the comment script, checked without network."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github/actions").rglob("action.yml"))
COMMENT = ROOT / ".github/actions/explain-gate/comment/comment.py"
RUN = ROOT / ".github/actions/explain-gate/run.sh"
MARKER = "<!-- explain-gate:thresholds.yaml -->"
BOT = "github-actions[bot]"


def load(path: Path) -> dict[Any, Any]:
    """The file as GitHub sees it; YAML 1.1 reads the key `on` as True."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(document: dict[Any, Any]) -> list[dict[str, Any]]:
    """Every step of a workflow or a composite action."""
    if "runs" in document:
        return document["runs"]["steps"]
    return [step for job in document["jobs"].values() for step in job.get("steps", [])]


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


class TestFiles:
    """What every workflow and action keeps to."""

    def test_zizmor_finds_nothing(self):
        """The security audit of workflows, actions and Dependabot's file is clean, also in its strictest mode."""
        zizmor = Path(sysconfig.get_path("scripts")) / "zizmor"
        result = subprocess.run(
            [zizmor, "--offline", "--persona=auditor", "--format=json", ROOT],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        assert json.loads(result.stdout) == []
        audited = set(re.findall(r"completed (\S+)", result.stderr))
        assert {str(path) for path in WORKFLOWS + ACTIONS} <= audited

    @pytest.mark.parametrize("path", WORKFLOWS + ACTIONS, ids=names(WORKFLOWS + ACTIONS))
    def test_actions_are_pinned_by_full_commit_hash_with_their_version(self, path: Path):
        """A foreign action has 40 hexadecimal digits and a version comment; `$/` is the commit that is running."""
        lines = re.findall(r"uses: *(.+)", path.read_text(encoding="utf-8"))
        used = [line for line in lines if "FULL-COMMIT-HASH" not in line]  # the example in a comment
        faults = [
            line
            for line in used
            if not re.fullmatch(r"\$/\.github/\S+|[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)
        ]
        assert faults == []

    def test_one_action_has_one_pin(self):
        """The same action is not pinned to different commits in different files."""
        pins: dict[str, set[str]] = {}
        for path in WORKFLOWS + ACTIONS:
            for step in steps(load(path)):
                action, _, commit = step.get("uses", "").partition("@")
                if commit:
                    pins.setdefault(action, set()).add(commit)
        assert pins
        assert {action: commits for action, commits in pins.items() if len(commits) > 1} == {}

    def test_own_references_exist(self):
        """A `$/` reference points at a file of this repository."""
        used = [step.get("uses", "") for path in WORKFLOWS + ACTIONS for step in steps(load(path))]
        used += [job.get("uses", "") for path in WORKFLOWS for job in load(path)["jobs"].values()]
        own = {reference.removeprefix("$/") for reference in used if reference.startswith("$/")}
        assert len(own) == 3
        for reference in own:
            target = ROOT / reference
            assert target.is_file() or (target / "action.yml").is_file(), reference

    @pytest.mark.parametrize("path", WORKFLOWS, ids=names(WORKFLOWS))
    def test_permissions_are_named_job_by_job(self, path: Path):
        """A workflow grants nothing; each job takes what it needs and only a comment may be written."""
        document = load(path)
        assert document["permissions"] == {}
        for name, job in document["jobs"].items():
            writes = {scope for scope, access in job["permissions"].items() if access != "read"}
            assert writes <= {"pull-requests"}, name
            if writes and "steps" in job:
                assert name == "comment"

    def test_the_job_that_writes_never_checks_out_code(self):
        """The comment job has a writing token, so it must not hold the pull request's files."""
        job = load(ROOT / ".github/workflows/gate.yml")["jobs"]["comment"]
        assert not [step for step in job["steps"] if "checkout" in step.get("uses", "")]
        assert not [step for step in job["steps"] if "run" in step]

    @pytest.mark.parametrize("path", WORKFLOWS + ACTIONS, ids=names(WORKFLOWS + ACTIONS))
    def test_scripts_take_expressions_through_the_environment(self, path: Path):
        """No expression is pasted into a shell script, where its value would be run."""
        for step in steps(load(path)):
            assert "${{" not in step.get("run", "")

    @pytest.mark.parametrize("path", WORKFLOWS, ids=names(WORKFLOWS))
    def test_checkouts_leave_no_credentials(self, path: Path):
        """The token does not stay in .git/config for the steps that run a repository's code."""
        for step in steps(load(path)):
            if "actions/checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False

    @pytest.mark.parametrize("path", WORKFLOWS, ids=names(WORKFLOWS))
    def test_jobs_end_by_themselves(self, path: Path):
        """Every job with steps has a time limit."""
        for name, job in load(path)["jobs"].items():
            assert "steps" not in job or "timeout-minutes" in job, name


class TestGate:
    """The reusable workflow."""

    def test_inputs(self):
        """A caller chooses the configuration, the checkpoint, the reference and the output."""
        call = load(ROOT / ".github/workflows/gate.yml")[True]["workflow_call"]
        assert {"config", "checkpoint", "reference", "output"} <= set(call["inputs"])
        assert all("default" in value for value in call["inputs"].values())
        assert set(call["outputs"]) == {"exit-code", "report-url"}

    def test_the_required_job_is_never_skipped(self):
        """GitHub counts a skipped required job as passed, so the gate has neither a condition nor a job before it."""
        job = load(ROOT / ".github/workflows/gate.yml")["jobs"]["gate"]
        assert job["name"] == "gate"
        assert not {"if", "needs", "continue-on-error", "strategy"} & set(job)
        assert not [step for step in job["steps"] if "continue-on-error" in step]

    def test_the_report_is_uploaded_also_when_the_gate_fails(self):
        """The upload runs always; the step that runs the gate is the one that fails the job."""
        run, upload = steps(load(ROOT / ".github/actions/explain-gate/action.yml"))
        assert "if" not in run
        assert "continue-on-error" not in run
        assert "upload-artifact" in upload["uses"]
        assert upload["if"] == "${{ always() }}"

    def test_every_input_arrives(self):
        """What the workflow passes to the actions is what they declare."""
        for path in WORKFLOWS:
            for step in steps(load(path)):
                if step.get("uses", "").startswith("$/"):
                    action = load(ROOT / step["uses"].removeprefix("$/") / "action.yml")
                    assert set(step["with"]) <= set(action["inputs"]), step["uses"]

    def test_ci_runs_the_same_script_as_everyone(self):
        """The project's own tests are `.ci/run`, which is `make test`."""
        scripts = [step.get("run") for step in steps(load(ROOT / ".github/workflows/ci.yml"))]
        assert "bash .ci/run" in scripts
        script = (ROOT / ".ci/run").read_text(encoding="utf-8")
        assert re.search(r"^exec make test", script, re.MULTILINE)
        assert os.access(ROOT / ".ci/run", os.X_OK)


class TestRun:
    """run.sh of the composite action, with a stand-in for the gate's command."""

    def run(self, folder: Path, script: str, **inputs: str) -> tuple[subprocess.CompletedProcess[str], str, str]:
        """Runs the step in `folder`; returns the process, the step's outputs and the job summary."""
        command = folder / "bin/explain-gate"
        command.parent.mkdir()
        command.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        command.chmod(0o755)
        files = {"GITHUB_OUTPUT": folder / "output.txt", "GITHUB_STEP_SUMMARY": folder / "job.md"}
        for path in files.values():
            path.touch()
        result = subprocess.run(
            ["bash", RUN],
            cwd=folder,
            env={
                "PATH": f"{command.parent}:{os.environ['PATH']}",
                "CONFIG": "thresholds.yaml",
                "OUTPUT": "out",
                **{name: str(path) for name, path in files.items()},
                **inputs,
            },
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        return result, files["GITHUB_OUTPUT"].read_text(), files["GITHUB_STEP_SUMMARY"].read_text()

    def test_passes_what_is_given(self, tmp_path: Path):
        """Only inputs with a value become options, and a value is one argument whatever it holds."""
        script = 'printf "%s\\n" "$@" >arguments; mkdir out; touch out/verdict.json'
        hostile = "a b; touch pwned $(touch pwned)"
        result, output, _ = self.run(tmp_path, script, CHECKPOINT=hostile, REFERENCE="")
        assert result.returncode == 0, result.stderr
        assert output == "exit-code=0\n"
        expected = ["run", "--config", "thresholds.yaml", "--output", "out", "--checkpoint", hostile]
        assert (tmp_path / "arguments").read_text().splitlines() == expected
        assert not (tmp_path / "pwned").exists()

    def test_a_failed_gate_fails_the_step_and_shows_its_summary(self, tmp_path: Path):
        """The exit code is the verdict's; the job summary is the report's."""
        script = 'mkdir out; touch out/verdict.json; echo "1 rule failed" >out/summary.md; exit 1'
        result, output, summary = self.run(tmp_path, script)
        assert (result.returncode, output, summary) == (1, "exit-code=1\n", "1 rule failed\n")

    def test_a_summary_is_not_written_twice(self, tmp_path: Path):
        """Where the gate wrote the job summary itself, the step leaves it."""
        script = 'mkdir out; touch out/verdict.json; echo once | tee out/summary.md >>"$GITHUB_STEP_SUMMARY"'
        _, _, summary = self.run(tmp_path, script)
        assert summary == "once\n"

    def test_bad_input_is_told_on_the_page_of_the_job(self, tmp_path: Path):
        """Without a report the job summary says that there is no verdict."""
        result, output, summary = self.run(tmp_path, "exit 4")
        assert (result.returncode, output) == (4, "exit-code=4\n")
        assert summary == "explain-gate: no verdict (exit code 4), see the log of this step.\n"

    def test_success_without_a_verdict_is_a_failure(self, tmp_path: Path):
        """Exit 0 with nothing on disk means that nothing was checked."""
        result, output, _ = self.run(tmp_path, "exit 0")
        assert (result.returncode, output) == (3, "exit-code=3\n")

    def test_a_committed_report_is_refused(self, tmp_path: Path):
        """A report that was there before the run is not shown as its result, and the gate is not started."""
        (tmp_path / "out").mkdir()
        (tmp_path / "out/summary.md").write_text("all passed")
        result, output, summary = self.run(tmp_path, "touch started")
        assert (result.returncode, output) == (4, "exit-code=4\n")
        assert "all passed" not in summary
        assert not (tmp_path / "started").exists()


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


class TestPreCommit:
    """.pre-commit-hooks.yaml."""

    hook = load(ROOT / ".pre-commit-hooks.yaml")[0]

    @pytest.mark.parametrize(
        ("path", "matches"),
        [
            ("thresholds.yaml", True),
            ("gates/pets/thresholds.yml", True),
            ("my-thresholds.yaml", False),
            ("thresholds.yaml.bak", False),
        ],
    )
    def test_which_files(self, path: str, matches: bool):
        """The hook looks at files of this name in any folder."""
        assert bool(re.search(self.hook["files"], path)) is matches

    def test_validates_each_file(self, tmp_path: Path):
        """Every file is validated by itself, and the first bad one stops with its exit code."""
        command = tmp_path / "explain-gate"
        command.write_text('#!/bin/sh\necho "$@" >>"$LOG"\ncase "$3" in bad*) exit 4;; esac\n', encoding="utf-8")
        command.chmod(0o755)
        log = tmp_path / "log"
        result = subprocess.run(
            [*shlex.split(self.hook["entry"]), "a b/thresholds.yaml", "bad/thresholds.yaml", "c/thresholds.yaml"],
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "LOG": str(log)},
            timeout=20,
            check=False,
        )
        assert result.returncode == 4
        assert log.read_text().splitlines() == [
            "validate --config a b/thresholds.yaml",
            "validate --config bad/thresholds.yaml",
        ]
