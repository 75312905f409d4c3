"""Faithfulness: does the score hang on the pixels that the map names? Behaviour under removal, ranked by the map."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from explain_gate.metrics.batch import Batch
from explain_gate.metrics.correlation import pearson
from explain_gate.metrics.fill import coarse_blur, impute

_SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)


def deletion_auc(batch: Batch, *, steps: int = 16, fill: str = "blur") -> Tensor:
    """Area under the target's probability while pixels vanish, the most relevant first (Petsiuk 2018).

    The curve runs over true shares of pixels from 0 to 1, both ends included. (Peers leave out the whole image, or do
    not divide by the number of steps.) Pixels of equal relevance go in an order drawn per image, not by position.

    Args:
        batch: is asked for one forward per step.
        steps: parts of the curve, at least 1.
        fill: what pixels become: "blur", the image at six by six places, which stays near the data but keeps large
            shapes' brightness and colour, or "mean", the image's mean colour, which keeps nothing.

    Returns:
        (N,), in [0, 1], lower is better; small for any map on an image the model is unsure of, so look at
        `deletion_gain`.
    """
    return batch.remember(("deletion", steps, fill), lambda: _curve(batch, batch.maps, steps, fill, insert=False))


def insertion_auc(batch: Batch, *, steps: int = 16, fill: str = "blur") -> Tensor:
    """Area under the target's probability while pixels appear on the filled image, the most relevant first.

    Arguments as `deletion_auc` (Petsiuk 2018). Returns (N,), in [0, 1], higher is better.
    """
    return _curve(batch, batch.maps, steps, fill, insert=True)


def deletion_gain(batch: Batch, *, steps: int = 16, fill: str = "blur", draws: int = 2) -> Tensor:
    """Deletion area of the map moved elsewhere at random minus the map's own.

    A random order of single pixels is no fair opponent of a smooth map: its grain alone destroys an image. So the
    opponent is the map itself, mirrored and rolled around the frame at random: the same grain and values, elsewhere.

    Args:
        batch: as `deletion_auc`.
        steps: as `deletion_auc`.
        fill: as `deletion_auc`.
        draws: random moves, at least 1.

    Returns:
        (N,), in [-1, 1], higher is better; 0 where the map's place says nothing.
    """
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")
    own = deletion_auc(batch, steps=steps, fill=fill)
    moved = [_curve(batch, _moved(batch, draw), steps, fill, insert=False) for draw in range(draws)]
    return torch.stack(moved).mean(dim=0) - own


def road(batch: Batch, *, shares: Sequence[float] = _SHARES) -> Tensor:
    """Probability kept when the least relevant pixels are imputed minus when the most relevant are (Rong 2022).

    Pixels are imputed from their neighbours with a little noise, so that the shape of what was removed tells nothing;
    mean over shares of pixels. Equal relevance goes in an order drawn per image: a flat map gets 0, where a peer that
    cuts at a percentile removes every pixel.

    Args:
        batch: is asked for two forwards per share.
        shares: of pixels to impute, each in (0, 1).

    Returns:
        (N,), in [-1, 1], higher is better; 0 is chance. Smooth maps are favoured (Song 2023): compare versions of one
        method, not methods.
    """
    if not shares or not all(0 < share < 1 for share in shares):
        raise ValueError(f"shares must lie in (0, 1), got {shares}")
    order = _order(batch, batch.maps)
    total = torch.zeros(order.shape[0], dtype=torch.float64)
    for number, share in enumerate(shares):
        count = round(share * order.shape[1])
        total += _imputed(batch, order[:, -count:], number) - _imputed(batch, order[:, :count], number)
    return total / len(shares)


def sensitivity_n(batch: Batch, *, share: float = 0.1, draws: int = 40, grid: int = 14) -> Tensor:
    """Pearson between the relevance of random sets of cells and the score lost without them (Ancona 2018).

    The frame is cut into cells, since single pixels hardly move a score; a set is removed by setting it to 0, the
    mean colour of the normalisation. For a linear model and exact attributions against that baseline it is 1.

    Args:
        batch: is asked for one forward per draw.
        share: of the cells in a set, in (0, 1).
        draws: random sets per image, at least 3.
        grid: cells along each side.

    Returns:
        (N,), in [-1, 1], higher is better; 0 is chance, and where either side does not vary.
    """
    if not 0 < share < 1 or draws < 3 or grid < 2:
        raise ValueError(f"share must lie in (0, 1), draws be at least 3, grid at least 2: {share}, {draws}, {grid}")
    height, width = batch.pixels.shape[-2:]
    cells = grid * grid
    size = max(1, round(share * cells))
    whole = _scores(batch, batch.pixels)
    gone: list[Tensor] = []
    relevance: list[Tensor] = []
    chosen = [
        torch.stack([torch.randperm(cells, generator=generator)[:size] for _ in range(draws)])
        for generator in _generators(batch, "sensitivity-n")
    ]
    for draw in range(draws):
        mask = torch.zeros(len(chosen), cells)
        mask.scatter_(1, torch.stack([sets[draw] for sets in chosen]), 1.0)
        removed = F.interpolate(mask.view(-1, 1, grid, grid), size=(height, width), mode="nearest")
        relevance.append((batch.maps.double().cpu() * removed[:, 0]).flatten(1).sum(dim=1))
        gone.append(whole - _scores(batch, batch.pixels * (1 - removed.to(batch.pixels))))
    return pearson(torch.stack(relevance, dim=1), torch.stack(gone, dim=1))


def _curve(batch: Batch, maps: Tensor, steps: int, fill: str, *, insert: bool) -> Tensor:
    """Area under the probability of the target while pixels change sides in the order of the map."""
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    order = _order(batch, maps).to(batch.pixels.device)
    filled = _filled(batch.pixels, fill)
    before, after = (filled, batch.pixels) if insert else (batch.pixels, filled)
    place = torch.empty_like(order)
    place.scatter_(1, order, torch.arange(order.shape[1], device=order.device).expand_as(order))
    count = order.shape[1]
    shares = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    heights = []
    for share in shares.tolist():
        changed = (place < round(share * count)).view(-1, 1, *maps.shape[-2:])
        heights.append(_probability(batch, torch.where(changed, after, before)))
    return torch.trapezoid(torch.stack(heights, dim=1), shares, dim=1)


def _order(batch: Batch, maps: Tensor) -> Tensor:
    """Pixels (N, M) from the most to the least relevant; ties in an order drawn per image."""
    flat = maps.flatten(1).cpu()
    drawn = torch.stack([torch.randperm(flat.shape[1], generator=g) for g in _generators(batch, "ties")])
    ranked = flat.gather(1, drawn).argsort(dim=1, descending=True, stable=True)
    return drawn.gather(1, ranked)


def _moved(batch: Batch, draw: int) -> Tensor:
    """Every map mirrored and rolled at random, by at least a quarter of the frame along each side."""
    moved = []
    for one, generator in zip(batch.maps, _generators(batch, f"move {draw}"), strict=True):
        height, width = one.shape
        down = int(torch.randint(height // 4, max(height // 4 + 1, 3 * height // 4), (1,), generator=generator))
        right = int(torch.randint(width // 4, max(width // 4 + 1, 3 * width // 4), (1,), generator=generator))
        flipped = one.flip(1) if bool(torch.rand(1, generator=generator) < 0.5) else one
        moved.append(flipped.roll((down, right), dims=(0, 1)))
    return torch.stack(moved)


def _imputed(batch: Batch, removed: Tensor, number: int) -> Tensor:
    """Probability of the target with the listed pixels (N, K) imputed."""
    count, (height, width) = len(removed), batch.pixels.shape[-2:]
    hole = torch.zeros(count, height * width, dtype=torch.bool).scatter_(1, removed, value=True)
    hole = hole.view(count, height, width).to(batch.pixels.device)
    noise = torch.stack(
        [torch.randn(batch.pixels.shape[1:], generator=g) for g in _generators(batch, f"imputation {number}")]
    )
    return _probability(batch, impute(batch.pixels, hole, noise.to(batch.pixels)))


def _generators(batch: Batch, purpose: str) -> list[torch.Generator]:
    return [batch.generator(position, purpose) for position in range(batch.pixels.shape[0])]


def _filled(pixels: Tensor, fill: str) -> Tensor:
    known: dict[str, Callable[[], Tensor]] = {
        "blur": lambda: coarse_blur(pixels),
        "mean": lambda: pixels.mean(dim=(2, 3), keepdim=True).expand_as(pixels),
    }
    if fill not in known:
        raise ValueError(f"fill must be blur or mean, got {fill}")
    return known[fill]()


def _probability(batch: Batch, pixels: Tensor) -> Tensor:
    """How strongly the annotated class is said, a probability where the task has one, (N,), float64."""
    return batch.task.strength(batch.predict(pixels, batch.truths).double(), batch.labels)


def _scores(batch: Batch, pixels: Tensor) -> Tensor:
    """The score that is explained, (N,), float64."""
    columns = batch.predict(pixels, batch.truths).double()
    return columns[:, 0] if columns.shape[1] == 1 else batch.task.explained(columns, batch.task.targets(batch.truths))
