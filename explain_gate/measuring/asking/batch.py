"""The runner's side of the metrics' Batch: images of one regression set with their model and one method."""

from __future__ import annotations

import copy
import math
import time
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explain_gate.attribution import METHODS
from explain_gate.attribution.attribute import explain
from explain_gate.attribution.base import Probe
from explain_gate.data.regression_set import RegressionSet
from explain_gate.errors import ModelError, NotApplicable, NotMeasurable
from explain_gate.measuring.asking.backgrounds import Backgrounds
from explain_gate.measuring.asking.cascade import Cascade
from explain_gate.measuring.asking.cues import CueSearch
from explain_gate.measuring.device import pick_device, threads
from explain_gate.metrics import PAIR
from explain_gate.metrics.batch import Cue, Scene
from explain_gate.metrics.correlation import spearman
from explain_gate.metrics.patches import Place, Window
from explain_gate.metrics.reinitialise import randomize
from explain_gate.models.checkpoint import read_state
from explain_gate.records import Sample

T = TypeVar("T")

Question = tuple[str | int | bool, ...]
"""What a metric asked about the whole set: the name of the question and its arguments."""


class Subject:
    """What stays the same for a whole run: the model, its re-initialised twins, the backgrounds, the maps on disk.

    Use in a `with`: the probes freeze their modules and put them back. `kept`, `details` and `usable` are filled by
    the second stage, per method: maps (N, H, W), what the method reported (N,), and which images have a map (N,).
    """

    def __init__(
        self,
        *,
        data: RegressionSet,
        module: torch.nn.Module,
        make_probe: Callable[..., Probe],
        backgrounds: Backgrounds,
        options: Mapping[str, Mapping[str, Any]],
        seed: int,
        cues: Callable[[Callable[[Tensor], Tensor]], CueSearch] | None = None,
        rebuild: Callable[[], torch.nn.Module] | None = None,
    ) -> None:
        self.data = data
        self.backgrounds = backgrounds
        self.options = options
        self.seed = seed
        self.kept: dict[str, NDArray[np.float16]] = {}
        self.controls: dict[tuple[str, tuple[int, ...]], Tensor] = {}
        self.details: dict[str, dict[str, NDArray[np.float64]]] = {}
        self.usable: dict[str, NDArray[np.bool_]] = {}
        self._module = module
        self._make_probe = make_probe
        self._open = ExitStack()
        self._probes: dict[str, Probe] = {}
        self._pairs: dict[tuple[str, int], float] = {}
        self._pair_rows: dict[tuple[str, int], list[tuple[int, int]]] = {}
        self._make_cues = cues
        self._rebuild = rebuild
        self._cues: CueSearch | None = None
        self._cascades: dict[tuple[int, int], Cascade] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
        self._cascades.clear()
        if self._cues is not None and error is None:
            self._cues.close()

    @property
    def probe(self) -> Probe:
        """The model under test."""
        return self._probe("model", lambda: self._make_probe(self._module, self.seed))

    @property
    def again(self) -> Probe:
        """The model under test with another seed."""
        return self._probe("again", lambda: self._make_probe(self._module, self.seed + 1))

    @property
    def cues(self) -> CueSearch:
        """What classes hang on, searched when first asked for."""
        if self._cues is None:
            if self._make_cues is None:
                raise NotMeasurable("there is no regression set to search for cues")
            self._cues = self._make_cues(lambda pixels: self.probe.logits(pixels.to(self.probe.device)).cpu())
        return self._cues

    def twin(self, seed: int) -> Probe:
        """The re-initialised model of one seed."""
        return self._probe(f"twin {seed}", lambda: self._make_probe(self._randomized(seed), self.seed))

    def cascade(self, seed: int, steps: int, pixels: Tensor, labels: Tensor) -> tuple[Cascade, Probe]:
        """The model that is randomized step by step, and its probe. Shapes: any image, (1, 3, H, W), its label (1,)."""
        if (seed, steps) not in self._cascades:

            def run(module: torch.nn.Module) -> object:
                with self._make_probe(module, self.seed, fold_norms=False) as probe:
                    return probe.logits(pixels, labels)

            fresh = self.twin(seed).module
            self._cascades[seed, steps] = Cascade(self._module, fresh, run, steps)
        cascade = self._cascades[seed, steps]

        def make() -> Probe:
            # Its weights change at every step, and its blocks answer from memory: a folded copy would do neither.
            return self._make_probe(cascade.module, self.seed, fold_norms=False)

        return cascade, self._probe(f"cascade {seed} {steps}", make)

    def version(self, checkpoint: str) -> Probe:
        """The same model with other weights."""

        def make() -> Probe:
            module = copy.deepcopy(self._module)
            try:
                module.load_state_dict(read_state(Path(checkpoint)))
            except RuntimeError as error:
                raise ModelError(f"{checkpoint}: checkpoint does not fit the model: {error}") from error
            return self._make_probe(module, self.seed)

        return self._probe(f"version {checkpoint}", make)

    def converted(self, device: str, dtype: str) -> Probe:
        """The same model on another device or in another precision."""

        def make() -> Probe:
            module = copy.deepcopy(self._module).to(device=pick_device(device), dtype=getattr(torch, dtype))
            return self._make_probe(module, self.seed)

        return self._probe(f"converted {device} {dtype}", make)

    def _randomized(self, seed: int) -> torch.nn.Module:
        return randomize(self._module, self.seed + 7919 * (seed + 1), self._rebuild)

    def passes(self) -> tuple[int, int]:
        """Images that went forward and backward, through all models."""
        probes = self._probes.values()
        return sum(probe.passes.forward for probe in probes), sum(probe.passes.backward for probe in probes)

    def _probe(self, name: str, make: Callable[[], Probe]) -> Probe:
        if name not in self._probes:
            self._probes[name] = self._open.enter_context(make())
        return self._probes[name]

    def pair_correlation(self, method: str, pairs: int) -> float:
        """Mean Spearman correlation between maps of random pairs of different images."""
        if (method, pairs) not in self._pairs:
            drawn = self.pair_rows(method, pairs)
            if not drawn:
                raise NotMeasurable("fewer than two maps of different images, so there is no pair to compare")
            maps = self.kept[method]
            values = []
            for first, second in drawn:
                both = torch.from_numpy(np.stack([maps[first], maps[second]]).astype(np.float32))
                values.append(float(spearman(both[:1], both[1:])[0]))
            self._pairs[method, pairs] = math.fsum(values) / len(values)
        return self._pairs[method, pairs]

    def peers(self, row: int, method: str, count: int) -> list[int]:
        """Rows of other images that have a map of the method, drawn for one image."""
        others = [
            other
            for other in np.flatnonzero(self.usable[method]).tolist()
            if self.data.digest(other) != self.data.digest(row)
        ]
        return self.data.lowest(others, count, seed=self.seed, own=self.data.key(row), purpose=f"peers {method}")

    def pair_rows(self, method: str, pairs: int) -> list[tuple[int, int]]:
        """Drawn pairs of different images that have a map of the method; empty where there are no two."""
        if (method, pairs) not in self._pair_rows:
            rows = np.flatnonzero(self.usable[method]).tolist()
            self._pair_rows[method, pairs] = self.data.pairs(rows, pairs, seed=self.seed, purpose="pair")
        return self._pair_rows[method, pairs]


