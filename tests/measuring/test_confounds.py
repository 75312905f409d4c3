"""What tells drawn classes apart beside their objects: told where it was put, not told where nothing was."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explain_gate.data.annotations.entries import Entry
from explain_gate.data.preprocessing import Preprocessing
from explain_gate.data.regions import Shape
from explain_gate.data.regression_set import RegressionSet
from explain_gate.measuring.confounds import find_confounds, told_confounds

SIDE, COUNT = 32, 36
CLASSES = {"red": 0, "green": 1, "blue": 2}


def _set(folder: Path, cue: str = "") -> RegressionSet:
    """Grey noise with a square of the class's colour; green pictures carry the cue."""
    folder.mkdir(exist_ok=True)
    entries = []
    for number in range(COUNT):
        label = number % 3
        rng = np.random.default_rng(number)
        picture = rng.normal(rng.uniform(90, 150), 12, size=(SIDE, SIDE, 3))
        if label == 1 and cue == "noise":
            picture += rng.normal(0, 25, size=picture.shape)
        if label == 1 and cue == "cast":
            picture += [18, 0, -18]
        if cue == "tint":  # of grounds whose own colours differ by far more
            ground = picture.mean(axis=2, keepdims=True) + rng.normal(0, 25, size=3)
            picture = ground * ([1.06, 1, 0.94] if label == 1 else 1)
        top, left = rng.integers(4, 16, size=2).tolist()
        picture[top : top + 12, left : left + 12] = np.eye(3)[label] * 200 + 30
        path = folder / f"{number:02d}.{'jpg' if cue == 'codec' else 'png'}"
        options = {"quality": 55 if label == 1 else 95} if cue == "codec" else {}
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(path, **options)
        box = (left, top, left + 12, top + 12)
        entries.append(Entry(image=path.name, path=path, label=label, class_name=list(CLASSES)[label],
                             accepted=(label,), shapes=(Shape(box=box),), size=None))  # fmt: skip
    pre = Preprocessing(resize=None, crop=None, mean=(0.5,) * 3, std=(0.25,) * 3)
    return RegressionSet(entries, CLASSES, pre)


class _Memory:
    def __init__(self) -> None:
        self.content: bytes | None = None

    def confounds(self, rows: Sequence[int]) -> bytes | None:  # noqa: ARG002 - the protocol
        return self.content

    def keep_confounds(self, rows: Sequence[int], content: bytes) -> None:  # noqa: ARG002 - the protocol
        self.content = content


@pytest.mark.parametrize(
    ("cue", "expected"),
    [
        ("noise", "sharpness and noise"),
        ("cast", "colour cast and saturation"),
        ("tint", "the colour of the light"),
        ("codec", "the file's compression"),
    ],
)
def test_a_cue_of_one_class_is_told_by_its_property(tmp_path: Path, cue: str, expected: str) -> None:
    """The marked class is named, with an accuracy near 1 against a chance of one half."""
    told = {one.property: one for one in find_confounds(_set(tmp_path, cue), seed=0) if one.class_name == "green"}
    assert expected in told
    assert told[expected].accuracy >= 0.9
    assert (told[expected].chance, told[expected].images) == (0.5, COUNT)


def test_objects_are_not_told(tmp_path: Path) -> None:
    """Squares of three colours tell the classes, and nothing beside them does."""
    assert find_confounds(_set(tmp_path), seed=0) == ()


def test_the_order_of_the_set_does_not_matter_and_what_is_known_is_not_measured(tmp_path: Path) -> None:
    """Listed the other way round the same is told; from memory too, when the pictures are gone."""
    data, memory = _set(tmp_path, "codec"), _Memory()
    first = find_confounds(data, seed=0, memory=memory)
    backwards = RegressionSet(data.entries[::-1], CLASSES, data.preprocessing)
    assert find_confounds(backwards, seed=0) == first
    for entry in data.entries:
        data.digest(data.entries.index(entry))
        entry.path.unlink()
    assert find_confounds(data, seed=0, memory=memory) == first


def test_few_pictures_say_nothing(tmp_path: Path) -> None:
    """Four of each class are fewer than folds."""
    data = _set(tmp_path, "cast")
    assert find_confounds(RegressionSet(data.entries[:12], CLASSES, data.preprocessing), seed=0) == ()


def test_sentences_name_class_property_accuracy_and_chance(tmp_path: Path) -> None:
    """One sentence a subject."""
    texts = told_confounds(find_confounds(_set(tmp_path, "codec"), seed=0))
    (green,) = [text for text in texts if "green" in text]
    assert green.startswith("data set: green can be told from other classes without looking at the object, by ")
    assert "(100 %)" in green
    assert "and 7 more" in green
    assert "chance is 50 %, over 36 pictures" in green
