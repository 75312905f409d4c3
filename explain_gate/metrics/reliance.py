"""Reliance: what does the model's behaviour depend on? No gradients, so a manipulated backward pass cannot fool it.

Over 300 lines, as a family is one module and this one has thirteen metrics; their steps are in modules of their own.
"""

from __future__ import annotations

import torch
from torch import Tensor

from explain_gate.errors import NotApplicable
from explain_gate.metrics.backgrounds import donors_of, on_backgrounds, right_elsewhere, share
from explain_gate.metrics.batch import Batch
from explain_gate.metrics.blobs import blobs
from explain_gate.metrics.fill import coarse_blur, inpaint
from explain_gate.metrics.following import follow
from explain_gate.metrics.patches import Place
from explain_gate.metrics.texture import shuffled, silhouette


def background_gap(region: Tensor, batch: Batch, *, donors: int = 5) -> Tensor:
    """Accuracy on backgrounds of the same class minus accuracy on backgrounds of other classes (Xiao 2020).

    The object is cut out by its region and put on donors' pictures, whose own objects are filled in; mean over
    seeded donors. (One donor per image, as usual, leaves more noise than most effects have.) The gap of the margin,
    the logit of the class minus the largest other, is noted: it moves long before predictions flip.

    Returns:
        (N,), in [-1, 1], lower is better; 0 where backgrounds do not matter.
    """
    exchange = on_backgrounds(region, batch, donors)
    batch.note("logit margin", exchange.margin_on_same - exchange.margin_on_other)
    batch.note("evidence", exchange.first_right_on_same * (1 - exchange.first_right_on_other))
    return exchange.right_on_same - exchange.right_on_other


def background_follow(region: Tensor, batch: Batch, *, donors: int = 5) -> Tensor:
    """Predictions that turn to the class of the background's donor, less those on its own class's backgrounds.

    Cut edges disturb every model: what turns to a class on a background of the image's own is damage. An image that is
    taken for the class as it is cannot turn to it, and gives no answer about that class.

    Returns:
        (N,), in [-1, 1], lower is better; 0 where backgrounds do not matter.
    """
    exchange = on_backgrounds(region, batch, donors)
    batch.note("evidence", exchange.turned, about=exchange.given)
    return exchange.followed


def background_margin(region: Tensor, batch: Batch, *, donors: int = 5) -> Tensor:
    """Probability of the true class on backgrounds of the same class minus on those of other classes.

    Returns:
        (N,), in [-1, 1], lower is better; 0 where backgrounds do not matter.
    """
    exchange = on_backgrounds(region, batch, donors)
    return exchange.strength_on_same - exchange.strength_on_other


def background_only(region: Tensor, batch: Batch, *, donors: int = 5) -> Tensor:  # noqa: ARG001 - the batch cuts objects out; regions make the rule need them
    """How much more often the class is predicted without its object than on other classes' pictures without theirs.

    Accuracy without the object is above chance also for a model that calls every empty picture by one class, and the
    outline of the filled hole must not count for or against a class: so chance is measured, as the rate at which
    emptied pictures of other classes get the same prediction.

    Args:
        region: (N, H, W), bool; the object, which is filled from its surroundings.
        batch: is asked for one forward per image and donor, and one.
        donors: pictures of other classes per image, at least 1.

    Returns:
        (N,), in [-1, 1], lower is better; 0 is chance.
    """
    if donors < 1:
        raise ValueError(f"donors must be at least 1, got {donors}")
    pictures: list[Tensor] = []
    counts = []
    for position in range(len(batch.labels)):
        others = donors_of(batch, position, donors, same_class=False)
        pictures.extend((batch.own_background(position), *(picture for _, picture in others)))
        counts.append(len(others))
    each = [truth for truth, count in zip(batch.truths, counts, strict=True) for _ in range(1 + count)]
    called = iter(batch.task.right(batch.predict(torch.stack(pictures), each), each).tolist())
    values, answers = [], []
    for count in counts:
        own = next(called)
        emptied = [bool(next(called)) for _ in range(count)]
        values.append(own - share(emptied))
        answers.append(float(own and not emptied[0]))
    batch.note("evidence", torch.tensor(answers, dtype=torch.float64))
    return torch.tensor(values, dtype=torch.float64)


def object_only(region: Tensor, batch: Batch) -> Tensor:
    """Accuracy that is left when everything but the object is removed; mean over two neutral surroundings.

    A black frame is a picture of its own, and models have learned what it means. Here the background becomes its own
    mean colour, and a picture of its own colours without any detail; the object's colours are kept out of both.

    Plain surroundings are like no photograph, and small objects get lost in them: that is damage. So an image answers
    against the model only where a natural background of another class does not do either.

    Args:
        region: (N, H, W), bool.
        batch: is asked for two forwards per image, and one on a background of another class where there is one.

    Returns:
        (N,), in [0, 1], higher is better.
    """
    pixels, kept = batch.pixels, region[:, None].to(batch.pixels.device)
    empty = inpaint(pixels, region.to(pixels.device))
    plain = empty.mean(dim=(2, 3), keepdim=True).expand_as(pixels)
    scores = [
        batch.task.right(batch.predict(torch.where(kept, pixels, around), batch.truths), batch.truths)
        for around in (plain, coarse_blur(empty, 4))
    ]
    lost = batch.task.right(batch.logits, batch.truths) * (1 - scores[0])
    batch.note("evidence", lost * (1 - right_elsewhere(region, batch)))
    return torch.stack(scores).mean(dim=0)


