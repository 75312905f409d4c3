"""Two versions beside each other, as `explain-gate compare` tells and judges them."""

from pathlib import Path

import pytest

from explain_gate.commands.compare import compare
from explain_gate.errors import ReferenceError


@pytest.fixture
def folders(tmp_path, write_project, measured):
    """Output folders of an honest version and of one that looks at the corner, and the rules' file."""
    out = {}
    for name, corner in (("honest", False), ("cheat", True)):
        config = write_project(tmp_path / "project", corner=corner)
        session = measured(output=str(tmp_path / name))
        session.finish(session.conclude())
        out[name] = str(tmp_path / name)
    return out["honest"], out["cheat"], str(config)


def test_without_a_config_nothing_is_judged_and_with_one_the_second_version_is(folders, tmp_path):
    """The exit code is the second version's against the rules; the page lies where it was asked for."""
    honest, cheat, config = folders
    said: list[str] = []
    assert compare(honest, cheat, config=None, output=None, say=said.append) == 0
    assert any("alignment.iou[grad_cam]" in line for line in said)
    assert compare(honest, cheat, config=config, output=tmp_path / "page", say=said.append) == 1
    assert said[-1] == f"page: {tmp_path / 'page' / 'index.html'}"
    assert (tmp_path / "page" / "index.html").is_file()
    assert compare(honest, honest, config=config, output=None, say=said.append) == 0


def test_a_checkpoint_needs_the_config_that_says_how_to_measure_it(folders, tmp_path):
    """The message says what to add."""
    checkpoint = tmp_path / "project" / "v2.safetensors"
    checkpoint.write_bytes(b"")
    with pytest.raises(ReferenceError, match=r"add --config thresholds\.yaml"):
        compare(folders[0], str(checkpoint), config=None, output=None, say=print)


EARLIER = Path(__file__).parents[1] / "folders" / "670220f"


def test_folders_of_an_earlier_version_are_compared_and_judged(tmp_path):
    """What commit 670220f measured: values, maps and rules, with a page."""
    said: list[str] = []
    folders, page = [str(EARLIER / name) for name in ("first", "second")], tmp_path / "page"
    assert compare(*folders, config=str(EARLIER / "thresholds.yaml"), output=page, say=said.append) == 1
    assert said[0] == "0 of 6 predictions differ; 2 checks got worse and 0 better by more than chance."
    assert any(line.startswith("maps grad_cam: 0 of 6 equal to the bit") for line in said)
    assert 'id="pairs"' in (page / "index.html").read_text(encoding="utf-8")


def test_damaged_maps_are_refused_and_never_called_equal(folders, tmp_path):
    """A file that is not what was measured must not drop out of the comparison in silence."""
    damaged = tmp_path / "cheat" / "profile" / "maps" / "grad_cam.npy"
    damaged.write_bytes(damaged.read_bytes() + b"x")
    with pytest.raises(ReferenceError, match="is not the file that was measured"):
        compare(folders[0], folders[1], config=None, output=None, say=print)
