"""`explain-gate study` as its user types it."""

import json

from click.testing import CliRunner
from projects import THRESHOLDS, write_project
from roar_projects import write_leaning

from explain_gate.cli import main
from explain_gate.measuring.job import measure


def call(*arguments):
    """The command in this process."""
    return CliRunner().invoke(main, ["study", "modules", *map(str, arguments)])


def test_a_study_leaves_a_record_and_a_page(tmp_path, fresh_modules):
    """And says on the terminal what it found."""
    thresholds = write_project(tmp_path / "p", corner=True, per_class=6)
    result = call("--config", thresholds, "--device", "cpu", "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "The backbone carries the cue" in result.output
    record = json.loads((tmp_path / "out" / "record.json").read_text(encoding="utf-8"))
    assert (record["study"], record["images"], record["seed"]) == ("modules", 12, 0)
    assert record["honest"]["part"] == "backbone"
    assert record["parts"][-1]["share"]["whole"] == 1
    assert (tmp_path / "out" / "index.html").is_file()


def test_no_images_is_no_study(tmp_path):
    """It is said before anything is opened."""
    result = call("--config", tmp_path / "none.yaml", "--images", "0")
    assert result.exit_code == 4
    assert "--images must be at least 1, got 0" in result.output


def test_methods_of_a_finished_run_are_ranked(tmp_path, fresh_modules):
    """From the run's profile alone, with a record and a page."""
    text = THRESHOLDS.replace("layer: window}}", "layer: window}}\n  occlusion: {{window: 8, stride: 8}}")
    measure(write_project(tmp_path / "p", thresholds=text), folder=tmp_path / "run" / "profile", device="cpu")
    arguments = ["study", "methods", str(tmp_path / "run"), "--output", str(tmp_path / "out")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "alignment.iou" in result.output
    record = json.loads((tmp_path / "out" / "record.json").read_text(encoding="utf-8"))
    methods = {one["method"] for table in record["tables"] for one in table["standings"]}
    assert (record["study"], methods) == ("methods", {"grad_cam", "occlusion"})
    assert (tmp_path / "out" / "index.html").is_file()


def test_a_folder_without_a_run_is_told(tmp_path):
    """And nothing is written."""
    result = CliRunner().invoke(main, ["study", "methods", str(tmp_path), "--output", str(tmp_path / "out")])
    assert result.exit_code == 4
    assert "not a whole profile folder" in result.output
    assert not (tmp_path / "out").exists()


def test_classes_leave_pictures_a_record_and_a_page(tmp_path, fresh_modules):
    """And the passes are told before they are made."""
    arguments = ["study", "classes", "--config", str(write_project(tmp_path / "p")), "--steps", "3"]
    result = CliRunner().invoke(main, [*arguments, "--device", "cpu", "--output", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("12 passes forward and backward for 2 classes")
    record = json.loads((tmp_path / "out" / "record.json").read_text(encoding="utf-8"))
    assert [one["class_name"] for one in record["sheets"]] == ["red", "green"]
    assert all((tmp_path / "out" / one["softmax"]).is_file() for one in record["sheets"])


def test_removed_pixels_are_told_before_they_are_paid_for(tmp_path, fresh_modules):
    """Price, answer, record and page; nothing is asked where nobody sits."""
    thresholds = write_leaning(tmp_path / "p")
    arguments = ["study", "roar", "--config", str(thresholds), "--train", "leaning:train", "--seeds", "3"]
    more = ["--shares", "0.1,0.9", "--methods", "leaning:oracle", "--device", "cpu", "--output", str(tmp_path / "out")]
    result = CliRunner().invoke(main, [*arguments, *more])
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("One model retrained on 30 whole pictures is right about")
    assert lines[1].startswith("To do: 14 retrains (1 retrain from before), and maps in about")
    assert lines[2].startswith("leaning:oracle takes away most of what a class can be learned from")
    record = json.loads((tmp_path / "out" / "record.json").read_text(encoding="utf-8"))
    assert (record["study"], record["shares"], record["seeds"]) == ("roar", [0, 0.1, 0.9], [0, 1, 2])
    assert (tmp_path / "out" / "index.html").is_file()


def test_shares_that_are_no_numbers_are_told(tmp_path):
    """With what to write."""
    result = CliRunner().invoke(main, ["study", "roar", "--train", "a:b", "--shares", "half"])
    assert result.exit_code == 4
    assert "--shares must be numbers such as 0.1,0.5,0.9, got half" in result.output
