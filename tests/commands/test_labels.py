"""`explain-gate labels` as its user types it: real runs of two versions, one label flipped in the annotations."""

import json

import pytest
from click.testing import CliRunner
from projects import write_project

from explain_gate.cli import main
from explain_gate.measuring.job import measure


def call(*arguments):
    """The command in this process."""
    return CliRunner().invoke(main, ["labels", *map(str, arguments)])


@pytest.fixture
def flipped(tmp_path, fresh_modules):
    """thresholds.yaml of the tiny project, whose third picture is red and said to be green, and its run."""
    thresholds = write_project(tmp_path / "p", per_class=6)
    path = thresholds.parent / "annotations.coco.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["annotations"][2]["category_id"] = 1
    path.write_text(json.dumps(document), encoding="utf-8")
    measure(thresholds, folder=tmp_path / "run" / "profile", device="cpu")
    return thresholds


def test_a_flipped_label_is_listed_in_every_file(flipped, tmp_path):
    """Page, record, CSV and COCO; the annotations stay what they were."""
    annotations = flipped.parent / "annotations.coco.json"
    before = annotations.read_bytes()
    result = call(tmp_path / "run", "--config", flipped, "--features", "--device", "cpu", "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "The label may be wrong: 1 of 12, first red_02.png (1 of 1 version says" in result.output
    record = json.loads((tmp_path / "out" / "record.json").read_text(encoding="utf-8"))
    lists = {one["name"]: one for one in record["lists"]}
    assert [(one["image"], one["suggested"]) for one in lists["doubted"]["suspects"]] == [("red_02.png", "red")]
    coco = json.loads((tmp_path / "out" / "labels.coco.json").read_text(encoding="utf-8"))
    assert coco["images"][0]["file_name"] == "red_02.png"
    assert (
        (tmp_path / "out" / "labels.csv").read_text(encoding="utf-8").splitlines()[1].startswith("doubted,1,red_02.png")
    )
    assert (tmp_path / "out" / "index.html").is_file()
    assert annotations.read_bytes() == before


def test_an_audit_that_was_killed_leaves_no_record_and_goes_on(flipped, tmp_path, monkeypatch):
    """The record comes last; what was read is kept."""

    def killed(*_):
        raise KeyboardInterrupt

    arguments = (tmp_path / "run", "--config", flipped, "--output", tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr("explain_gate.labels.audit.place", killed)
        assert call(*arguments).exit_code == 2
    assert not (tmp_path / "out" / "record.json").exists()
    monkeypatch.setattr("explain_gate.labels.hashing._hashed", killed)
    assert call(*arguments).exit_code == 0
    assert (tmp_path / "out" / "record.json").is_file()


def test_wrong_input_is_told_and_nothing_written(flipped, tmp_path):
    """No run, no thresholds.yaml, no folder to write to: 4 each."""
    nothing = call(tmp_path, "--config", flipped, "--output", tmp_path / "out")
    assert (nothing.exit_code, "not a whole profile folder" in nothing.output) == (4, True)
    missing = call(tmp_path / "run", "--config", tmp_path / "none.yaml", "--output", tmp_path / "out")
    assert (missing.exit_code, "cannot be read" in missing.output) == (4, True)
    assert not (tmp_path / "out").exists()
    (tmp_path / "file").touch()
    taken = call(tmp_path / "run", "--config", flipped, "--output", tmp_path / "file")
    assert (taken.exit_code, "cannot be written" in taken.output) == (4, True)
    assert call().exit_code == 4
