"""A team's own transform: picture and region move together, or it is refused."""

from __future__ import annotations

import sys
import textwrap

import numpy as np
import pytest
import torch
from drawings import picture
from PIL import Image

from explain_gate.config import PreprocessingSection
from explain_gate.data.images import load_annotated, size_of
from explain_gate.data.preprocessing import normalize, preprocessing_of, visible
from explain_gate.data.regions import Shape
from explain_gate.errors import DataError

BOX = Shape(box=(2, 3, 8, 7))


def made(**section):
    """The preprocessing of a section."""
    return preprocessing_of(PreprocessingSection(**section))


def loaded(path, section, shapes=(BOX,)):
    """An image as the model gets it, not yet normalised."""
    return load_annotated(path, shapes, None, made(**section))


@pytest.fixture
def transforms(tmp_path, monkeypatch):
    """A module of transforms, as teams write them."""
    name = f"transforms_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(
        textwrap.dedent('''
        import random
        import numpy as np
        import torch
        from torchvision import transforms as v1
        from torchvision.transforms import v2
        from torchvision.transforms.v2 import functional as F

        MEAN, STD = [0.5, 0.4, 0.3], [0.2, 0.25, 0.5]
        END = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
        V2 = v2.Compose([v2.Resize(24), v2.CenterCrop(20), *END])
        V1 = v1.Compose([v1.Resize(24), v1.CenterCrop(20), v1.ToTensor(), v1.Normalize(MEAN, STD)])
        COLOURS = v1.Compose([v1.ToTensor(), v1.Normalize(MEAN, STD)])
        FLIPS = v2.Compose([v2.RandomHorizontalFlip(), V2])

        def build():
            return V2

        def pair(image, mask):
            return F.resize(image, [20, 16]).float() / 255, F.resize(mask, [20, 16])

        def picture_only(image, mask):
            return F.horizontal_flip(image).float() / 255, mask

        def shifted(image, mask):
            return torch.roll(torch.as_tensor(image), 12, dims=-1).float() / 255, mask

        def mapping(*, image, mask):
            return {"image": image[::-1, ::2].astype(np.float32) / 255 - 0.5, "mask": mask[::-1, ::2]}

        class Compose:
            """The way that albumentations is called."""
            def __call__(self, *args, force_apply=False, **data):
                return {name: value[::2, ::2].copy() for name, value in data.items()}

        ALBUMENTATIONS = Compose()

        def noisy(image, mask):
            return torch.as_tensor(image).float() / 255 + random.random(), mask

        def stretched(image, mask):
            values = torch.as_tensor(image).float()
            return (values - values.min()) / (values.max() - values.min()).clamp_min(1), mask

        def raises(image, mask):
            raise KeyError("no")

        def one_size(image, mask):
            return F.resize(image, [20, 16]).float(), mask
        ''')
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    sys.modules.pop(name, None)


@pytest.mark.parametrize("name", ["V2", "build"])
def test_a_transform_of_torchvision_v2_moves_picture_and_region(tmp_path, transforms, name):
    """The same values as with its numbers written out, and the same region."""
    path = picture(tmp_path / "a.png", (36, 60))
    shapes = (Shape(box=(15, 5, 40, 30)),)
    section = {"transform": f"{transforms}:{name}"}
    found = loaded(path, section, shapes)
    written = {"resize": 24, "crop": 20, "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.5]}
    wanted = loaded(path, written, shapes)
    # v2 rounds to 8 bits after resizing, as we do.
    assert torch.allclose(
        normalize(found.pixels, made(**section)), normalize(wanted.pixels, made(**written)), atol=1e-5
    )
    assert torch.allclose(visible(normalize(found.pixels, made(**section)), made(**section)), wanted.pixels, atol=1e-5)
    assert torch.equal(found.region, wanted.region)
    assert size_of(path, shapes, None, made(**section)) == (20, 20)


def test_functions_and_mappings_move_picture_and_region(tmp_path, transforms):
    """A function of two arguments, one of image= and mask=, and an object called as albumentations is."""
    path = picture(tmp_path / "a.png", (40, 60))
    box = (Shape(box=(10, 4, 30, 20)),)
    found = loaded(path, {"transform": f"{transforms}:pair"}, box)
    assert found.region.shape == (20, 16)
    assert abs(int(found.region.sum()) - 8 * 16 // 3) < 8
    section = {"transform": f"{transforms}:mapping"}
    found = loaded(path, section, box)
    assert torch.equal(found.region[20:36, 5:15], torch.ones(16, 10, dtype=torch.bool))
    assert int(found.region.sum()) == 160
    plain = np.asarray(Image.open(path))[::-1, ::2].astype(np.float32) / 255 - 0.5
    given = normalize(found.pixels, made(**section))
    assert np.allclose(given.permute(1, 2, 0).numpy(), plain, atol=1e-6)
    found = loaded(path, {"transform": f"{transforms}:ALBUMENTATIONS"}, box)
    assert torch.equal(found.region[2:10, 5:15], torch.ones(8, 10, dtype=torch.bool))


def test_a_transform_of_the_picture_alone_may_only_change_its_values(tmp_path, transforms):
    """Normalising is fine; what also resizes is refused with how to write it."""
    path = picture(tmp_path / "a.png")
    section = {"transform": f"{transforms}:COLOURS"}
    found = loaded(path, section)
    assert torch.equal(found.region, loaded(path, {}).region)
    assert float(normalize(found.pixels, made(**section))[1, 0, 0]) == pytest.approx(-0.4 / 0.25, abs=1e-5)
    with pytest.raises(DataError, match=r"has to move both\. Write it with torchvision\.transforms\.v2"):
        made(transform=f"{transforms}:V1")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("picture_only", "moves the picture and not the mask"),
        ("shifted", "moves the picture and not the mask"),
        ("FLIPS", "is random: the same picture differs by"),
        ("noisy", "is random: the same picture differs by up to"),
        ("stretched", "makes the same of a black and of a white picture"),
        ("raises", r"raised KeyError: 'no'\. It was called as transform\(tv_tensors.Image, tv_tensors.Mask\)"),
        ("one_size", "makes a picture of 16 x 20 and a mask of 320 x 240"),
        ("Compose", "is a class; name an object of it"),
        ("gone", "gone"),
        ("MEAN", "must be callable"),
    ],
)
def test_a_transform_that_cannot_be_measured_with_is_refused(transforms, name, told):
    """What it does and what to write."""
    with pytest.raises(DataError, match=told):
        made(transform=f"{transforms}:{name}")
