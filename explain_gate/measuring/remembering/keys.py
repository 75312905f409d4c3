"""The one list of all that a measured number depends on, and the keys that are made of it.

Whatever keeps a number, or says that a number was measured, keys it here: the cache, workers and their finished images.
Equal keys, equal numbers, whatever the folder is called, wherever the model lies and however a file is laid out.
"""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import torch

from explain_gate.attribution import METHODS
from explain_gate.attribution.attribute import method_function
from explain_gate.data.regression_set import RegressionSet
from explain_gate.measuring.device import pick_device
from explain_gate.measuring.remembering.code import code_of, home_of, versions_of
from explain_gate.measuring.remembering.digests import digest, files_in
from explain_gate.measuring.remembering.fingerprints import shape_of
from explain_gate.metrics import METRICS, PAIR
from explain_gate.own_code import make_importable
from explain_gate.records import ModelUnderTest, Rule
from explain_gate.tasks import TASKS

if TYPE_CHECKING:
    from explain_gate.measuring.job import Job

LIBRARIES = ("torch", "torchvision", "numpy", "scipy", "PIL", "pydicom", "tifffile")
"""What computes numbers beside this package and the user's code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What the scores of a model depend on.

    `weights` covers source, arguments and every saved tensor; `shape` structure, graph, other buffers and plain
    attributes; `code` the modules of all its parts, of what builds it, and of all that these import. `arguments` are
    those of the builder, files in them by content. `target` is the full name of the function that makes scores of the
    output, `target_code` its module and all that it imports. `task` is what the scores mean, with its parameters
    and what of the set its answers depend on. `layers` are those
    that CAM methods look at.
    """

    weights: str
    shape: str
    code: str
    arguments: Any
    target: str | None
    target_code: str
    task: str
    layers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionFacts:
    """A method or a metric: full name, its parameters with their defaults, files in them by content, and its code.

    The code of this package's own is part of the program, and empty here.
    """

    name: str
    parameters: Mapping[str, Any]
    code: str


