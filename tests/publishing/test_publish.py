"""publish() leaves every file of a run behind, from records alone."""

import subprocess
import sys


def test_every_file_is_written_beside_the_profile(report):
    """The folder holds what the contract names."""
    names = {path.name for path in report.iterdir()}
    assert names == {"verdict.json", "junit.xml", "metrics.txt", "summary.md", "index.html", "assets", "profile"}


def test_publishing_twice_gives_the_same_bytes(report, run):
    """Nothing in the files depends on time or order."""
    from explain_gate.publishing.publish import publish

    before = {path: path.read_bytes() for path in report.rglob("*") if path.is_file()}
    config = "version: 1\n"
    publish(run.verdict, run.profile, report, config_text=config)
    first = {path: path.read_bytes() for path in report.rglob("*") if path.is_file()}
    publish(run.verdict, run.profile, report, config_text=config)
    assert first == {path: path.read_bytes() for path in report.rglob("*") if path.is_file()}
    assert before.keys() == first.keys()


def test_publishing_loads_neither_torch_nor_mlflow():
    """A report is rendered again on a machine that has only the records."""
    code = "import sys, explain_gate.publishing.publish; sys.exit(bool({'torch', 'mlflow'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
