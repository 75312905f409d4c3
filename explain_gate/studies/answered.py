"""Maps of what the model itself answers, for pictures whose annotated class must stay unknown to whoever sees the map.

A map of the annotated class would carry the class in its shape, whatever the model makes of the picture.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from torch import Tensor

from explain_gate.attribution.attribute import explain
from explain_gate.attribution.base import Probe
from explain_gate.data.regression_set import require_one_size
from explain_gate.errors import ExplainGateError, ModelError
from explain_gate.measuring.device import deterministic, pick_device
from explain_gate.measuring.job import Job
from explain_gate.measuring.predict import BATCH
from explain_gate.measuring.probes import probe_maker, with_target_layers
from explain_gate.measuring.progress import Progress
from explain_gate.measuring.reasons import reason_of
from explain_gate.measuring.remembering.keys import Facts, image_facts
from explain_gate.measuring.remembering.store import Cache
from explain_gate.own_code import load_function

_NO_BOUND = 2**63 - 1
_SILENT = "the model has no answer"
_FLAT = "the map is flat or not finite"
Options = Mapping[str, Mapping[str, Any]]
Map = NDArray[np.float16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of maps, about: passes of each kind, and seconds."""

    forward: int = 0
    backward: int = 0
    seconds: float = 0.0


def maps_file(place: int) -> str:
    """Where the maps of the method at a place of the list lie in the folder, (N, H, W); zero where there is none."""
    return f"maps-{place}.npy"


def write_pixels(job: Job, rows: Sequence[int], folder: Path, progress: Progress) -> None:
    """Decode pictures into pixels.npy, (N, C, H, W), float32, normalised.

    Raises:
        DataError: files that cannot be used, or pictures of several sizes.
    """
    first = job.data.first()
    pixels = open_memmap(folder / "pixels.npy", "w+", dtype=np.float32, shape=(len(rows), *first.pixels.shape))
    sizes = {(first.pixels.shape[-2], first.pixels.shape[-1]): first.image}
    done = 0
    for samples in job.data.batches(BATCH, rows):
        sizes |= {(one.pixels.shape[-2], one.pixels.shape[-1]): one.image for one in samples}
        require_one_size(sizes)
        pixels[done : done + len(samples)] = torch.stack([one.pixels for one in samples]).numpy()
        done += len(samples)
        progress.advance("decode", done, len(rows))
    pixels.flush()


