"""A mistake in thresholds.yaml is told with file, line, key and what to write."""

from __future__ import annotations

import projects
import pytest

from explain_gate.errors import ConfigError

GOOD = projects.THRESHOLDS.format(corner="false")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            ("at_least: 0.9", "at_lest: 0.9"),
            ":11: checks.performance.accuracy.at_lest: unknown key; did you mean at_least? allowed here:",
        ),
        (
            ("at_least: 0.9", "at_least: high"),
            ":11: checks.performance.accuracy.at_least: input should be a valid number",
        ),
        (("at_least: 0.9", "at_least: .nan"), ":11: checks.performance.accuracy.at_least"),
        (("at_least: 0.9", "at_least: 0.9, at_most: 1"), "exactly one of at_least and at_most"),
        (("{at_least: 0.9}", "{}"), "must have a bound"),
        (("version: 1", "version: 2"), ":1: version"),
        (("version: 1\n", ""), "version: is missing"),
        (("performance:", "alignment:"), "the key is written twice"),
        (("grad_cam: {layer: window}", "{}"), "methods"),
        (("images: images", "images: [a"), "not valid YAML"),
        (("data:", "data: &a\n  x: *a\n  y: 1\n "), "alias"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_write(load, change, told):
    """File, line, key, what is wrong."""
    with pytest.raises(ConfigError) as caught:
        load(GOOD.replace(*change))
    assert told in str(caught.value)
    assert "thresholds.yaml:" in str(caught.value)


def test_all_mistakes_are_told_at_once(load):
    """Nobody wants to run the gate once per typing error."""
    with pytest.raises(ConfigError) as caught:
        load(GOOD.replace("at_least: 0.9", "at_lest: 0.9").replace("at_most: 0.3", "at_mst: 0.3"))
    assert "at_lest" in str(caught.value)
    assert "at_mst" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("images: images", "images: images\n  resize: 64"), "unknown key; it belongs to data.preprocessing;"),
        (("version: 1", "version: 1\ntarget_layer: window"), "unknown key; it belongs to model;"),
        (
            ("version: 1", "version: 1\ntracking: {promote: {model: pets, alias: a, foureyes: true}}"),
            "did you mean four_eyes?",
        ),
    ],
)
def test_a_key_in_the_wrong_place_is_sent_where_it_belongs(load, change, told):
    """The keys that people write are real ones, a level too high or too low."""
    with pytest.raises(ConfigError) as caught:
        load(GOOD.replace(*change))
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("promote", "told"),
    [
        ("require_attestation: true, verify_signature: [gpg, --verify]", "{attestation}"),
        ('verify_signature: [gpg, --verify, "{attestation}"]', "require_attestation must be true"),
    ],
)
def test_a_signature_is_that_of_the_statement(load, promote, told):
    """A command that never sees it would say yes to any; one without the demand would never be asked."""
    tracking = f"version: 1\ntracking: {{promote: {{model: pets, alias: a, {promote}}}}}"
    with pytest.raises(ConfigError) as caught:
        load(GOOD.replace("version: 1", tracking))
    assert told in str(caught.value)
