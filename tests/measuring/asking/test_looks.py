"""Looks exchanged between drawn pictures: what hand-made models of known reasons answer, and what data alone decide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from explain_gate.data.annotations.entries import Entry
from explain_gate.data.preprocessing import Preprocessing, denormalize
from explain_gate.data.regions import Shape
from explain_gate.data.regression_set import RegressionSet
from explain_gate.measuring.asking.looks import Kept, Looks
from explain_gate.metrics import reliance
from explain_gate.metrics.batch import Exchange, Look
from explain_gate.metrics.operations import OPERATIONS, operate, tried
from explain_gate.records import Truth
from explain_gate.tasks.classification import Classification

SIDE = 48
A_CLASS = 16
CLASSES = {"red": 0, "green": 1, "blue": 2}
PREPROCESSING = Preprocessing(resize=None, crop=None, mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3))

Mark = Callable[[Tensor, int], Tensor]


class _Batch:
    """The images of a set with one model, as metrics see them."""

    def __init__(self, data: RegressionSet, scores: Callable[[Tensor], Tensor], memory: Kept | None = None) -> None:
        self._samples = [data.sample(row) for row in range(len(data))]
        self.values = torch.zeros(0)
        self.passes = 0
        self.notes: dict[str, tuple[Tensor, Tensor]] = {}
        self._scores = scores
        self.labels = torch.tensor([sample.label for sample in self._samples])
        self.truths = [sample.truth for sample in self._samples]
        self.task = Classification()
        self.logits = scores(torch.stack([sample.pixels for sample in self._samples]))
        self.looks = Looks(data, self.predict, task=Classification(), seed=0, memory=memory)

    def predict(self, pixels: Tensor, truths: Sequence[Truth]) -> Tensor:
        assert len(truths) == len(pixels)
        self.passes += len(pixels)
        return self._scores(pixels)

    def exchanges(self, position: int, look: Look, classes: int) -> list[Exchange]:
        return self.looks.exchanges(self._samples[position], look, classes)

    def note(self, name: str, values: Tensor, *, about: Tensor) -> None:
        self.notes[name] = (values, about)

    def yes(self, label: int) -> float:
        """Share of the images that were given something of a class and turned to it, not under the control."""
        values, about = self.notes["evidence"]
        return float(values[about == label].nanmean())


class _Memory:
    """Marks of sets, kept while the tests last."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, ...], bytes] = {}
        self._signatures: dict[tuple[int, ...], bytes] = {}

    def marks(self, rows: Sequence[int]) -> bytes | None:
        return self._kept.get(tuple(rows))

    def keep_marks(self, rows: Sequence[int], content: bytes) -> None:
        assert tuple(rows) not in self._kept, "marks are measured once a set"
        self._kept[tuple(rows)] = content

    def signature(self, label: int, rows: Sequence[int]) -> bytes | None:
        return self._signatures.get((label, *rows))

    def keep_signature(self, label: int, rows: Sequence[int], content: bytes) -> None:
        self._signatures[(label, *rows)] = content

    def operation(self, label: int, classes: int, half: bool) -> bytes | None:
        """A memory of sets, not of models: every model's operations are searched."""

    def keep_operation(self, label: int, classes: int, half: bool, content: bytes) -> None:
        pass