class AnswerMaps:
    """A model that explains what it answers about pictures; `answer_maps` opens one.

    `keys` say, by method, what each picture's map depends on: model, method, picture and answer.
    """

    def __init__(
        self, job: Job, probe: Probe, rows: Sequence[int], options: Options, *, folder: Path, cache: Cache
    ) -> None:
        self._job, self._probe, self._rows, self._options = job, probe, tuple(rows), options
        self._pixels = np.load(folder / "pixels.npy", mmap_mode="r", allow_pickle=False)
        self._folder, self._cache = folder, cache
        self._answers = self._answered()
        facts = Facts.of(job, options)
        pictures = [
            replace(image_facts(job.data, row), label=-1 if answer is None else answer)
            for row, answer in zip(rows, self._answers, strict=True)
        ]
        self.keys = {method: tuple(facts.map(method, one) for one in pictures) for method in options}

    def cost(self) -> Cost:
        """What maps cost that were not made before, by what the first picture of each method takes."""
        forward = backward = 0
        seconds = 0.0
        for method, keys in self.keys.items():
            present = self._cache.has(keys)
            waiting = [at for at, key in enumerate(keys) if key not in present and self._answers[at] is not None]
            if waiting:
                self._explained(method, waiting[:1])  # the first call of a method is slow
                before, began = (self._probe.passes.forward, self._probe.passes.backward), time.perf_counter()
                self._explained(method, waiting[:1])
                seconds += (time.perf_counter() - began) * len(waiting)
                forward += (self._probe.passes.forward - before[0]) * len(waiting)
                backward += (self._probe.passes.backward - before[1]) * len(waiting)
        return Cost(forward=forward, backward=backward, seconds=seconds)

    def write(self, progress: Progress) -> dict[str, dict[int, str]]:
        """Write all maps into the folder; returns, by method, why pictures have none, by their place.

        Raises:
            ModelError: a method has a map of no picture.
        """
        faults: dict[str, dict[int, str]] = {}
        shape = (len(self._rows), *self._pixels.shape[-2:])
        for place, (method, keys) in enumerate(self.keys.items()):
            out = open_memmap(self._folder / maps_file(place), "w+", dtype=np.float16, shape=shape)
            faults[method] = {at: _SILENT for at, answer in enumerate(self._answers) if answer is None}
            for start in range(0, len(keys), BATCH):
                part = range(start, min(start + BATCH, len(keys)))
                known = self._cache.get([keys[at] for at in part])
                for at in part:
                    if keys[at] in known:
                        out[at] = np.frombuffer(known[keys[at]], dtype="<f2").reshape(shape[1:])
                waiting = [at for at in part if keys[at] not in known and self._answers[at] is not None]
                maps, reasons = self._explained(method, waiting)
                faults[method] |= reasons
                for at, one in maps.items():
                    out[at] = one
                self._cache.put("maps", {keys[at]: one.tobytes() for at, one in maps.items()})
                progress.advance(method, part.stop, len(keys))
            out.flush()
            if len(faults[method]) == len(keys):
                raise ModelError(f"{method} has no map of any picture: {next(iter(faults[method].values()))}")
        return faults

    def _answered(self) -> list[int | None]:
        """The class that the model says of each picture; None where it says none."""
        task, answers = self._probe.task, []
        for start in range(0, len(self._rows), BATCH):
            rows = self._rows[start : start + BATCH]
            columns = self._probe.logits(
                torch.from_numpy(self._pixels[start : start + len(rows)].copy()),
                task.targets([self._job.data.entries[row].truth for row in rows]),
            )
            task.check(columns, by_target=self._probe.target is not None)
            finite = torch.isfinite(columns).all(dim=1).tolist()
            answers += [
                one.predicted if known else None for one, known in zip(task.answers(columns), finite, strict=True)
            ]
        return answers

    def _explained(self, method: str, places: Sequence[int]) -> tuple[dict[int, Map], dict[int, str]]:
        """Maps by place, scaled to 1, and why others have none; one by one where the model raises on some."""
        if not places:
            return {}, {}
        try:
            maps = self._asked(method, places)
        except ExplainGateError:
            raise
        except Exception as error:  # noqa: BLE001 - a user's model or method may raise anything, on one image of many
            if len(places) == 1:
                return {}, {places[0]: reason_of(method, error)}
            alone = [self._explained(method, [at]) for at in places]
            return {k: v for maps, _ in alone for k, v in maps.items()}, {
                k: v for _, why in alone for k, v in why.items()
            }
        low, high = maps.flatten(1).aminmax(dim=1)
        fine = torch.isfinite(maps).flatten(1).all(dim=1) & (low != high)
        top = maps.flatten(1).abs().amax(dim=1).clamp_min(1e-30)
        scaled = (maps / top[:, None, None]).half().numpy()  # as a profile keeps them
        known = {at: scaled[row] for row, at in enumerate(places) if fine[row]}
        return known, {at: f"{method}: {_FLAT}" for at in places if at not in known}

    def _asked(self, method: str, places: Sequence[int]) -> Tensor:
        """Maps of these, (N, H, W), on the CPU."""
        data, task = self._job.data, self._probe.task
        said = [(self._rows[at], self._answers[at]) for at in places]
        truths = [
            replace(data.entries[row].truth, label=answer, accepted=(answer,))
            for row, answer in said
            if answer is not None
        ]
        made = explain(
            self._probe,
            method,
            torch.from_numpy(self._pixels[list(places)]).to(self._probe.device),
            task.targets(truths).to(self._probe.device),
            [f"{data.digest(row)}:{answer}" for row, answer in said],
            self._options[method],
        )
        return made.maps.float().cpu()


@contextmanager
def answer_maps(job: Job, rows: Sequence[int], options: Options, *, folder: Path, keep: Path) -> Iterator[AnswerMaps]:
    """Open the job's model to explain its answers about pictures.

    Args:
        job: whose model it is.
        rows: of the set, in the order in which their pixels lie in `folder`.
        options: of each method.
        folder: where pixels.npy is and maps go.
        keep: where maps are kept from one study to the next.

    Raises:
        ModelError: no layer can be found for a method that needs one, or the output does not fit the classes.
    """
    place = pick_device(job.compute.device)
    for name in options:
        if ":" in name:  # so that it is found
            load_function(name, job.config.path.parent, f"methods.{name}")
    job.model.module.to(place)
    with deterministic():
        opened = with_target_layers(job, place)
        with (
            probe_maker(opened)(opened.model.module, job.seed) as probe,
            Cache(keep, most_bytes=_NO_BOUND) as cache,
        ):
            yield AnswerMaps(opened, probe, rows, options, folder=folder, cache=cache)