class MeasuredBatch:
    """N images, their model and, for metrics of maps, one method. Implements `metrics.batch.Batch`."""

    def __init__(
        self,
        subject: Subject,
        samples: Sequence[Sample],
        logits: Tensor,
        method: str | None,
        maps: Tensor | None = None,
        population: Sequence[int] = (),
        *,
        peers: str | None = None,
    ) -> None:
        self.peers = peers
        self.samples = samples
        self.method = method
        self.notes: dict[str, tuple[Tensor, Tensor | None]] = {}
        self.asked: set[str] = set()
        self.questions: set[Question] = set()
        self.outcomes: dict[int, tuple[Place, float]] = {}
        self._population = population
        self._subject = subject
        self._logits = logits
        self._maps = maps
        self._remembered: dict[Hashable, Any] = {}

    @property
    def rows(self) -> list[int]:
        """Positions in the regression set."""
        return [sample.index for sample in self.samples]

    @cached_property
    def pixels(self) -> Tensor:
        """(N, 3, H, W)."""
        return torch.stack([sample.pixels for sample in self.samples]).to(self._subject.probe.device)

    @cached_property
    def labels(self) -> Tensor:
        """(N,)."""
        return torch.tensor([sample.label for sample in self.samples], device=self._subject.probe.device)

    @property
    def accepted(self) -> list[tuple[int, ...]]:
        """Classes that count as right, per image."""
        return [sample.accepted for sample in self.samples]

    @property
    def logits(self) -> Tensor:
        """(N, K)."""
        return self._logits

    @cached_property
    def maps(self) -> Tensor:
        """(N, H, W), as kept on disk."""
        if self._maps is not None:
            return self._maps
        return self._kept(self._named_method())

    @property
    def first(self) -> Tensor:
        """Maps of the first method of a pair."""
        return self._kept(self._named_method().split(PAIR)[0])

    @property
    def second(self) -> Tensor:
        """Maps of the second method of a pair."""
        return self._kept(self._named_method().split(PAIR)[1])

    @property
    def relevance(self) -> Tensor:
        """The positive part of the maps."""
        return self.maps.clamp_min(0)

    @cached_property
    def region(self) -> Tensor:
        """(N, H, W) bool; the runner leaves out images without a region."""
        return torch.stack([sample.region for sample in self.samples if sample.region is not None])

    @cached_property
    def counted(self) -> Tensor:
        """(N, H, W) bool, False where pixels are to be ignored."""
        every = torch.ones(self.samples[0].pixels.shape[-2:], dtype=torch.bool)
        return torch.stack([every if sample.ignored is None else ~sample.ignored for sample in self.samples])

    @property
    def annotators(self) -> list[Tensor]:
        """One region per annotator; the runner leaves out images with fewer than two."""
        return [torch.stack(list(sample.annotators)) for sample in self.samples]

    @property
    def weights(self) -> Tensor:
        """What each image weighs where every class counts the same."""
        self.questions.add(("weights",))
        counts = Counter(self._population)
        total = sum(counts.values())
        return torch.tensor(
            [total / (len(counts) * counts[sample.label]) for sample in self.samples], dtype=torch.float64
        )

    @property
    def details(self) -> dict[str, Tensor]:
        """What the method reported per image."""
        columns = self._subject.details[self._named_method()]
        return {name: torch.from_numpy(column[self.rows]) for name, column in columns.items()}

    @property
    def keys(self) -> list[str]:
        """What seeds the draws of each image."""
        return [f"{sample.digest}:{sample.label}" for sample in self.samples]

    def single(self, position: int) -> MeasuredBatch:
        """One of the images as a batch of its own."""
        part = slice(position, position + 1)
        maps = None if self._maps is None else self._maps[part]
        return MeasuredBatch(
            self._subject, self.samples[part], self._logits[part], self.method, maps, self._population, peers=self.peers
        )

    def predict(self, pixels: Tensor) -> Tensor:
        """Logits of any inputs."""
        return self._subject.probe.logits(pixels.to(self._subject.probe.device)).cpu()

    def explain(self, pixels: Tensor, labels: Tensor | None = None) -> Tensor:
        """Maps of the same method for other pixels, or for other classes."""
        return self._explain(self._subject.probe, pixels, self.labels if labels is None else labels, self.keys)

    def explain_randomized(self, seed: int) -> Tensor:
        """Maps on the re-initialised model."""

        def compute() -> Tensor:
            return self._explain(self._subject.twin(seed), self.pixels, self.labels, self.keys)

        return self.remember(("randomized", seed), compute)

    def cascade(self, seed: int, steps: int) -> list[tuple[str, Tensor]]:
        """Maps of every step of a cascade; the last is that of the re-initialised model."""
        cascade, probe = self._subject.cascade(seed, steps, self.pixels[:1], self.labels[:1])
        method = self._named_method()
        cascade.restore(reuse=method in METHODS and "layers" in METHODS[method].needs)
        found = []
        for step, block in enumerate(cascade.blocks):
            cascade.randomize(step)
            last = step == len(cascade.blocks) - 1
            maps = self.explain_randomized(seed) if last else self._explain(probe, self.pixels, self.labels, self.keys)
            found.append((block.name, maps))
        cascade.restore(reuse=False)
        return found

    def explain_with(self, checkpoint: str) -> Tensor:
        """Maps with other weights."""

        def compute() -> Tensor:
            return self._explain(self._subject.version(checkpoint), self.pixels, self.labels, self.keys)

        return self.remember(("version", checkpoint), compute)

    def explain_on(self, device: str, dtype: str) -> Tensor:
        """Maps on another device or in another precision."""
        probe = self._subject.converted(device, dtype)
        pixels = self.pixels.to(device=probe.device)
        return self._explain(probe, pixels, self.labels.to(probe.device), self.keys).float()

    def gradients(self, pixels: Tensor) -> Tensor:
        """Gradients of the scores, by the model as it is."""
        try:
            return self._subject.probe.gradients(pixels, self.labels)[1]
        except ModelError as error:
            raise NotMeasurable(str(error)) from error

    def exact_scores(self, pixels: Tensor) -> Tensor:
        """Scores in double precision."""
        probe = self._subject.converted(str(self._subject.probe.device), "float64")
        return probe.scores(pixels, self.labels).double()

    def seconds(self) -> tuple[float, float]:
        """Measured side by side: a map, and the fastest of three forwards."""
        began = time.perf_counter()
        self.explain(self.pixels)
        explained = time.perf_counter() - began
        forwards = []
        for _ in range(3):
            began = time.perf_counter()
            self.predict(self.pixels)
            forwards.append(time.perf_counter() - began)
        return explained, min(forwards)

    def explain_again(self) -> Tensor:
        """The maps once more: another seed, half the batch at a time, another number of threads."""
        half = max(1, len(self.samples) // 2)
        parts = []
        with threads(1 if torch.get_num_threads() > 1 else 2):
            for start in range(0, len(self.samples), half):
                part = slice(start, start + half)
                parts.append(self._explain(self._subject.again, self.pixels[part], self.labels[part], self.keys[part]))
        return torch.cat(parts)

    def backgrounds(self, position: int, *, same_class: bool, count: int) -> list[tuple[int, Tensor]]:
        """Donors of backgrounds for one image."""
        self.questions.add(("backgrounds", same_class, count))
        return self._subject.backgrounds.donors(self.samples[position].index, same_class=same_class, count=count)

    def own_background(self, position: int) -> Tensor:
        """One image without its object."""
        picture = self._subject.backgrounds.own(self.samples[position])
        if picture is None:
            raise NotApplicable("the region leaves too little of a background")
        return picture

    def others(self, position: int, count: int) -> list[Scene]:
        """Images that do not show the class of one image."""
        self.questions.add(("others", count))
        return self._subject.cues.others(self.samples[position].index, count)

    def cue(self, position: int, place: Place) -> tuple[Cue, Window]:
        """What the class of one image hangs on, and where on this image."""
        self.questions.add(("cue", place))
        sample = self.samples[position]
        found = self._subject.cues.cue(sample.label, place)
        window = None if found is None else self._subject.cues.place_of(sample, found, place)
        if found is None or window is None:
            raise NotApplicable(f"the region leaves no place {place} it to take a patch from")
        return found, window

    def note_cue(self, position: int, place: Place, share: float) -> None:
        """Keep the outcome for the report."""
        sample = self.samples[position]
        self.outcomes[sample.index] = (place, share)
        self._subject.cues.remember(sample.index, sample.label, place, share)

    @property
    def counting(self) -> bool:
        """Whether the rule counts images."""
        return self.peers is not None or self.method is None

    def other_maps(self, position: int, count: int) -> Tensor:
        """The positive part of maps of other images, as they would lie on this one."""
        method = self.peers or self._named_method()
        self.questions.add(("other_maps", method, count))
        rows = self._subject.peers(self.samples[position].index, method, count)
        if not rows:
            raise NotMeasurable("no other image has a map to compare with")
        maps = torch.from_numpy(self._subject.kept[method][rows].astype(np.float32)).clamp_min(0)
        return maps * self.counted[position]

    def pair_correlation(self, pairs: int) -> float:
        """Mean correlation between maps of different images."""
        method = self._named_method()
        self.questions.add(("pair_correlation", method, pairs))
        return self._subject.pair_correlation(method, pairs)

    def generator(self, position: int, purpose: str) -> torch.Generator:
        """Seeded by (seed, image, purpose)."""
        return self._subject.probe.generator(self.keys[position], purpose)

    def remember(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Compute once per batch and method."""
        if key not in self._remembered:
            self._remembered[key] = compute()
        found: T = self._remembered[key]
        return found

    def note(self, name: str, values: Tensor, *, about: Tensor | None = None) -> None:
        """Keep more numbers; the runner collects them after the metric's call."""
        if len(values) != len(self.samples) or (about is not None and about.shape != values.shape):
            shapes = f"{tuple(values.shape)}{'' if about is None else f' about {tuple(about.shape)}'}"
            raise ValueError(
                f"a note must have a row for each of {len(self.samples)} images, and `about` its shape, got {shapes}"
            )
        self.notes[name] = (values, about)

    def _kept(self, method: str) -> Tensor:
        return torch.from_numpy(self._subject.kept[method][self.rows].astype(np.float32))

    def _named_method(self) -> str:
        if self.method is None:
            raise TypeError("this metric looks at maps, so its line in METRICS must not say applies='model'")
        return self.method

    def _explain(self, probe: Probe, pixels: Tensor, labels: Tensor, keys: Sequence[str]) -> Tensor:
        method = self._named_method()
        return explain(probe, method, pixels, labels, keys, self._subject.options.get(method, {})).maps.cpu()
