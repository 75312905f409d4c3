"""The command line as its user types it: every command, every exit code, never a traceback."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jsonschema
import projects
import pytest
from click.testing import CliRunner
from PIL import Image

import explain_gate
from explain_gate.cli import main

pytestmark = pytest.mark.usefixtures("few_plugins")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The tiny project as the current folder."""
    projects.write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "tinymodel", raising=False)
    return tmp_path


def call(*arguments: str):
    return CliRunner().invoke(main, list(arguments))


def test_run_gives_the_verdict_of_pytest(folder, pytester, monkeypatch, few_plugins):
    """`explain-gate run` and `pytest checks/ --explain` judge the same rules to the same values."""
    monkeypatch.chdir(folder)
    assert call("run", "--no-tracking", "--output", "a").exit_code == 0
    result = pytester.runpytest_subprocess(
        *few_plugins,
        str(Path(__file__).parents[1] / "checks"),
        "--explain",
        "--explain-no-tracking",
        f"--explain-config={folder / 'thresholds.yaml'}",
        f"--explain-output={folder / 'b'}",
    )
    assert result.ret == 0
    ours, theirs = (json.loads((folder / name / "verdict.json").read_text()) for name in "ab")
    assert sorted(map(str, ours["findings"])) == sorted(map(str, theirs["findings"]))


def test_a_real_verdict_fits_its_published_schema(folder):
    """Whoever parses verdict.json can rely on the schema."""
    call("run", "--no-tracking", "--output", "out")
    schema = Path(explain_gate.__file__).parent / "schemas" / "verdict.schema.json"
    told = json.loads((folder / "out" / "verdict.json").read_text())
    assert told["schema_version"] == 2
    assert not list(jsonschema.Draft202012Validator(json.loads(schema.read_text())).iter_errors(told))


def test_validate_says_what_it_found(folder):
    """Rules, images, model and target layer, without measuring."""
    result = call("validate")
    assert result.exit_code == 0
    assert "4 rules" in result.output
    assert "8 images of 2 classes" in result.output


COMMANDS = sorted(main.commands)


@pytest.mark.parametrize("command", COMMANDS)
def test_an_option_that_no_command_has_is_exit_4(command):
    """2 would say that a run was interrupted."""
    result = call(command, "--no-such-option")
    assert result.exit_code == 4
    assert "No such option" in result.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run", "--engine", "steam"), "is not one of"),
        (("run", "--seed-of-it"), "No such option"),
        (("run", "surplus"), "unexpected extra argument"),
        (("demo", "--seed", "one"), "is not a valid integer"),
        (("calibrate", "--output", "x.yaml"), "Missing option '--checkpoint'"),
        (("compare", "a"), "Missing argument 'REF_B'"),
        (("render",), "Missing argument 'DIR'"),
        (("cache", "burn"), "is not one of"),
        (("mesaure",), "No such command"),
        (("--colour",), "No such option"),
        ((), "Usage:"),
    ],
)
def test_what_is_typed_wrong_is_exit_4(arguments, told):
    """A bad choice, a surplus or missing word, a command that there is not: bad options, told with the usage."""
    result = call(*arguments)
    assert result.exit_code == 4
    assert told in result.output


def test_help_and_version_are_no_errors():
    """Whoever asks gets an answer and 0."""
    for arguments in (("--help",), ("--version",), *((command, "--help") for command in COMMANDS)):
        assert call(*arguments).exit_code == 0


def test_an_interrupted_command_is_exit_2(monkeypatch):
    """Ctrl+C in any command says what it says of a run; click alone says 1, which is a failed rule."""

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("explain_gate.commands.init.init", interrupted)
    result = call("init")
    assert result.exit_code == 2
    assert "interrupted" in result.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run", "--config", "none.yaml"), "cannot be read"),
        (("run", "--checkpoint", "none.safetensors"), "checkpoint does not exist"),
        (("run", "--device", "cuda:7"), "is not available here"),
        (("run", "--device", "toaster"), "must be auto, cpu, cuda"),
        (("run", "--memory-budget", "lots"), "must be a number of bytes"),
        (("run", "--reference", "nowhere"), "no such folder"),
        (("run", "--output", "images"), "not an earlier report"),
        (("validate", "--model", "nowhere:build"), "no module named nowhere"),
    ],
)
def test_what_cannot_be_used_is_exit_4_with_one_message(folder, capfd, arguments, told):
    """No traceback, no half-made folder, the reason."""
    result = call(*arguments, *(("--no-tracking",) if arguments[0] == "run" else ()))
    captured = capfd.readouterr()
    text = result.output + captured.out + captured.err
    assert result.exit_code == 4
    assert told in text
    assert "Traceback" not in text
    assert not list(folder.rglob("verdict.json"))
    assert not list(folder.rglob(".run-*"))


