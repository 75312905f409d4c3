"""Pictures of classes, of networks of which it is known what they take a class to be."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from projects import write_project
from task_projects import write_task_project

from explain_gate.config import load_config
from explain_gate.errors import OptionError
from explain_gate.measuring.job import open_job
from explain_gate.measuring.progress import Silent
from explain_gate.studies.classes import study_classes


def drawn(thresholds, folder, steps=40):
    """The record of one study."""
    return study_classes(open_job(load_config(thresholds)), folder, steps=steps, progress=Silent())


def test_a_mark_shows_where_the_model_looks_for_it(tmp_path):
    """The corner takes the class's colour, the rest does not, and it is like backgrounds more than like objects."""
    record = drawn(write_project(tmp_path / "p", corner=True), tmp_path / "out")
    for channel, sheet in enumerate(record.sheets):
        picture = np.asarray(Image.open(tmp_path / "out" / sheet.logit)).astype(float)
        gain = picture[..., channel] - picture[..., 1 - channel]
        assert gain[:6, :6].mean() > 100
        assert gain[16:, 16:].mean() < gain[:6, :6].mean() / 2
        assert sheet.like_backgrounds > sheet.like_objects


def test_an_honest_model_draws_what_its_objects_are(tmp_path):
    """The number turns around."""
    for sheet in drawn(write_project(tmp_path / "p"), tmp_path / "out").sheets:
        assert sheet.like_objects > sheet.like_backgrounds
        assert sheet.scores[0][1] > 0.9


def test_the_same_seed_draws_the_same(tmp_path):
    """To the bit on one machine."""
    thresholds = write_project(tmp_path / "p")
    one, other = (drawn(thresholds, tmp_path / name, steps=5) for name in ("a", "b"))
    assert one == other
    assert (tmp_path / "a" / one.sheets[0].logit).read_bytes() == (tmp_path / "b" / one.sheets[0].logit).read_bytes()


def test_a_killed_study_draws_what_is_left(tmp_path):
    """The class that was kept stays, the other is drawn, and the record is the same."""
    thresholds = write_project(tmp_path / "p")
    whole = drawn(thresholds, tmp_path / "out", steps=3)
    file, told = tmp_path / "out" / "classes.jsonl", []
    file.write_text("\n".join(file.read_text(encoding="utf-8").splitlines()[:2]) + "\n", encoding="utf-8")
    progress = SimpleNamespace(advance=lambda _, done, total: told.append((done, total)))
    job = open_job(load_config(thresholds))
    assert study_classes(job, tmp_path / "out", steps=3, progress=progress) == whole
    assert told == [(2, 2)]


def test_a_task_without_classes_is_refused(tmp_path):
    """It says what it needs."""
    with pytest.raises(OptionError, match="must be classification, got regression"):
        drawn(write_task_project(tmp_path, "regression"), tmp_path / "out")
