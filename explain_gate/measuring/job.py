"""Job: all that one measurement is made of, opened here for whoever runs, validates, calibrates, monitors or works.

A model comes from code and a checkpoint here, or from a registry (models:/NAME@ALIAS). Torch is loaded when a job is
opened, not before.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explain_gate.config import GateConfig, load_config
from explain_gate.errors import ModelError
from explain_gate.plan import plan
from explain_gate.tasks import task_of

if TYPE_CHECKING:
    from explain_gate.data.regression_set import RegressionSet
    from explain_gate.measuring.progress import Progress
    from explain_gate.measuring.searches import Search
    from explain_gate.records import ModelUnderTest, Profile, Rule, SelectionName
    from explain_gate.tasks.task import Task
    from explain_gate.tracking.settings import TrackingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """Which model version: what takes the place of model.source and model.checkpoint, and where registered ones are.

    An empty checkpoint, or key in it, says that there is none. `allow_pickle`: load one whose files run code when they
    are read.
    """

    source: str | None = None
    checkpoint: str | Path | None = None
    checkpoint_key: str | None = None
    tracking_uri: str | None = None
    allow_pickle: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute:
    """What passes are made with.

    `device`: auto, cpu, cuda, cuda:N or mps. `dtype`: float32 or bfloat16. `memory_budget`: bytes that a chunk of work
    may take, None for a share of what is free.
    """

    device: str = "auto"
    dtype: str = "float32"
    memory_budget: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one worker does of what needs the whole set: searches that others go on from, or the scores of some rows."""

    searches: tuple[Search, ...] = ()
    rows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Job:
    """One model version on one regression set, opened: everything that a measurement is made of.

    `target` turns the model's output into scores, None where it has them itself. `part`: `data` is a worker's share of
    a larger set, so that what looks at the whole set is left to the process that has it. `turn`: what a worker does of
    that. `selection`: how much of the file `rules` are.
    """

    config: GateConfig
    rules: tuple[Rule, ...]
    data: RegressionSet
    model: ModelUnderTest
    target: Callable[..., Any] | None = None
    compute: Compute = field(default_factory=Compute)
    version: Version = field(default_factory=Version)
    part: bool = False
    turn: Turn | None = None
    selection: SelectionName = "full"

    @property
    def is_share(self) -> bool:
        """Whether a worker measures it: what it finds is gone on from, and is no measurement by itself."""
        return self.part or self.turn is not None

    @property
    def seed(self) -> int:
        """Of every draw."""
        return self.config.sections.seed

    @property
    def task(self) -> Task:
        """What the scores mean."""
        section = self.config.sections.model.task
        try:
            return task_of(section.name, section.parameters, self.data.facts)
        except ValueError as error:
            raise self.config.error(str(error), "model", "task") from error

    def of_version(self, source: str | None, checkpoint: str | None, checkpoint_key: str | None = None) -> Job:
        """The same measurement of another model version.

        Raises:
            ModelError: as open_model.
        """
        version = replace(self.version, source=source, checkpoint=checkpoint, checkpoint_key=checkpoint_key)
        return open_job(self.config, version, self.compute, rules=self.rules, data=self.data)


def open_job(
    config: GateConfig,
    version: Version | None = None,
    compute: Compute | None = None,
    *,
    rules: Sequence[Rule] | None = None,
    data: RegressionSet | None = None,
    model: ModelUnderTest | None = None,
    part: bool = False,
) -> Job:
    """Open what is not open yet.

    Args:
        config: the gate.
        version: which model version; default: the one of the file.
        compute: what passes are made with.
        rules: what is measured; default: all rules of the file.
        data: an opened regression set; default: that of the file.
        model: a module at hand, such as one in training.
        part: `data` is a worker's share.

    Raises:
        ConfigError, DataError, ModelError: the input cannot be used.
    """
    from explain_gate.data.regression_set import open_set
    from explain_gate.models.build import load_target

    version = version or Version()
    data = data or open_set(config)
    rules = plan(config, list(data.classes), bare=data.bare) if rules is None else rules
    job = Job(
        config=config,
        rules=tuple(rules),
        data=data,
        model=model or open_model(config, version),
        target=load_target(config),
        compute=compute or Compute(),
        version=version,
        part=part,
    )
    _require_room_for_background(job)
    return job


