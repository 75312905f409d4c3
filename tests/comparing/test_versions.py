"""A version is its weights: its latest verdict stands for it."""

from dataclasses import replace

from versions import again, life, version

from explain_gate.comparing.timeline import told


def test_a_version_is_its_latest_verdict_however_often_it_was_measured():
    """Re-measurements are no versions; a run that came to no verdict does not take one away."""
    versions = life(0.5, 0.5)
    versions[0] = again(again(versions[0], 0.5), 0.2)
    versions[1] = again(versions[1], verdict="error", exit_code=3)
    assert [one.verdict for one in versions] == ["failed", "passed"]
    assert told(versions).startswith("2 versions in 5 runs, 1 blocked")
    assert [one.findings[0].value for one in versions] == [0.2, 0.5]


def test_a_version_is_called_what_people_know_it_by():
    """Its number in the registry, its weights, or its file."""
    numbered = version(14, 0.5)
    assert numbered.named == "version 14"
    assert replace(numbered, label="3f9a1c2b…").named == "weights 3f9a1c2b…"
    assert replace(numbered, label="epoch-07").named == "epoch-07"
