"""One retrain, whoever does it."""

import dataclasses
import json
from pathlib import Path

import pytest
from roar_projects import write_leaning

from explain_gate.config import load_config
from explain_gate.errors import UserCodeError
from explain_gate.measuring.job import open_job
from explain_gate.measuring.progress import Silent
from explain_gate.studies.answered import write_pixels
from explain_gate.studies.retraining import kept, retrain
from explain_gate.studies.roar_plan import Asked, material_of, plan_roar


@pytest.fixture
def make(tmp_path):
    """A retrain of whole pictures by a function of the project."""

    def made(train):
        job = open_job(load_config(write_leaning(tmp_path / "p")))
        plan = plan_roar(job, tmp_path, Asked(train=train))
        for name in ("work", "retrains"):
            (tmp_path / name).mkdir()
        write_pixels(job, plan.rows, tmp_path / "work", Silent())
        material_of(plan, job).write(tmp_path / "work")
        return plan.first(tmp_path / "work", 1)

    return made


def test_answers_are_kept_and_are_of_their_question(make):
    """The same ones again; none for another question, and none from half a file."""
    one = make("leaning:train")
    answers = retrain(one)
    assert kept(one) == answers
    assert len(answers.right) == 30
    assert set(answers.right) <= {0.0, 1.0}
    assert kept(dataclasses.replace(one, asked="another")) is None
    Path(one.file).write_bytes(Path(one.file).read_bytes()[:20])
    assert kept(one) is None


def test_the_seed_decides(make):
    """Two of one seed answer alike."""
    one = make("leaning:train")
    assert retrain(one).right == retrain(one).right
    assert json.loads(Path(one.file).read_text(encoding="utf-8"))["asked"] == one.asked


@pytest.mark.parametrize(
    ("train", "told"),
    [
        ("leaning:broken", r"leaning:broken, on pictures with seed 0, raised ValueError: no GPU \(.*leaning.py:"),
        ("leaning:nothing", "must return a torch.nn.Module, got NoneType"),
    ],
)
def test_what_the_teams_function_does_wrong_is_told(make, train, told):
    """With whose it is, and on which pictures."""
    with pytest.raises(UserCodeError, match=told):
        retrain(make(train))