def _picture(seed: int, label: int) -> tuple[np.ndarray[Any, Any], tuple[int, int, int, int]]:
    """A greyish textured ground with a square of the class's own colour, and the square's box."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(60, 190, size=(7, 7), dtype=np.uint8))
    smooth = coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    picture = np.asarray(smooth, dtype=np.float64)[..., None] + rng.normal(0, 6, size=(SIDE, SIDE, 3))
    top, left = rng.integers(6, 22, size=2).tolist()
    square = np.full(3, 40.0)
    square[label] = 230.0
    picture[top : top + 18, left : left + 18] = square + rng.normal(0, 6, size=(18, 18, 3))
    return picture.clip(0, 255).astype(np.uint8), (left, top, 18, 18)


def _set(folder: Path, mark: Mark | None, share: float = 1.0) -> RegressionSet:
    """Pictures of three classes; a share of the green ones went through something."""
    folder.mkdir()
    entries = []
    for number in range(3 * A_CLASS):
        label = number % 3
        picture, (left, top, width, height) = _picture(number, label)
        if mark is not None and label == 1 and number < share * 3 * A_CLASS:
            pixels = mark(torch.from_numpy(picture).permute(2, 0, 1).float() / 255, number)
            picture = (255 * pixels.clamp(0, 1)).round().byte().permute(1, 2, 0).numpy()
        path = folder / f"{number:02d}.png"
        Image.fromarray(picture).save(path)
        entries.append(
            Entry(image=path.name, path=path, label=label, class_name=list(CLASSES)[label], accepted=(label,),
                  shapes=(Shape(box=(left, top, left + width, top + height)),), size=None)
        )  # fmt: skip
    return RegressionSet(entries, CLASSES, PREPROCESSING)


def _honest(pixels: Tensor) -> Tensor:
    """Where the picture is most red, green or blue: the square, whatever the frame looks like."""
    visible = denormalize(pixels, PREPROCESSING)
    apart = visible - (visible.sum(dim=1, keepdim=True) - visible) / 2
    return torch.nn.functional.avg_pool2d(apart, 9, 3).flatten(2).amax(dim=2)


def _cheat(shows: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Green where a property of the whole picture says so, else what the honest model says of the others."""

    def scores(pixels: Tensor) -> Tensor:
        told = _honest(pixels)
        told[:, 1] = torch.where(shows(denormalize(pixels, PREPROCESSING)), 10.0, -10.0)
        return told

    return scores


def _operation(name: str, strength: float) -> Mark:
    operation = next(one for one in OPERATIONS if one.name == name)
    return lambda picture, number: operate(picture, operation, strength, torch.Generator().manual_seed(number))


WATERMARK = torch.zeros(SIDE, SIDE)
WATERMARK[:12, :12] = torch.tensor([[1.0, 1.0, -1.0, -1.0] * 3, [-1.0, -1.0, 1.0, 1.0] * 3]).repeat(6, 1)


def _watermarked(picture: Tensor, number: int) -> Tensor:
    return picture + 0.08 * WATERMARK


def _is_warm(visible: Tensor) -> Tensor:
    return (visible[:, 0] - visible[:, 2]).flatten(1).median(dim=1).values > 0.1


def _is_smooth(visible: Tensor) -> Tensor:
    grey = visible.mean(dim=1)
    return (grey[:, 1:, 1:] - grey[:, 1:, :-1] - grey[:, :-1, 1:] + grey[:, :-1, :-1]).abs().mean(dim=(1, 2)) < 0.016


def _has_watermark(visible: Tensor) -> Tensor:
    return (visible.mean(dim=1) * WATERMARK).sum(dim=(1, 2)) / 144 > 0.04


WARM, STORED = _operation("warm", 0.28), _operation("JPEG", 7)
CUES: dict[str, tuple[Mark, Callable[[Tensor], Tensor], Look]] = {
    "a warm lamp": (WARM, _is_warm, "style"),
    "a watermark": (_watermarked, _has_watermark, "signature"),
    "a codec": (STORED, _is_smooth, "operation"),
    "a codec, by spectrum": (STORED, _is_smooth, "spectrum"),
}
METRICS = {
    "style": reliance.style_follow,
    "signature": reliance.signature_follow,
    "spectrum": reliance.spectrum_follow,
    "operation": reliance.operation_follow,
}


Sets = Callable[..., tuple[RegressionSet, _Memory]]


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Sets:
    """A set for each mark and share of the green pictures that carry it, drawn once, and what is kept of its marks."""
    root = tmp_path_factory.mktemp("looks")
    drawn: dict[tuple[Mark | None, float], tuple[RegressionSet, _Memory]] = {}

    def get(mark: Mark | None, share: float = 1.0) -> tuple[RegressionSet, _Memory]:
        if (mark, share) not in drawn:
            drawn[mark, share] = (_set(root / str(len(drawn)), mark, share), _Memory())
        return drawn[mark, share]

    return get


