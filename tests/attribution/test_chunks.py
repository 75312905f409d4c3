import subprocess
import sys

import pytest
import torch
from processes import ROOT

from explain_gate.attribution.chunks import Chunks
from explain_gate.attribution.memory import MemoryMeter, free_memory
from explain_gate.errors import ModelError

CPU = torch.device("cpu")
MEGABYTE = 1 << 20


def chunks(budget=100 * MEGABYTE, largest=None):
    return Chunks(device=CPU, budget=budget, largest=largest, weights=[])


def covered(calls):
    return [index for start, stop in calls for index in range(start, stop)]


def test_the_budget_decides_the_size():
    """The first image is metered; the others come as many at once as fit into the budget."""
    calls = []

    def work(start, stop):
        calls.append((start, stop))
        torch.zeros(stop - start, MEGABYTE)  # 4 MB an image

    chunks(budget=16 * MEGABYTE).run("forward", 10, work)
    assert covered(calls) == list(range(10))
    assert calls[0] == (0, 1)
    assert max(stop - start for start, stop in calls) == 3


def test_no_more_than_pays_off():
    """A large budget does not make chunks larger than what pays off."""
    calls = []
    chunks(largest=4).run("gradient", 13, lambda start, stop: calls.append((start, stop)))
    assert [stop - start for start, stop in calls] == [1, 4, 4, 4]


def test_chunks_are_even():
    """Nine images at eight a time go as five and four, not as eight and one."""
    calls = []
    chunks(largest=8).run("gradient", 10, lambda start, stop: calls.append(stop - start))
    assert calls == [1, 5, 4]


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_out_of_memory_halves_and_goes_on(error):
    """Running out of memory costs no image and raises nothing while smaller chunks work."""
    calls = []

    def work(start, stop):
        if stop - start > 2:
            raise error
        calls.append((start, stop))

    chunks(largest=8).run("forward", 11, work)
    assert covered(calls) == list(range(11))


def test_one_image_too_many_is_an_error():
    """An image that does not fit alone gives a clear error."""

    def work(start, stop):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GB")

    with pytest.raises(ModelError, match="one image does not fit into the memory of cpu"):
        chunks().run("forward", 3, work)


def test_other_errors_pass():
    """Only running out of memory is handled."""

    def work(start, stop):
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        chunks().run("forward", 3, work)


def test_the_meter_sees_the_peak():
    """The peak counts what is alive at once, views once, and in the backward pass too."""
    with MemoryMeter(CPU) as meter:
        for _ in range(5):
            block = torch.zeros(MEGABYTE)
            block.view(2, -1).add_(1)
            del block
    assert meter.peak == 4 * MEGABYTE
    with MemoryMeter(CPU) as meter:
        start = torch.ones(MEGABYTE, requires_grad=True)
        torch.autograd.grad(start.exp().sum(), start)
    assert 3 * 4 * MEGABYTE <= meter.peak <= 5 * 4 * MEGABYTE


def test_the_meter_leaves_weights_out():
    """Views of the weights are not counted."""
    weight = torch.zeros(MEGABYTE)
    with MemoryMeter(CPU, [weight]) as meter:
        weight.view(2, -1).t()
    assert meter.peak == 0


def test_free_memory_is_plausible():
    """There is some memory free, less than a petabyte."""
    assert 0 < free_memory(CPU) < 1 << 50


def test_the_meter_follows_a_compiled_model_and_compiles_nothing():
    """The peak is that of the model as it was written, and torch's compiler is not loaded for any other model."""
    code = (
        "import sys, torch\n"
        "from explain_gate.attribution.memory import MemoryMeter\n"
        "model, images, peaks = torch.nn.Conv2d(3, 4, 3), torch.ones(2, 3, 16, 16), []\n"
        "with torch.no_grad(), MemoryMeter(torch.device('cpu')) as meter: model(images)\n"
        "assert meter.peak >= 4 * 2 * 4 * 14 * 14, meter.peak\n"
        "assert 'torch._dynamo' not in sys.modules\n"
        "compiled = torch.compile(model, backend='eager')\n"
        "with torch.no_grad(), MemoryMeter(torch.device('cpu')) as again: compiled(images)\n"
        "assert again.peak >= meter.peak, (again.peak, meter.peak)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=300)


def test_a_model_that_takes_one_image_gets_one_at_a_time():
    """Several at once raise, each alone does not: all are covered, and no more are tried together."""
    calls, kept = [], []

    def work(start, stop):
        calls.append(stop - start)
        if stop - start > 1:
            raise AssertionError("one image, please")
        kept.append(start)

    cut = chunks(largest=4)
    cut.run("forward", 9, work)
    cut.run("gradient", 9, work)
    assert kept == [*range(9), *range(9)]
    assert [size for size in calls if size > 1] == [4]


def test_an_image_that_raises_alone_raises():
    """The fault is that image's, and the others are no reason to hide it."""

    def work(start, stop):
        if start <= 5 < stop:
            raise KeyError(f"image {start} of {stop - start}")

    with pytest.raises(KeyError, match="image 5 of 1"):
        chunks(largest=4).run("forward", 9, work)