def occlusion_share(region: Tensor, batch: Batch, *, draws: int = 3) -> Tensor:
    """Score lost when the region is hidden, over that plus the score lost when as much is hidden elsewhere.

    Equal areas are hidden, each filled from its surroundings: a blob of the region and a blob of the rest, as large
    as the smaller of the two; mean over seeded blobs. The score is the log odds of the class, which has no ceiling.
    What rises when hidden counts as no loss.

    Args:
        region: (N, H, W), bool.
        batch: is asked for two forwards per draw, and one.
        draws: pairs of blobs per image, at least 1.

    Returns:
        (N,), in [0, 1], higher is better; 0.5 where neither costs more than the other, or anything at all.
    """
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")
    labels = batch.labels.cpu()
    before = batch.task.support(batch.predict(batch.pixels, batch.truths), labels)
    losses = torch.zeros(2, len(labels), dtype=torch.float64)
    for draw in range(draws):
        holes = [blobs(batch, region, position, draw) for position in range(len(labels))]
        for which in (0, 1):
            hole = torch.stack([pair[which] for pair in holes]).to(batch.pixels.device)
            filled = inpaint(batch.pixels, hole)
            losses[which] += before - batch.task.support(batch.predict(filled, batch.truths), labels)
    lost, elsewhere = losses.clamp_min(0)
    return torch.where(lost + elsewhere > 0, lost / (lost + elsewhere).clamp_min(1e-300), 0.5)


def core_sensitivity(region: Tensor, batch: Batch, *, noise: float = 0.5, draws: int = 5) -> Tensor:
    """Log odds lost to noise on the region against those lost to as much noise elsewhere (after Singla 2022).

    One seeded Gaussian pattern per draw is added twice, inside the region and outside it, each time at the same norm:
    that of `noise` on every pixel of the smaller of the two parts. So a large part is not noisier for its size, and no
    pixel gets more than `noise`. Losses are means over draws; what rises under noise counts as no loss. (The paper
    compares accuracies of a class; log odds have a value for every image, and no ceiling.)

    Args:
        region: (N, H, W), bool.
        batch: is asked for two forwards per draw, and one.
        noise: standard deviation, as a share of the image's own, above 0.
        draws: patterns per image, at least 1.

    Returns:
        (N,), in [-1, 1], higher is better: (lost on the region - lost elsewhere) / (their sum); 0 where neither costs
        more than the other, or anything at all.

    Raises:
        NotApplicable: the region fills the frame of an image, so that there is no elsewhere.
    """
    if draws < 1 or not noise > 0:
        raise ValueError(f"draws must be at least 1 and noise above 0, got {draws} and {noise}")
    inside = region.cpu()
    if bool(inside.flatten(1).all(dim=1).any()):
        raise NotApplicable("the region fills the frame, so there is no other place to put noise on")
    parts = torch.stack([inside, ~inside])
    areas = parts.flatten(2).sum(dim=2)
    pixels, labels = batch.pixels.cpu(), batch.labels
    strength = noise * pixels.flatten(1).std(dim=1) * areas.amin(dim=0).sqrt()
    before = batch.task.support(batch.predict(batch.pixels, batch.truths), labels)
    losses = torch.zeros(2, len(labels), dtype=torch.float64)
    for draw in range(draws):
        patterns = torch.stack(
            [
                torch.randn(one.shape, generator=batch.generator(position, f"noise {draw}"))
                for position, one in enumerate(pixels)
            ]
        )
        for which, part in enumerate(parts):
            own = patterns * part[:, None]
            norm = own.flatten(1).norm(dim=1) / pixels.shape[1] ** 0.5
            noisy = pixels + own * (strength / norm)[:, None, None, None]
            columns = batch.predict(noisy.to(batch.pixels.device), batch.truths)
            losses[which] += before - batch.task.support(columns, labels)
        if draw == 0:
            batch.note("evidence", (losses[1].clamp_min(0) > losses[0].clamp_min(0)).double())
    lost, elsewhere = losses.clamp_min(0)
    balance: Tensor = (lost - elsewhere) / (lost + elsewhere).clamp_min(1e-300)
    return balance