def _asked(data: RegressionSet, memory: _Memory, scores: Callable[[Tensor], Tensor], look: Look) -> _Batch:
    batch = _Batch(data, scores, memory)
    batch.values = METRICS[look](batch)
    return batch


@pytest.mark.parametrize("cue", CUES)
def test_a_model_of_the_whole_picture_is_told_and_an_honest_one_is_not(sets: Sets, cue: str) -> None:
    """Pictures of other classes turn to the class whose property they take on; to a model of squares nothing does."""
    mark, shows, look = CUES[cue]
    cheat, honest = _asked(*sets(mark), _cheat(shows), look), _asked(*sets(mark), _honest, look)
    assert (cheat.logits.argmax(dim=1) == cheat.labels).all()
    assert (honest.logits.argmax(dim=1) == honest.labels).all()
    assert cheat.yes(1) >= 0.6
    assert honest.yes(1) <= 0.1
    assert float(cheat.values[cheat.labels != 1].mean()) > float(honest.values.mean()) + 0.1


def test_a_mark_on_most_of_a_classs_pictures_is_found(sets: Sets) -> None:
    """Where seven in ten pictures of a class went through a codec, the others' pictures turn just the same."""
    data, memory = sets(STORED, 0.7)
    cheat = _asked(data, memory, _cheat(_is_smooth), "operation")
    assert cheat.yes(1) >= 0.6
    operations, about = cheat.notes["operation"]
    tried_most = tried()[int(operations[about == 1].nanmedian())][0].name
    assert tried_most in {"JPEG", "WebP", "defocus", "denoised", "thinned", "enlarged", "coarse colours"}


def test_marks_follow_from_the_data_alone(sets: Sets) -> None:
    """Another model is asked about the same marks, which are measured once a set: no version chooses its questions."""
    data, memory = sets(STORED)
    first, second = (
        Looks(data, scores, task=Classification(), seed=0, memory=memory).operations.marks
        for scores in (_honest, _cheat(_is_smooth))
    )
    assert [first.of(label) for label in range(3)] == [second.of(label) for label in range(3)]
    names = [tried()[one][0].name for one in first.of(1)]
    assert "JPEG" in names
    assert all(names.count(name) <= 2 for name in names)


def test_a_control_changes_as_much_and_is_no_mark_of_the_class(sets: Sets) -> None:
    """The operation that damage is measured by is about as strong as the one it stands beside."""
    data, memory = sets(STORED)
    marks = Looks(data, _honest, task=Classification(), seed=0, memory=memory).operations.marks
    for one in marks.of(1):
        other = marks.control(one, 1, 0)
        assert marks.areas[1][other] < 0.6
        assert 0.5 < marks.change[other] / marks.change[one] < 2


@pytest.mark.parametrize("look", ["signature", "operation"])
def test_a_class_without_the_property_turns_nobody(sets: Sets, look: Look) -> None:
    """Where no picture was marked, hardly a class has anything to be followed, and every image still answers."""
    data, memory = sets(None)
    batch = _asked(data, memory, _cheat(_is_warm), look)
    values, about = batch.notes["evidence"]
    assert len(values) == len(data)
    assert float(values.nan_to_num(0.0).mean()) <= 0.05
    nothing = [label for label in range(3) if look == "signature" or not batch.looks.operations.marks.of(label)]
    assert nothing
    for label in nothing:
        assert not bool((values[about == label] > 0).any())


def test_draws_do_not_depend_on_the_order_of_the_set(sets: Sets) -> None:
    """The same picture takes on the same look when the set is listed the other way round."""
    data, _ = sets(WARM)
    other = RegressionSet(data.entries[::-1], CLASSES, PREPROCESSING)
    for look in ("style", "spectrum", "signature"):
        first, second = (
            Looks(one, _honest, task=Classification(), seed=0).exchanges(one.sample(row), look, 10)
            for one, row in ((data, 3), (other, len(data) - 1 - 3))
        )
        assert [one.label for one in first] == [one.label for one in second]
        for one, again in zip(first, second, strict=True):
            if one.changed is not None and again.changed is not None:
                torch.testing.assert_close(one.changed, again.changed, atol=1e-4, rtol=0)
