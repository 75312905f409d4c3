"""verdict.json holds the verdict, the whole verdict, and nothing that is not JSON."""

import json
from dataclasses import replace
from importlib.resources import files

import jsonschema
import numpy as np
import pytest

from explain_gate.errors import ReferenceError
from explain_gate.publishing.text.summary import verdict_to_markdown
from explain_gate.publishing.text.verdict_json import verdict_from_json, verdict_to_json
from explain_gate.records import Lesson, Waiver

SCHEMA = json.loads((files("explain_gate") / "schemas" / "verdict.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_the_schema_itself_is_valid():
    """The published schema is a JSON Schema of draft 2020-12."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_verdict_matches_the_schema(run, crashed):
    """What is written validates, whether the run was judged or crashed."""
    for verdict in (run.verdict, crashed, replace(run.verdict, reference={"source": "run:1", "version": None})):
        assert list(VALIDATOR.iter_errors(json.loads(verdict_to_json(verdict)))) == []


def test_reading_gives_back_what_was_written(run, crashed):
    """Writing and reading a verdict changes nothing."""
    assert verdict_from_json(verdict_to_json(run.verdict)) == run.verdict
    assert verdict_from_json(verdict_to_json(crashed)) == crashed


def test_the_waivers_of_the_file_are_in_it(run):
    """Owner, reason and last day, and whether it covers a row without a result; a verdict of before has none."""
    waiver = Waiver(
        check="alignment.iou",
        method=None,
        class_name="cat",
        reason="new masks",
        owner="vision",
        ticket="V-1",
        expires="2027-01-31",
        unmeasured=True,
        line=9,
    )
    verdict = replace(run.verdict, waivers=(waiver,))
    document = json.loads(verdict_to_json(verdict))
    assert list(VALIDATOR.iter_errors(document)) == []
    assert document["waivers"][0]["class"] == "cat"
    assert verdict_from_json(verdict_to_json(verdict)) == verdict
    del document["waivers"]
    assert verdict_from_json(json.dumps(document)).waivers == ()


def test_lessons_are_in_it(run):
    """With what they are about; a verdict of before has none."""
    told = Lesson(text="snow", at="2026-11-26T08:00:00+00:00", by="ann", version="models:/pets/1", rule="alignment.iou")
    verdict = replace(run.verdict, lessons=(told,))
    document = json.loads(verdict_to_json(verdict))
    assert list(VALIDATOR.iter_errors(document)) == []
    assert verdict_from_json(verdict_to_json(verdict)) == verdict
    assert "lesson of 2026-11-26 about alignment.iou: snow" in verdict_to_markdown(verdict)


def test_a_file_name_that_is_not_text_survives(run):
    """A lone surrogate, as os.fsdecode gives, is written as UTF-8 and read back."""
    finding = replace(run.verdict.findings[0], worst=("photo_\udc80.jpg",))
    verdict = replace(run.verdict, findings=(finding,))
    text = verdict_to_json(verdict).encode("utf-8").decode("utf-8")
    assert verdict_from_json(text) == verdict


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_refused(run, value):
    """NaN and infinity are never written."""
    verdict = replace(run.verdict, findings=(replace(run.verdict.findings[0], value=value),))
    with pytest.raises(ValueError, match="JSON compliant"):
        verdict_to_json(verdict)


def test_a_numpy_scalar_is_refused(run):
    """A value that is no JSON type raises instead of being turned into something else."""
    with pytest.raises(TypeError):
        verdict_to_json(replace(run.verdict, environment={"threads": np.int64(2)}))


@pytest.mark.parametrize("key", ["status", "extra"])
def test_the_schema_refuses_what_is_not_in_the_contract(run, key):
    """An unknown status and an unknown key of a finding are faults."""
    document = json.loads(verdict_to_json(run.verdict))
    document["findings"][0][key] = "fine"
    assert not VALIDATOR.is_valid(document)


def version_1(verdict, **fields) -> str:
    """The verdict as earlier releases wrote it: no cause, no file, inconclusive rules as warned."""
    document = json.loads(verdict_to_json(verdict))
    document["schema_version"] = 1
    for entry in document["findings"]:
        del entry["cause"], entry["file"]
        entry.update(fields)
    return json.dumps(document)


def test_a_verdict_of_schema_version_1_still_reads(run):
    """Everything an earlier release wrote comes back; its rules were in thresholds.yaml."""
    read = verdict_from_json(version_1(run.verdict))
    assert [finding.status for finding in read.findings] == [finding.status for finding in run.verdict.findings]
    assert read.findings[2].place == "thresholds.yaml:12"
    assert (read.findings[0].cause, read.findings[4].cause) == (None, "unmeasured")


@pytest.mark.parametrize(
    ("status", "bound", "message", "expected"),
    [
        ("warned", {"max_drop": 0.03}, "Inconclusive: about 64 more would decide.", ("inconclusive", "undecided")),
        ("failed", {"max_drop": 0.03}, "Inconclusive: about 64 more would decide.", ("failed", "undecided")),
        ("failed", {"max_drop": 0.03}, "0.20 worse than the reference's 0.50.", ("failed", "change")),
        ("failed", {"at_least": 0.99}, "x 0.50 is below at_least 0.99.", ("failed", "bound")),
        ("warned", {"at_least": 0.01}, "The bound is vacuous: a random map passes it.", ("warned", "vacuous")),
        ("warned", {"max_drop": 0.03}, "Not compared: there is no reference.", ("warned", "not compared")),
    ],
)
def test_what_version_1_said_in_words_is_read_as_data(run, status, bound, message, expected):
    """The message is looked into here and nowhere else."""
    verdict = replace(run.verdict, findings=run.verdict.findings[1:2])
    (finding,) = verdict_from_json(version_1(verdict, status=status, bound=bound, message=message)).findings
    assert (finding.status, finding.cause) == expected


@pytest.mark.parametrize("text", ["", "[]", "{}", *(f'{{"schema_version": {number}}}' for number in (1, 2, 3)), "{"])
def test_a_damaged_file_is_told_apart(text):
    """What is no verdict of this schema version raises a ReferenceError."""
    with pytest.raises(ReferenceError, match=r"verdict\.json"):
        verdict_from_json(text)
