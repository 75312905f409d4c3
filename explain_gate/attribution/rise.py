"""RISE: the class probability of randomly masked images, averaged where a pixel was visible.

Of a detector it is D-RISE (Petsiuk 2021): the similarity of what is found to the object, in place of the probability.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from explain_gate.attribution.base import Probe, in_float64, labels_in
from explain_gate.attribution.grid import cells_each
from explain_gate.errors import OptionError
from explain_gate.records import Attribution


def rise(
    probe: Probe,
    images: Tensor,
    targets: Tensor,
    *,
    keys: Sequence[str],
    masks: int = 1000,
    grid: int = 7,
    visible: float = 0.5,
) -> Attribution:
    """The expected class probability, given that a pixel is visible (Petsiuk 2018, equations 4 to 6).

    Masks are coarse grids of random cells, upsampled bilinearly and each shifted at random. Every image sees the same
    masks, seeded by the gate's seed alone, so no image's map depends on another. The sum is divided by how often each
    pixel was visible rather than by its expectation, which removes the masks' own unevenness.

    Args:
        probe: the model.
        images: (N, C, H, W), normalised; hidden places become 0, the mean colour.
        targets: (N,), int64.
        keys: one digest per image; the masks do not depend on them.
        masks: passes per image, at least 1; the paper uses 4000 to 8000.
        grid: cells along a side, at least 2.
        visible: share of cells that are visible, between 0 and 1.

    Returns:
        Maps (N, H, W), not negative: probabilities. Of a module with one score per image, the score above the smallest
        one over its masks.

    Raises:
        OptionError: an option out of range.
    """
    if masks < 1 or grid < 2 or not 0 < visible < 1:
        raise OptionError(
            f"masks must be at least 1, grid at least 2 and visible between 0 and 1, got {masks}, {grid}, {visible}"
        )
    count, size = len(images), (int(images.shape[-2]), int(images.shape[-1]))
    values = in_float64(torch.zeros(masks * count, device=images.device))

    def work(start: int, stop: int) -> None:
        rows = [index % count for index in range(start, stop)]
        first, last = start // count, (stop - 1) // count
        drawn = torch.stack([_mask(probe, number, size, grid, visible) for number in range(first, last + 1)]).to(images)
        shown = images[rows] * drawn[[index // count - first for index in range(start, stop)], None]
        with torch.no_grad():
            columns = probe.columns(probe.prepare(shown), targets[rows].to(probe.device))
        probe.passes.forward += stop - start
        # Of a module with one score per image there is no probability.
        single, asked = columns.shape[1] == 1, targets[rows]
        # Of a detector it is how like the object what is found is: D-RISE.
        weigh = getattr(probe.task, "similarity", probe.task.strength)
        sure = columns[:, 0] if single else weigh(columns, labels_in(asked))
        values[start:stop] = sure.to(values)

    probe.in_chunks("forward", masks * count, work)
    table = values.view(masks, count)
    if bool((table < 0).any()):
        table = table - table.amin(dim=0)
    drawn = (_mask(probe, number, size, grid, visible) for number in range(masks))
    maps = _mean_where_visible(in_float64(torch.zeros_like(images[:, 0])), table, drawn)
    return Attribution(method="rise", kind="positive", maps=maps, details=cells_each(grid**2, count))


def _mean_where_visible(sums: Tensor, table: Tensor, masks: Iterable[Tensor]) -> Tensor:
    """Mean over the masks, weighed by how far each shows a pixel.

    Shapes: sums (N, H, W), zeros, float64 where the device has it; table (M, N); M masks (H, W). Returns (N, H, W).
    """
    seen = torch.zeros_like(sums[0])
    for values, mask in zip(table, masks, strict=True):
        shown = mask.to(sums)
        sums += values[:, None, None] * shown
        seen += shown
    return (sums / seen.clamp(min=torch.finfo(seen.dtype).tiny)).float()


def _mask(probe: Probe, number: int, size: tuple[int, int], grid: int, visible: float) -> Tensor:
    """Mask `number`, (H, W) in [0, 1]: a grid of one cell more than asked for, from which the frame is cut."""
    draw = probe.generator("every image", f"rise mask {number}")
    cells = (torch.rand(1, 1, grid + 1, grid + 1, generator=draw) < visible).float()
    cell = [-(-side // grid) for side in size]
    large = interpolate(cells, size=[(grid + 1) * side for side in cell], mode="bilinear")[0, 0]
    top, left = (int(torch.randint(side, (), generator=draw)) for side in cell)
    return large[top : top + size[0], left : left + size[1]]