def open_model(config: GateConfig, version: Version) -> ModelUnderTest:
    """The model that thresholds.yaml names, or the version that takes its place.

    Raises:
        ModelError: the source cannot be imported or called, the registry does not have it, or the checkpoint cannot
            be read or does not fit.
    """
    from explain_gate.models.open import load_model
    from explain_gate.models.registered import REGISTRY, load_registered

    section = config.sections.model
    code = version.source or section.source
    # A path would make models:/NAME of models://NAME, so that a registered checkpoint stays a text.
    weights = str(section.checkpoint or "") if version.checkpoint is None else str(version.checkpoint)
    asked = next((uri for uri in (code, weights) if uri.startswith(REGISTRY)), None)
    if asked is None:
        return load_model(
            config,
            source=version.source,
            checkpoint=version.checkpoint,
            checkpoint_key=version.checkpoint_key,
            allow_pickle=version.allow_pickle,
        )
    from explain_gate.tracking.model_version import model_version_artifact

    return load_registered(
        config,
        model_version_artifact(asked, tracking_settings(config, version.tracking_uri)),
        uri=asked,
        source=None if asked == code else code,
        checkpoint_key=version.checkpoint_key,
        allow_pickle=version.allow_pickle,
    )


def measure(
    config: GateConfig | str | Path,
    *,
    source: str | None = None,
    checkpoint: str | Path | None = None,
    folder: str | Path | None = None,
    device: str = "auto",
    memory_budget: int | None = None,
    progress: Progress | None = None,
    tracking_uri: str | None = None,
    allow_pickle: bool = False,
) -> Profile:
    """Measure one model version as thresholds.yaml says.

    Args:
        config: a thresholds.yaml, or its path.
        source: overrides model.source.
        checkpoint: overrides model.checkpoint.
        folder: where the profile is written; default: a new temporary folder.
        device: auto, cpu, cuda, cuda:N or mps.
        memory_budget: bytes that a chunk of work may take; default: a share of what is free.
        progress: told of every stage.
        tracking_uri: overrides tracking.uri, where registered versions are.
        allow_pickle: load a registered version whose files run code when they are read.

    Raises:
        ConfigError, DataError, ModelError: the input cannot be used.
    """
    from explain_gate.measuring.measure import measure_model
    from explain_gate.measuring.progress import Silent

    job = open_job(
        config if isinstance(config, GateConfig) else load_config(config),
        Version(source=source, checkpoint=checkpoint, tracking_uri=tracking_uri, allow_pickle=allow_pickle),
        Compute(device=device, memory_budget=memory_budget),
    )
    target = Path(folder) if folder is not None else Path(tempfile.mkdtemp(prefix="explain-gate-"))
    return measure_model(job, target, progress=progress or Silent())


def tracking_settings(config: GateConfig, uri: str | None = None) -> TrackingSettings:
    """Where thresholds.yaml says that runs are recorded; `uri` overrides it. Relative files lie beside the file.

    Raises:
        OptionError: the URI cannot be used.
    """
    from explain_gate.tracking.settings import TrackingSettings

    section = config.sections.tracking
    folder = config.path.parent
    return TrackingSettings(
        uri=uri or _beside(section.uri, folder),
        experiment=section.experiment,
        on_unreachable=section.on_unreachable,
        promote=(section.promote.model, section.promote.alias) if section.promote else None,
        promote_inconclusive=section.promote is not None and section.promote.inconclusive == "allow",
        four_eyes=section.promote is not None and section.promote.four_eyes,
        require_attestation=section.promote is not None and section.promote.require_attestation,
        verify_signature=section.promote.verify_signature if section.promote else (),
        outbox=folder / ".explain-gate" / "outbox",
        cache=folder / ".explain-gate" / "references",
    )


def _require_room_for_background(job: Job) -> None:
    """Label 0 of torchvision's detectors is the background, so that no box ever has it.

    Raises:
        ModelError: a class of the set is called 0.
    """
    own = type(job.model.module).__module__.startswith("torchvision.models.detection")
    taken = [name for name, index in job.data.classes.items() if index == 0]
    if own and taken and job.target is None and job.task.name == "detection":
        wanted = ", ".join(f"{name}: {index + 1}" for name, index in job.data.classes.items())
        raise ModelError(
            f"data.classes gives 0 to {taken[0]}, and torchvision's detectors keep 0 for the background, so that no "
            f"box is ever called {taken[0]}; write the labels that the model was trained with, such as "
            f"classes: {{{wanted}}}"
        )


def _beside(uri: str, folder: Path) -> str:
    """A relative SQLite file as an absolute one; any other URI as it is."""
    prefix = "sqlite:///"
    if uri.startswith(prefix) and not Path(uri.removeprefix(prefix)).is_absolute():
        return f"{prefix}{folder / uri.removeprefix(prefix)}"
    return uri