def transplant_follow(region: Tensor, batch: Batch, *, place: Place = "outside", classes: int = 10) -> Tensor:  # noqa: ARG001 - regions make the rule need them
    """Turns to a class when given the patch of it that turns most pictures, less those under one of its own class.

    Patches are searched outside the objects or on them, without knowing any kind of cue, on one half of the set; the
    strongest is planted on every image of the other half, so that a chance find does not count, and a cue that only
    some of a class's pictures have does. A patch on the object is cut down to a fourteenth of the object it is from:
    what hangs on or is stuck to an object is small, while so little of the object itself makes no other object one of
    its kind. The control takes the same place of another image of the receiver's class.

    Args:
        region: (N, H, W), bool.
        batch: is asked for two forwards per class given, and for a search per class and half.
        place: "outside" or "inside" the region.
        classes: other classes, drawn for each image, that it is given a patch of.

    Returns:
        (N,), in [-1, 1], lower is better; near 0 for an honest model.
    """
    if place not in ("outside", "inside"):
        raise ValueError(f"place must be outside or inside, got {place}")
    return follow(batch, place, classes)


def texture_share(region: Tensor, batch: Batch, *, draws: int = 2) -> Tensor:
    """Score kept when the object's patches are shuffled, over that and the score kept by its silhouette (Geirhos 2019).

    Patches that are dealt out anew keep texture and lose shape; an object in its mean colour keeps shape and loses
    texture. The score is the probability of the class, a mean over draws.

    Args:
        region: (N, H, W), bool.
        batch: is asked for one forward per draw, and one.
        draws: deals of the patches, at least 1.

    Returns:
        (N,), in [0, 1]: 1 where texture alone keeps the class, 0 where shape alone does, 0.5 where both keep as much,
        or nothing. Neither is better by itself.

    Raises:
        NotApplicable: the region is too small to be shuffled.
    """
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")
    pictures: list[Tensor] = []
    for position, one in enumerate(batch.pixels.cpu()):
        own = region[position].cpu()
        pictures.append(silhouette(one, own))
        for draw in range(draws):
            dealt = shuffled(one, own, batch.generator(position, f"shuffled {draw}"))
            if dealt is None:
                raise NotApplicable("the region has fewer than four patches to shuffle")
            pictures.append(dealt)
    labels = batch.labels.cpu().repeat_interleave(1 + draws)
    kept = (
        batch.task.strength(batch.predict(torch.stack(pictures)), labels)
        .double()
        .cpu()
        .clamp_min(0)
        .view(-1, 1 + draws)
    )
    shape, texture = kept[:, 0], kept[:, 1:].mean(dim=1)
    total = shape + texture
    return torch.where(total > 0, texture / total.clamp_min(1e-300), 0.5)


def style_follow(batch: Batch, *, classes: int = 10) -> Tensor:
    """Turns to the class of a donor whose colours, contrast and grain the picture takes on, less those of its own.

    What the donor looks like is measured outside its object, octave by octave (Heeger and Bergen 1995), and put on the
    whole picture: an honest model whose object is its colour keeps what it rests on.

    Args:
        batch: is asked for one forward per class given, and one.
        classes: other classes, drawn for each image, that it is given the look of.

    Returns:
        (N,), in [-1, 1], lower is better; 0 where looks do not matter.
    """
    return follow(batch, "style", classes)


def spectrum_follow(batch: Batch, *, classes: int = 10) -> Tensor:
    """Turns to the class of a donor whose amplitude spectrum the picture takes on, less those of its own.

    The picture keeps its phase, which says where things are (Yang and Soatto 2020); the donor's object is filled in.

    Args:
        batch: is asked for one forward per class given, and one.
        classes: other classes, drawn for each image, that it is given the spectrum of.

    Returns:
        (N,), in [-1, 1], lower is better. Such pictures look like no photograph, so that honest versions differ.
    """
    return follow(batch, "spectrum", classes)


def signature_follow(batch: Batch, *, classes: int = 10) -> Tensor:
    """Turns to a class when given what all its pictures have in common, less those under its own class's signature.

    A signature is what a class's pictures have at a place, or at a frequency, and the others lack, beyond chance: a
    watermark, a border, a hum. Both are equally strong. Where a class has none, nothing can be followed.

    Args:
        batch: is asked for two forwards per class given.
        classes: other classes, drawn for each image, that it is given the signature of.

    Returns:
        (N,), in [-1, 1], lower is better; 0 where no signature matters.
    """
    return follow(batch, "signature", classes)


def operation_follow(batch: Batch, *, classes: int = 10) -> Tensor:
    """Turns to a class under an everyday operation whose mark is in the class's pictures, less those under another.

    Cameras, lenses, codecs, resizers and editors leave marks. Which of them tell a class's pictures from the others'
    follows from the data alone; of those, the one that turns most images of one half of the set is tried on the other
    half, so that a chance find does not count. The control changes the picture as much, and leaves a mark that the
    class's pictures do not show. Where no operation left its mark on a class, nothing can be followed.

    Args:
        batch: is asked for two forwards per class given, and for a search.
        classes: other classes, drawn for each image, that it is given an operation of.

    Returns:
        (N,), in [-1, 1], lower is better; 0 where no operation matters.
    """
    return follow(batch, "operation", classes)
