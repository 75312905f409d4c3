"""What a run leaves behind, from options to the published folder."""

import datetime as dt
import json

import projects


def test_no_surface_shows_a_secret_and_each_says_who_started_it(tmp_path, write_project, measured, monkeypatch):
    """A name with a password, a tracking address and a token of the environment: in no byte that is published."""
    monkeypatch.setenv("REGISTRY_TOKEN", "tok3n-of-the-registry")
    model = '{{name: "pets http://ann:s3cret@host tok3n-of-the-registry", source'
    text = projects.THRESHOLDS.replace("{{source", model) + 'tracking: {{uri: "http://ann:s3cret@host:5000"}}\n'
    write_project(tmp_path / "project", thresholds=text)
    session = measured()
    verdict = session.conclude(tuple(session.findings.values()), messages=["refused: Authorization: Bearer s3cret-1"])
    output = session.finish(verdict).output
    published = {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}
    assert {path.name for path in published} >= {
        "verdict.json",
        "index.html",
        "junit.xml",
        "summary.md",
        "scores.parquet",
    }
    assert not [path for path, content in published.items() if b"s3cret" in content or b"tok3n" in content]
    told = json.loads((output / "verdict.json").read_text(encoding="utf-8"))
    assert told["model"]["name"] == "pets http://***@host ***"
    assert told["messages"] == ["refused: Authorization: ***"]
    environment = told["environment"]
    assert environment["started_by"] in (output / "index.html").read_text(encoding="utf-8")
    assert dt.datetime.fromisoformat(environment["started"]).tzinfo is not None
    assert {"started_from", "command", "git_commit", "git_dirty", "git_diff_digest"} <= set(environment)
