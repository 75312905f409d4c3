"""Maps are of what the model says, since a map of the annotated class would tell the class."""

import numpy as np
import pytest
import torch
from roar_projects import write_leaning

from explain_gate.config import load_config
from explain_gate.errors import ModelError
from explain_gate.measuring.job import open_job
from explain_gate.measuring.progress import Silent
from explain_gate.studies.answered import answer_maps, maps_file, write_pixels

TELLS = """
import torch
from explain_gate.records import Attribution


def told(probe, images, targets, *, keys):
    '''The upper row is as high as the class that is explained; it says on disk that it was asked.'''
    with open("asked.txt", "a") as stream:
        stream.write("x" * len(images))
    maps = torch.zeros(len(images), *images.shape[-2:])
    maps[:, 0] = 1 + targets[:, None]
    maps[:, 1] = 1
    return Attribution(method="", kind="positive", maps=maps)


def raising(probe, images, targets, *, keys):
    if bool((images[:, 0, 0, 0] > 0).any()):
        raise RuntimeError("no such corner")
    return told(probe, images, targets, keys=keys)


def flat(probe, images, targets, *, keys):
    return Attribution(method="", kind="positive", maps=torch.ones(len(images), *images.shape[-2:]))
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A job whose model is often wrong, and where its pictures lie."""
    thresholds = write_leaning(tmp_path / "p", per_class=10)
    (tmp_path / "p" / "telling.py").write_text(TELLS, encoding="utf-8")
    monkeypatch.chdir(tmp_path / "p")
    job = open_job(load_config(thresholds))
    (tmp_path / "work").mkdir()
    write_pixels(job, range(20), tmp_path / "work", Silent())
    return job, tmp_path / "work"


def explained(job, work, method):
    """Maps (N, H, W), and why pictures have none."""
    with answer_maps(job, range(20), {method: {}}, folder=work, keep=work / "kept") as maps:
        faults = maps.write(Silent())
    return np.load(work / maps_file(0)), faults[method]


def test_the_models_own_answer_is_explained(project):
    """Also where another class is annotated."""
    job, work = project
    with torch.no_grad():
        said = job.model.module(torch.from_numpy(np.load(work / "pixels.npy"))).argmax(dim=1).tolist()
    labels = [entry.label for entry in job.data.entries]
    maps, faults = explained(job, work, "telling:told")
    assert faults == {}
    assert [2 if one[1, 0] < 1 else 1 for one in maps] == [1 + answer for answer in said]
    assert said != labels


def test_maps_are_kept_from_one_study_to_the_next(project):
    """The method is not asked again, and the maps are the same to the bit."""
    job, work = project
    before, _ = explained(job, work, "telling:told")
    after, _ = explained(job, work, "telling:told")
    assert np.array_equal(before, after)
    assert len((work.parent / "p" / "asked.txt").read_text(encoding="utf-8")) == 20


def test_pictures_without_a_map_are_told(project):
    """Only those on which the method raises; the price is of the first picture."""
    job, work = project
    raises = np.load(work / "pixels.npy")[:, 0, 0, 0] > 0
    maps, faults = explained(job, work, "telling:raising")
    assert sorted(faults) == np.flatnonzero(raises).tolist()
    assert "no such corner" in next(iter(faults.values()))
    assert not maps[raises].any()
    assert maps[~raises].any(axis=(1, 2)).all()


def test_a_method_without_any_map_is_an_error(project):
    """There is nothing to remove by."""
    with pytest.raises(ModelError, match="telling:flat has no map of any picture: telling:flat: the map is flat"):
        explained(*project, "telling:flat")


def test_the_price_is_of_what_is_not_there_yet(project):
    """A pass a picture, and none when all maps are kept."""
    job, work = project
    with answer_maps(job, range(20), {"gradient": {}}, folder=work, keep=work / "kept") as maps:
        before = maps.cost()
        maps.write(Silent())
        after = maps.cost()
    assert (before.forward, before.backward) == (20, 20)
    assert after.forward == after.backward <= 20 - 5  # those without a map would be asked again
