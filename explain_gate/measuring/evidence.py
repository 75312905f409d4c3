"""What the model did, in pictures: for every rule of behaviour its five worst images, its median and its best.

A metric of behaviour gives the model other pictures of an image: on another ground, with a patch, as another camera
would have taken it. Here it is asked about those images once more, and what it gives the model is written down.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from explain_gate.data.preprocessing import Preprocessing, visible
from explain_gate.errors import ExplainGateError, NotApplicable, NotMeasurable
from explain_gate.measuring.asking.batch import MeasuredBatch
from explain_gate.measuring.asking.looks import Exchanges
from explain_gate.metrics import METRICS
from explain_gate.records import Rule, Truth

if TYPE_CHECKING:
    from explain_gate.measuring.remembering.searched import Searched
    from explain_gate.measuring.table import Table
    from explain_gate.tasks.task import Task

FOLDER = "evidence"
LISTED = f"{FOLDER}/evidence.json"
CHOSEN = "the five worst images of the rule, the median and the best one"
_WORST = 5
_PICTURES = 3
"""Of one image: the two on which its class's score is lowest, and the one on which it is highest."""
_SIDE = 320
_QUALITY = 85
_AMPLIFIED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A picture that the model was given, (C, H, W) normalised, and the scores (K,) that it gave."""

    pixels: Tensor
    scores: Tensor


class _Watched:
    """A batch of one image that writes down every picture the model is given."""

    def __init__(self, batch: MeasuredBatch) -> None:
        self._batch = batch
        self.asked: list[_Asked] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def predict(self, pixels: Tensor, truths: Sequence[Truth] | None = None) -> Tensor:
        scores: Tensor = self._batch.predict(pixels, truths)
        self.asked += [
            _Asked(pixels=one.detach().cpu(), scores=its.detach().cpu())
            for one, its in zip(pixels, scores, strict=True)
        ]
        return scores


def keep_evidence(
    tables: Iterable[Table],
    folder: Path,
    *,
    task: Task,
    preprocessing: Preprocessing,
    memory: Searched,
    batch_of: Callable[[Table, int], MeasuredBatch],
    digest_of: Callable[[int], str],
) -> None:
    """Write the pictures of every rule of behaviour under `folder`/evidence, with evidence.json that lists them.

    What an earlier run wrote of the same model, set and value is read from `memory`, and the model is not asked.

    Args:
        tables: what was measured; those of maps, and those that give the model nothing, are passed over.
        folder: of the profile.
        task: what scores mean.
        preprocessing: of the set, to show pictures as people see them.
        memory: what is known already.
        batch_of: one row as a batch of its own.
        digest_of: what a row's image is told apart by, whatever it is called and wherever it stands.
    """
    listed = []
    for table in tables:
        if not _gives_pictures(table):
            continue
        for rank, row in chosen(table, digest_of):
            strip = memory.evidence(table, row)
            if strip is None:
                strip = _drawn(table, batch_of(table, row), task, preprocessing)
                memory.keep_evidence(table, row, *strip)
            head, content = strip
            if head["pictures"]:
                listed.append(_written(head, content, folder, table=table, row=row, rank=rank))
    if listed:
        text = json.dumps({"chosen": CHOSEN, "strips": listed}, indent=1, ensure_ascii=False, allow_nan=False)
        (folder / LISTED).write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def chosen(table: Table, digest_of: Callable[[int], str]) -> list[tuple[str, int]]:
    """(rank, row) of the images shown: "worst", then "median" and "best"; each image once.

    Images that say yes, where images are counted, come before those that do not; then the value decides, and among
    equals the digest.
    """
    rule: Rule = table.rule
    sign = 1.0 if rule.better == "higher" and rule.decide == "value" else _sign(rule)
    yes = {
        row: max((number for number, _ in noted), default=0.0) for row, noted in table.notes.get("evidence", {}).items()
    }
    ordered = sorted(table.values, key=lambda row: (-yes.get(row, 0.0), sign * table.values[row], digest_of(row)))
    if not ordered:
        return []
    ranks: dict[int, str] = dict.fromkeys(ordered[:_WORST], "worst")
    ranks.setdefault(ordered[len(ordered) // 2], "median")
    ranks.setdefault(ordered[-1], "best")
    return [(rank, row) for row, rank in ranks.items()]


def _sign(rule: Rule) -> float:
    metric = METRICS.get(rule.metric)
    better = metric.better if metric is not None else rule.better
    return 1.0 if better == "higher" else -1.0


def _gives_pictures(table: Table) -> bool:
    return table.method is None and "batch" in table.needs and not table.check.startswith("performance.")


def _drawn(
    table: Table, batch: MeasuredBatch, task: Task, preprocessing: Preprocessing
) -> tuple[dict[str, Any], bytes]:
    """The strip of one image: a head that says what the model said, and its pictures in one."""
    watched = _Watched(batch)
    given = {name: watched if name == "batch" else getattr(batch, name) for name in table.needs}
    try:
        table.function(**given, **table.arguments())
    except (NotApplicable, NotMeasurable):
        return {"pictures": []}, b""
    except ExplainGateError:
        raise
    except Exception:  # noqa: BLE001 - a value stands already; that it has no pictures is no fault of the version
        return {"pictures": []}, b""
    sample = batch.request.samples[0]
    before = sample.pixels
    others = [
        one
        for one in watched.asked
        if one.pixels.shape == before.shape
        and not torch.equal(one.pixels, before)
        and _is_told(_said(task, one.scores))
    ]
    shown, content = [], b""
    for one in _telling(others, sample.label):
        jpeg = _jpeg(visible(one.pixels, preprocessing))
        entry: dict[str, Any] = {"size": len(jpeg), **_said(task, one.scores)}
        content += jpeg
        if Exchanges.name in (table.declared or ()):
            difference = _jpeg(_amplified(visible(one.pixels, preprocessing), visible(before, preprocessing)))
            entry["difference"] = len(difference)
            content += difference
        shown.append(entry)
    return {"pictures": shown, "original": _said(task, batch.request.logits[0])}, content


def _is_told(said: Mapping[str, Any]) -> bool:
    """Whether the model said something of a picture: one for which it gives no finite score tells nothing."""
    return all(math.isfinite(value) for value in said.values() if isinstance(value, float))


def _telling(asked: Sequence[_Asked], label: int) -> list[_Asked]:
    """What tells most about what the score of the class hangs on, lowest first; equal pictures once."""
    kept: list[_Asked] = []
    for one in sorted(asked, key=lambda one: float(one.scores[label]) if label < len(one.scores) else 0.0):
        if not any(torch.equal(one.pixels, other.pixels) for other in kept):
            kept.append(one)
    return kept if len(kept) <= _PICTURES else [*kept[: _PICTURES - 1], kept[-1]]


def _said(task: Task, scores: Tensor) -> dict[str, Any]:
    """The class that the model says first, and how sure it is; None where scores mean neither."""
    answer = task.answers(scores[None])[0] if len(scores) > 1 else None
    told: dict[str, Any] = {"predicted": answer and answer.predicted, "confidence": answer and answer.probability}
    if answer is not None and answer.value is not None:
        told["value"] = answer.value
    if answer is not None and len(answer.said) > 1:
        told["said"] = list(answer.said)
    return told


_SAID = ("predicted", "confidence", "value", "said")
"""What is kept of an answer."""


def _amplified(after: Tensor, before: Tensor) -> Tensor:
    """What changed, (3, H, W) in [0, 1]: mid-gray is nothing, and a difference of 1/16 is white or black."""
    return (0.5 + _AMPLIFIED * (after - before)).clamp(0, 1)


def _jpeg(shown: Tensor) -> bytes:
    picture = Image.fromarray(np.asarray((shown * 255).round().to(torch.uint8).permute(1, 2, 0)))
    picture.thumbnail((_SIDE, _SIDE))
    content = BytesIO()
    picture.save(content, "JPEG", quality=_QUALITY)
    return content.getvalue()


def _written(
    head: Mapping[str, Any], content: bytes, folder: Path, *, table: Table, row: int, rank: str
) -> dict[str, Any]:
    """One entry of evidence.json, its pictures beside it."""
    (folder / FOLDER).mkdir(exist_ok=True)
    stem = f"{table.check.replace('/', '-').replace(':', '-')}-{row:06d}"
    pictures = []
    for number, one in enumerate(head["pictures"]):
        entry = {name: one[name] for name in _SAID if name in one}
        for key, name in (("size", "file"), ("difference", "difference")):
            if key in one:
                entry[name] = f"{stem}-{number}{'' if name == 'file' else '-difference'}.jpg"
                (folder / FOLDER / entry[name]).write_bytes(content[: one[key]])
                content = content[one[key] :]
        pictures.append(entry)
    yes = max((number for number, _ in table.notes.get("evidence", {}).get(row, ())), default=None)
    return {
        "check": table.check,
        "row": row,
        "rank": rank,
        "value": table.values[row],
        "yes": None if yes is None else bool(yes),
        "original": head.get("original"),
        "pictures": pictures,
    }
