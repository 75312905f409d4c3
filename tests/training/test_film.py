"""The film of a training: the same images each epoch, a page without scripts, and no training that ends over it."""

import hashlib
import re

import pytest

from explain_gate.config import load_config
from explain_gate.errors import OptionError
from explain_gate.models.open import load_model
from explain_gate.training.monitor import Monitor


@pytest.fixture
def project(tmp_path, write_project):
    """The tiny project; its thresholds.yaml."""
    return write_project(tmp_path)


@pytest.fixture
def module(project):
    """Its model."""
    return load_model(load_config(project)).module


def test_the_film_has_the_same_images_each_epoch(project, module, tmp_path):
    """Those of the lowest hashes, one of each class first; frames and curves are inside, and no script."""
    monitor = Monitor(
        project, every=2, checks=["alignment.iou", "performance.*"], tracking=False, film=tmp_path / "new"
    )
    for epoch in range(5):
        monitor.after_epoch(module, epoch)
    page = (tmp_path / "new" / "film.html").read_text(encoding="utf-8")
    names = re.findall(r'class="name">([^<]+)<', page)
    images = sorted({image for finding in monitor.epochs[0].findings for image in finding.worst} | set(names))
    lowest = sorted(images, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    assert names[0] == lowest[0]
    assert len(names) == len(set(names)) <= 4
    assert page.count("data:image/webp") == 3 * len(names)
    assert re.findall(r"<span>(epoch \d)</span>", page)[:3] == ["epoch 0", "epoch 2", "epoch 4"]
    assert page.count('<svg class="trend"') == len(monitor.epochs[0].findings)
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page


def test_a_film_needs_maps(project):
    """Told before the first epoch."""
    with pytest.raises(OptionError, match="a film needs maps"):
        Monitor(project, checks=["performance.*"], tracking=False, film="film")


def test_a_film_that_cannot_be_written_ends_no_training(project, module, tmp_path):
    """It is told, and the numbers are there."""
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    monitor = Monitor(project, checks=["alignment.iou"], tracking=False, film=tmp_path / "taken")
    with pytest.warns(UserWarning, match="the film is not written"):
        assert monitor.after_epoch(module, 0).findings