@dataclass(frozen=True, kw_only=True)
class ImageFacts:
    """One sample: the bytes of its image file, the class that is explained, and the rest of its annotation."""

    content: str
    label: int
    annotation: Any

    @functools.cached_property
    def identity(self) -> str:
        """All of it in one. A mask's annotation is long and asked for once a metric, so it is digested once."""
        return digest(asdict(self))


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that the numbers of a run depend on, beside the single image.

    `program` is this package's code. `methods` go by name, `metrics` by check.
    """

    program: str
    libraries: Mapping[str, str]
    model: ModelFacts
    preprocessing: Mapping[str, Any]
    seed: int
    device: str
    dtype: str
    methods: Mapping[str, FunctionFacts]
    metrics: Mapping[str, FunctionFacts]

    @classmethod
    def of(cls, job: Job, options: Mapping[str, Mapping[str, Any]]) -> Self:
        """The facts of a job, as its model and its data are now.

        Args:
            job: its config's folder is what the names of files in options are relative to.
            options: of each method.
        """
        section, folder, model = job.config.sections.model, job.config.path.parent, job.model
        make_importable(folder)
        homes = {type(part).__module__ for part in model.module.modules()} | {home_of(model.source) or ""}
        return cls(
            program=code_of(_measuring_code()),
            libraries={**versions_of(LIBRARIES), "torch": torch.__version__},  # it tells its build, its package may not
            model=ModelFacts(
                weights=model.digest,
                shape=shape_of(model.module),
                code=code_of(sorted(homes - {""})),
                arguments=files_in(section.arguments, folder),
                target=section.target,
                target_code=code_of([home_of(section.target) or ""]) if section.target else "",
                task=_task_of(job),
                layers=tuple(model.target_layers),
            ),
            preprocessing={
                **asdict(job.data.preprocessing),
                "code": code_of([home_of(job.data.preprocessing.transform or "") or ""]),
            },
            seed=job.seed,
            device=pick_device(job.compute.device).type,
            dtype=job.compute.dtype,
            methods={
                name: FunctionFacts(
                    name=name,
                    parameters=files_in({**_defaults(_method_of_ours(name)), **chosen}, folder),
                    code="" if name in METHODS else code_of([home_of(name) or name]),
                )
                for name, chosen in options.items()
            },
            metrics={
                rule.check: FunctionFacts(
                    name=rule.metric,
                    parameters=files_in({**_defaults(_metric_of_ours(rule.metric)), **rule.parameters}, folder),
                    code="" if rule.metric in METRICS else code_of([home_of(rule.metric.partition(".")[2]) or ""]),
                )
                for rule in job.rules
            },
        )

    def logits(self, image: ImageFacts) -> str:
        """Key of one image's logits."""
        return digest("logits", self._asked, image.content, image.label, *self._located(image))

    def picture(self, image: ImageFacts) -> str:
        """Key of what the report shows of one image."""
        return digest("picture", self._seen, image.identity)

    def map(self, method: str, image: ImageFacts) -> str:
        """Key of one image's map."""
        return digest("map", self._explained[method], image.content, image.label, *self._located(image))

    def score(self, check: str, method: str | None, image: ImageFacts) -> str:
        """Key of one image's score; `method` may be a pair of methods, or a control's source."""
        names = (method or "").replace("control.randomized.", "").split(PAIR)
        explained = [self._explained.get(name, name) for name in names]
        # A metric may look at any layer, so those count for behaviour too.
        base = [self._asked, self.model.layers, asdict(self.metrics[check])]
        return digest("score", base, method, explained, image.identity)

    def cue(self, label: int, place: str, classes: Mapping[str, int], images: Sequence[ImageFacts]) -> str:
        """Key of what a search on these images left of one class."""
        return digest("cue", self._asked, label, place, sorted(classes.items()), [image.identity for image in images])

    def signature(self, label: int, images: Sequence[ImageFacts]) -> str:
        """Key of what these images of a class, and not those of others, have in common: no model has a part in it."""
        return digest("signature", self._seen, self.seed, label, [image.identity for image in images])

    def operation(self, label: int, classes: int, half: bool, images: Sequence[ImageFacts]) -> str:  # noqa: FBT001 - one of two halves
        """Key of which operation turned most of one half of these images to a class."""
        return digest("operation", self._asked, label, classes, half, sorted(image.identity for image in images))

    def of_pictures(self, what: str, images: Sequence[ImageFacts]) -> str:
        """Key of what a search told of these images, no model having a part in it.

        `marks`: what operations do to them, and whose show it. `confounds`: what tells classes apart beside objects.
        """
        return digest(what, self._seen, self.seed, [image.identity for image in images])

    def finished(self, rules: Sequence[Rule]) -> str:
        """Key of what workers have finished who measured these rules."""
        rows = {digest(asdict(self.metrics[rule.check]), rule.method, rule.sample, rule.sample_each) for rule in rules}
        return digest("finished", self.by_name(), sorted(rows))

    def by_name(self) -> dict[str, str]:
        """The same as texts to compare, so that who differs can be told in what."""
        model = self.model
        return {
            "explain-gate": self.program,
            **self.libraries,
            "weights": digest(model.weights, model.arguments),
            "code": digest(model.shape, model.code),
            "target": digest(model.target, model.target_code),
            "task": model.task,
            "layers": digest(model.layers),
            "preprocessing": digest(self.preprocessing),
            "methods": digest({name: asdict(facts) for name, facts in self.methods.items()}),
            # By what they are: one metric may stand in several rules.
            "metrics": digest(sorted({digest(asdict(facts)) for facts in self.metrics.values()})),
            "seed": str(self.seed),
            "device": f"{self.device} {self.dtype}",
        }

    def _located(self, image: ImageFacts) -> list[Any]:
        """What is drawn, where an output is compared with that."""
        located = (json.dumps(name) for name, card in TASKS.items() if card.located)
        return [image.annotation] if any(self.model.task.startswith(f"[{name}") for name in located) else []

    @cached_property
    def _seen(self) -> str:
        """What an image becomes before the model sees it."""
        return digest(self.program, self.libraries, self.preprocessing)

    @cached_property
    def _asked(self) -> str:
        model = {name: value for name, value in asdict(self.model).items() if name != "layers"}
        return digest(self._seen, model, self.seed, self.device, self.dtype)

    @cached_property
    def _explained(self) -> dict[str, str]:
        return {name: digest(self._asked, self.model.layers, asdict(facts)) for name, facts in self.methods.items()}


def built_model(model: ModelUnderTest) -> str:
    """Digest of a model as it was built: its tensors, its structure, and the code of all its parts."""
    homes = {type(part).__module__ for part in model.module.modules()} | {home_of(model.source) or ""}
    return digest("built", model.digest, shape_of(model.module), code_of(sorted(homes - {""})))


def image_facts(data: RegressionSet, row: int) -> ImageFacts:
    """One sample of a regression set.

    Raises:
        OSError: its file cannot be read.
    """
    return ImageFacts(content=data.digest(row), label=data.entries[row].label, annotation=data.identity(row))


def _measuring_code() -> list[str]:
    """The modules of this package that numbers come from."""
    modules = {method.module for method in METHODS.values()} | {metric.module for metric in METRICS.values()}
    return ["explain_gate.measuring.measure", *sorted(modules)]


def _task_of(job: Job) -> str:
    """The task by name, with its parameters and what it knows of the set where its answers depend on that."""
    section, facts = job.config.sections.model.task, job.data.facts
    known = {name: getattr(facts, name) for name in TASKS[section.name].depends}
    return json.dumps([section.name, section.parameters, known], sort_keys=True)


def _method_of_ours(name: str) -> Callable[..., Any] | None:
    return method_function(name) if name in METHODS else None


def _metric_of_ours(name: str) -> Callable[..., Any] | None:
    return METRICS[name].load() if name in METRICS else None


def _defaults(function: Callable[..., Any] | None) -> dict[str, Any]:
    """What is used where thresholds.yaml says nothing. A user's function is not loaded for a key: its code is in it."""
    if function is None:
        return {}
    parameters = inspect.signature(function).parameters.values()
    return {
        one.name: one.default for one in parameters if one.kind is one.KEYWORD_ONLY and one.default is not one.empty
    }