def test_every_faulty_image_is_listed_at_once(folder, capfd):
    """Truncated, no image at all, another size: all in one message, exit 4, in the verdict as well."""
    names = sorted(path.name for path in (folder / "images").iterdir())
    (folder / "images" / names[0]).write_bytes((folder / "images" / names[0]).read_bytes()[:200])
    (folder / "images" / names[1]).write_text("not an image")
    Image.new("RGB", (10, 10)).save(folder / "images" / names[2])
    result = call("run", "--no-tracking", "--output", "out")
    text = "".join(capfd.readouterr()) + result.output
    assert result.exit_code == 4
    assert all(name in text for name in names[:3])
    assert json.loads((folder / "out" / "verdict.json").read_text())["exit_code"] == 4
    assert not (folder / "out" / "profile").exists()


def test_init_writes_a_start_and_never_overwrites(tmp_path, monkeypatch):
    """A second init keeps everything; validate then says what to fill in."""
    monkeypatch.chdir(tmp_path)
    assert call("init").exit_code == 0
    (tmp_path / "thresholds.yaml").write_text("mine")
    assert "kept" in call("init").output
    assert (tmp_path / "thresholds.yaml").read_text() == "mine"
    (tmp_path / "thresholds.yaml").unlink()
    call("init")
    result = call("validate")
    assert result.exit_code == 4
    assert "FILL_IN" in result.output


def test_schema_prints_a_json_schema():
    """Editors complete thresholds.yaml with it."""
    jsonschema.Draft202012Validator.check_schema(json.loads(call("schema").output))


def test_an_earlier_report_is_replaced_whole_and_a_users_notes_stay(folder):
    """Running into the same folder again leaves one report, what the user put there, and no leavings."""
    assert call("run", "--no-tracking", "--output", "out").exit_code == 0
    (folder / "out" / "notes.txt").write_text("mine")
    (folder / "out" / "profile" / "marked.png").write_text("mine")
    assert call("run", "--no-tracking", "--output", "out").exit_code == 0
    assert (folder / "out" / "notes.txt").read_text() == "mine"
    assert (folder / "out" / "profile" / "marked.png").read_text() == "mine"
    assert [path.name for path in folder.glob(".*")] == [".explain-gate"]


def test_the_users_own_metric_and_method_are_gated(folder):
    """`package.module:name` works for both, without registering anything."""
    (folder / "mine.py").write_text(
        "import torch\nfrom explain_gate.records import Attribution\n\n"
        "def upper(relevance):\n    return relevance[:, :16].sum((1, 2)) / relevance.sum((1, 2))\n\n"
        "def brightness(probe, images, targets, *, keys):\n"
        "    return Attribution(method='brightness', kind='magnitude', maps=images.abs().mean(1))\n"
    )
    text = (folder / "thresholds.yaml").read_text()
    text = text.replace("checks:", '  "mine:brightness": {}\nchecks:\n  custom:\n    "mine:upper": {at_least: 0.01}')
    text = text.replace("{at_least: 0.6, per_class: true}", "{at_least: 0.6, methods: [grad_cam]}")
    (folder / "thresholds.yaml").write_text(text)
    result = call("run", "--no-tracking", "--output", "out")
    judged = json.loads((folder / "out" / "verdict.json").read_text())["judged"]
    assert result.exit_code == 0
    assert "custom.mine:upper[grad_cam]" in judged
    assert "custom.mine:upper[mine:brightness]" in judged


def test_compare_tells_what_changed_and_breaks_with_its_config(folder):
    """Two output folders side by side; exit 1 where the second breaks a rule of the config."""
    call("run", "--no-tracking", "--output", "honest")
    projects.write_project(folder, corner=True)
    call("run", "--no-tracking", "--output", "cheat")
    plain, judged = (
        call("compare", "honest", "cheat"),
        call("compare", "honest", "cheat", "--config", "thresholds.yaml"),
    )
    assert (plain.exit_code, judged.exit_code) == (0, 1)
    assert "alignment.iou[grad_cam]" in plain.output
    assert call("compare", "honest", "honest").output.count("equal to the bit")
    assert call("compare", "honest", "nowhere").exit_code == 4


def test_history_of_checkpoints_draws_when_attention_left_the_object(folder):
    """A folder of checkpoints measured in order becomes one page."""
    import tinymodel
    from safetensors.torch import save_file

    for name, corner in (("epoch-1", False), ("epoch-2", True)):
        save_file(tinymodel.build(corner).state_dict(), folder / f"{name}.safetensors")
    result = call("history", "--checkpoints", "epoch-*.safetensors", "--output", "h.html")
    assert result.exit_code == 0
    assert "epoch-1: passed" in result.output
    assert "epoch-2: failed" in result.output
    assert "epoch-2" in (folder / "h.html").read_text()
    assert call("history").exit_code == 4


def test_history_of_a_recorded_model_lists_its_versions(folder):
    """What was recorded is listed with its verdict and drawn."""
    assert call("run", "--output", "out").exit_code == 0
    result = call("history", "--model", "build", "--output", "h.html")
    assert result.exit_code == 0
    assert "passed" in result.output
    assert call("history", "--model", "nobody").exit_code == 4
    assert call("publish").exit_code in (0, 3)
