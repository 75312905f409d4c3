"""Who started a run, when, and from which state of the code, seen by real git."""

import datetime as dt
import getpass
import subprocess
import sys

import pytest

from explain_gate.measuring.provenance import COMMAND, code_state, describe_provenance

CI = ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD", "JENKINS_URL", "BUILDKITE", "CIRCLECI")


def git(folder, *arguments):
    """Run git as a person who is nobody."""
    identity = ("-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def tree(tmp_path):
    """A repository with one commit; the gate lies in a folder of it."""
    (tmp_path / "gate").mkdir()
    (tmp_path / "model.py").write_text("width = 8\n")
    (tmp_path / "gate" / "thresholds.yaml").write_text("version: 1\n")
    (tmp_path / ".gitignore").write_text("ignored\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_a_clean_tree(tree):
    """The commit, and nothing that differs; what is ignored or the product wrote itself does not count."""
    for name in (
        "ignored",
        "mlflow.db",
        ".explain-gate/cache/x",
        "reports/r/verdict.json",
        "out/verdict.json",
        "out/x",
    ):
        (tree / "gate" / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / "gate" / name).write_text("x")
    assert code_state(tree / "gate") == {
        "git_commit": git(tree, "rev-parse", "HEAD"), "git_dirty": False, "git_diff_digest": None,
    }  # fmt: skip


def test_each_change_of_the_code_has_its_own_digest(tree):
    """Edited, staged, removed, made executable, new in another folder: each is told, and each is told apart."""

    def digest():
        state = code_state(tree / "gate")
        assert state["git_dirty"] is (state["git_diff_digest"] is not None)
        return state["git_diff_digest"]

    def edit(text):
        return lambda: (tree / "model.py").write_text(text)

    seen = [digest()]
    for change in (
        edit("width = 9\n"),
        edit("width = 10\n"),
        (tree / "gate" / "thresholds.yaml").unlink,
        lambda: (tree / "model.py").chmod(0o755),
        lambda: (tree / "new.py").write_text("a = 1\n"),
        lambda: (tree / "new.py").write_text("a = 2\n"),
        lambda: (tree / "new.py").rename(tree / "newer.py"),
    ):
        change()
        seen.append(digest())
    assert len(set(seen)) == len(seen)
    git(tree, "add", "model.py")
    assert digest() == seen[-1], "staging changes no code"
    git(tree, "config", "diff.noprefix", "true")
    assert digest() == seen[-1], "how a person likes a diff shown changes no code"
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "second")
    assert digest() is None


def test_outside_of_git_nothing_is_claimed(tmp_path):
    """No repository, or one without a commit: unknown, which is not clean."""
    unknown = {"git_commit": None, "git_dirty": None, "git_diff_digest": None}
    assert code_state(tmp_path / "missing") == unknown
    git(tmp_path, "init", "-q")
    assert code_state(tmp_path) == unknown


def test_a_person_at_a_command_line(tmp_path, monkeypatch):
    """The user, the command, and the time with its zone."""
    for name in CI:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "argv", ["/usr/bin/explain-gate", "run", "--output", "a b"])
    told = describe_provenance(tmp_path)
    started = dt.datetime.fromisoformat(told["started"])
    assert started.tzinfo is not None
    assert abs(dt.datetime.now(dt.UTC) - started) < dt.timedelta(minutes=1)
    assert (told["started_by"], told["started_from"], told["job"]) == (getpass.getuser(), "command line", None)
    assert told["command"] == "explain-gate run --output 'a b'"
    monkeypatch.setenv(COMMAND, "explain-gate run")
    assert describe_provenance(tmp_path)["command"] == "explain-gate run"


@pytest.mark.parametrize(
    ("variables", "by", "told", "job"),
    [
        (
            {
                "GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "ann", "GITHUB_TRIGGERING_ACTOR": "bob",
                "GITHUB_EVENT_NAME": "pull_request", "GITHUB_WORKFLOW": "gate", "GITHUB_RUN_ID": "9",
                "GITHUB_SERVER_URL": "https://git.example", "GITHUB_REPOSITORY": "a/b", "CI": "true",
            },
            "bob", "GitHub Actions: pull_request, gate", "https://git.example/a/b/actions/runs/9",
        ),
        (
            {"GITLAB_CI": "true", "GITLAB_USER_LOGIN": "ann", "CI_PIPELINE_SOURCE": "push", "CI_JOB_URL": "https://g/9"},
            "ann", "GitLab CI: push", "https://g/9",
        ),
        ({"CI": "1", "BUILD_URL": "https://b/9"}, getpass.getuser(), "CI", "https://b/9"),
        ({"CI": "1"}, getpass.getuser(), "CI", None),
        ({"CI": "false"}, getpass.getuser(), "command line", None),
    ],
)  # fmt: skip
def test_a_ci_job(tmp_path, monkeypatch, variables, by, told, job):
    """The account that triggered the job, the event and the job's address."""
    for name in (*CI, "BUILD_URL", "GITHUB_WORKFLOW", "CI_JOB_NAME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = describe_provenance(tmp_path)
    assert (found["started_by"], found["started_from"], found["job"]) == (by, told, job)


def test_importing_it_loads_no_torch():
    """A process that only starts others can say who started it."""
    code = "import sys, explain_gate.measuring.provenance; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
