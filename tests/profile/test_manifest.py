"""manifest.json is typed: every version is read as today's, and what is not a manifest is told by its key."""

import json

import pytest

from explain_gate.errors import ReferenceError
from explain_gate.profile.manifest import SCHEMA_VERSION, manifest_text, read_manifest

TODAY = {
    "schema_version": SCHEMA_VERSION,
    "model": {"source": "shop:build", "digest": "ab" * 32},
    "dataset": {"classes": ["a", "b"], "height": 4, "width": 5},
    "files": {"scores.parquet": "c" * 64},
}


def changed(**values):
    """The text of a manifest in which some keys are others; None takes a key out."""
    return json.dumps({key: value for key, value in {**TODAY, **values}.items() if value is not None})


def test_what_was_written_is_read_as_it_was():
    """No key is made up, none is lost, those of a later version included."""
    given = {**TODAY, "model": {**TODAY["model"], "framework": "torch"}, "budget": {"seconds": 3}}
    assert read_manifest(manifest_text(given), "here") == given


def test_version_1_is_read_as_todays():
    """A folder without digests and without settings of metrics; methods that were once listed have no settings."""
    text = changed(schema_version=1, files=None, methods=["grad_cam"])
    assert read_manifest(text, "here") == {
        **{key: value for key, value in TODAY.items() if key != "files"},
        "methods": {"grad_cam": {}},
    }


@pytest.mark.parametrize("version", [0, 3, "2", None, True, 1.5])
def test_other_versions_are_refused_with_those_that_read(version):
    """The message says what came and what would do."""
    text = json.dumps({**TODAY, "schema_version": version})
    with pytest.raises(ReferenceError, match=r"here: profile schema_version must be 1 or 2, got "):
        read_manifest(text, "here")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]", "not a JSON object"),
        ("{", "not a JSON object"),
        (changed(model=None), "model: Field required"),
        (changed(dataset={"height": 4, "width": 5}), "dataset.classes: Field required"),
        (changed(dataset={"classes": ["a"], "height": 0, "width": 5}), "dataset.height: Input should be greater"),
        (changed(methods={"grad_cam": 3}), "methods.grad_cam: Input should be"),
        (changed(seed="0"), "seed: Input should be a valid integer"),
        (changed(files=None), "files: must list the digest of every file"),
    ],
)
def test_damage_is_told_by_its_key(text, told):
    """A damaged manifest says which key must be what."""
    with pytest.raises(ReferenceError, match=told):
        read_manifest(text, "here")


def test_nothing_is_written_that_would_not_be_read():
    """A number that JSON cannot hold, or a key of another type, is an error when it is written."""
    with pytest.raises(ValueError, match="JSON compliant"):
        manifest_text({**TODAY, "seconds": float("nan")})
    with pytest.raises(ValueError, match="passes"):
        manifest_text({**TODAY, "passes": {"forward": "many"}})
