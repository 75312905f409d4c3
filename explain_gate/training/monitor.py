"""Attribution metrics while a model trains: chosen rules of a gate, measured on the live module every few epochs.

A plain loop:

    monitor = Monitor("thresholds.yaml", every=5, checks=["alignment.*"], images=60)
    for epoch in range(epochs):
        train(model)
        monitor.after_epoch(model, epoch)

In Lightning and in the Trainer of Hugging Face: see `training.callbacks`.

A store that is away never ends a training: its numbers wait and are sent after the next measured epoch.
"""

from __future__ import annotations

import contextlib
import fnmatch
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from explain_gate.config import GateConfig, load_config
from explain_gate.data.regression_set import open_set
from explain_gate.errors import OptionError, TrackingError
from explain_gate.judging.gate import judge
from explain_gate.measuring.job import Compute, open_job, tracking_settings
from explain_gate.measuring.measure import measure_model
from explain_gate.measuring.progress import Silent
from explain_gate.models.digest import digest_of
from explain_gate.plan import plan
from explain_gate.records import Finding, ModelUnderTest, Rule
from explain_gate.tracking.delivery import experiment_of
from explain_gate.tracking.logged import metric_name
from explain_gate.tracking.store import Store, connect
from explain_gate.training.callbacks import lightning_callback
from explain_gate.training.early_warning import Alarm, EarlyWarning, alarms_of
from explain_gate.training.film import Film

if TYPE_CHECKING:
    from explain_gate.tracking.settings import TrackingSettings

__all__ = ["Epoch", "Monitor", "lightning_callback"]
# The callback is made in `training.callbacks`; it was here first, and is still imported from here.


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """What was measured after one epoch; `alarms` are what its reliance gave cause for."""

    epoch: int
    findings: tuple[Finding, ...]
    seconds: float
    alarms: tuple[Alarm, ...] = ()

    @property
    def metrics(self) -> dict[str, float]:
        """Values and ends of intervals by MLflow name, the same names as a gate run's."""
        metrics: dict[str, float] = {}
        for finding in self.findings:
            name = metric_name(finding.check, finding.method, finding.class_name, finding.statistic)
            low, high = finding.interval or (None, None)
            values = {name: finding.value, f"{name}.low": low, f"{name}.high": high}
            metrics |= {key: float(value) for key, value in values.items() if value is not None}
        metrics["explain.rules.failed"] = float(sum(f.status in {"failed", "unmeasured"} for f in self.findings))
        metrics["explain.alarms"] = float(len(self.alarms))
        metrics["explain.seconds"] = self.seconds
        return metrics


@dataclass(slots=True, kw_only=True)
class _Waiting:
    """Numbers that the store has not taken yet, as (name, value, milliseconds since 1970, epoch)."""

    rows: list[tuple[str, float, int, int]] = field(default_factory=list)


class Monitor:
    """Measures chosen rules on a live module and logs them; the module is afterwards as it was before.

    Args:
        config: a thresholds.yaml, or its path; model.source and model.checkpoint in it are not used.
        every: epochs between two measurements; epoch 0 is measured.
        checks: patterns of checks to measure, such as "alignment.*"; default: all but drift.
        images: at most so many images, stratified by class, instead of data.limit.
        run_id: the MLflow run to log to; default: the active run of this process, else a new one.
        tracking_uri: overrides tracking.uri.
        tracking: False only returns the numbers.
        film: a folder for film.html, maps of a few images over the epochs beside the curves; see `training.film`.

    Warns:
        EarlyWarning: reliance breaks its bound, or is beyond what the first measured epochs had; see
            `training.early_warning`.

    Raises:
        ConfigError, DataError: the configuration or the data cannot be used.
        OptionError: no rule matches `checks`, `every` is not positive, or a film is asked of rules without maps.
    """

    def __init__(
        self,
        config: GateConfig | str | Path,
        *,
        every: int = 1,
        checks: Sequence[str] = ("*",),
        images: int | None = None,
        run_id: str | None = None,
        tracking_uri: str | None = None,
        tracking: bool = True,
        film: str | Path | None = None,
    ) -> None:
        if every < 1:
            raise OptionError(f"every must be at least 1 epoch, got {every}")
        self.config = _limited(config if isinstance(config, GateConfig) else load_config(config), images)
        self.every = every
        self.run_id = run_id
        self.epochs: list[Epoch] = []
        self._data = open_set(self.config)
        self._rules = _chosen(plan(self.config, list(self._data.classes), bare=self._data.bare), checks)
        self._settings = tracking_settings(self.config, tracking_uri) if tracking else None
        self._waiting = _Waiting()
        self._film = None if film is None else Film(Path(film), self._rules)

    def after_epoch(self, module: torch.nn.Module, epoch: int) -> Epoch | None:
        """Measure and log where this epoch is due; None where it is not."""
        if epoch % self.every:
            return None
        began = time.monotonic()
        findings = self._measured(module, None if self._film is None else epoch)
        alarms = alarms_of(findings, [earlier.findings for earlier in self.epochs])
        seconds = round(time.monotonic() - began, 3)
        measured = Epoch(epoch=epoch, findings=findings, seconds=seconds, alarms=alarms)
        self.epochs.append(measured)
        if self._film is not None:
            self._film.write([(one.epoch, one.findings, one.alarms) for one in self.epochs])
        if self._settings is not None:
            now = time.time_ns() // 1_000_000
            self._waiting.rows += [(name, value, now, epoch) for name, value in measured.metrics.items()]
            self._send(self._settings)
        for alarm in alarms:  # last: where warnings are errors, the numbers are kept already
            warnings.warn(f"explain-gate, epoch {epoch}: {alarm.message}", EarlyWarning, stacklevel=2)
        return measured

    def measure(self, module: torch.nn.Module) -> tuple[Finding, ...]:
        """The findings of the chosen rules on a module as it is now."""
        return self._measured(module, None)

    def _measured(self, module: torch.nn.Module, filmed: int | None) -> tuple[Finding, ...]:
        # What wraps a module for distributed training has its own hooks and no names of its own.
        wrapped = getattr(module, "module", None)
        plain = wrapped if isinstance(wrapped, torch.nn.Module) and _is_parallel(module) else module
        place = next((tensor.device for tensor in plain.parameters()), torch.device("cpu"))
        section = self.config.sections.model
        layer = section.target_layer
        with _undisturbed(plain, place), tempfile.TemporaryDirectory(prefix="explain-gate-epoch-") as folder:
            model = ModelUnderTest(
                module=plain,
                source=section.source,
                checkpoint=None,
                digest=digest_of(plain, section.source, section.arguments),
                target_layers=() if layer == "auto" else (layer,) if isinstance(layer, str) else tuple(layer),
                name=section.name or type(plain).__name__,
            )
            compute = Compute(device=str(place))
            job = open_job(self.config, compute=compute, rules=self._rules, data=self._data, model=model)
            profile = measure_model(job, Path(folder), progress=Silent())
            if self._film is not None and filmed is not None:
                self._film.take(profile, filmed)
            return judge(profile, self._rules)

    def _send(self, settings: TrackingSettings) -> None:
        """One batch for all that waits; a store that is away is told of and costs no more than its seconds."""
        active = _active_run()
        if self.run_id is None and active is not None:
            self.run_id, settings = active[0], replace(settings, uri=active[1])
        elif active is not None and self.run_id == active[0]:
            settings = replace(settings, uri=active[1])
        try:
            with connect(settings) as store:
                from mlflow.entities import Metric

                self.run_id = self.run_id or _new_run(store, settings.experiment)
                metrics = [Metric(name, value, when, epoch) for name, value, when, epoch in self._waiting.rows]
                store.call(store.client.log_batch, self.run_id, metrics=metrics)
        except TrackingError as error:
            warnings.warn(f"explain-gate: {error}; {len(self._waiting.rows)} numbers wait", stacklevel=3)
        else:
            self._waiting.rows.clear()


def _limited(config: GateConfig, images: int | None) -> GateConfig:
    if images is None:
        return config
    data = config.sections.data.model_copy(update={"limit": images})
    return replace(config, sections=config.sections.model_copy(update={"data": data}))


def _chosen(rules: Sequence[Rule], patterns: Sequence[str]) -> tuple[Rule, ...]:
    """Rules that match, without their bounds on a change: one version is looked at."""
    chosen = [
        replace(rule, max_drop=None, max_rise=None)
        for rule in rules
        if not rule.check.startswith(("drift.", "review."))
        and any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns for name in (rule.check, rule.metric))
    ]
    if not chosen:
        planned = ", ".join(dict.fromkeys(rule.metric for rule in rules))
        raise OptionError(f"checks must match a planned rule, got {', '.join(patterns)}; planned are {planned}")
    return tuple(chosen)


def _is_parallel(module: torch.nn.Module) -> bool:
    return isinstance(module, torch.nn.DataParallel | torch.nn.parallel.DistributedDataParallel)


@contextlib.contextmanager
def _undisturbed(module: torch.nn.Module, place: torch.device) -> Iterator[None]:
    """Modes, what needs gradients, and the random state of the training are as before when the block ends."""
    modes = [(part, part.training) for part in module.modules()]
    needs = [(weight, weight.requires_grad) for weight in module.parameters()]
    devices = [place] if place.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), torch.inference_mode(mode=False):
        module.eval()
        try:
            yield
        finally:
            for part, mode in modes:
                part.training = mode
            for weight, need in needs:
                weight.requires_grad_(need)


def _active_run() -> tuple[str, str] | None:
    """(run id, tracking URI) of the run that the training itself has open; MLflow is not imported for it."""
    mlflow = sys.modules.get("mlflow")
    run = mlflow.active_run() if mlflow is not None else None
    return (str(run.info.run_id), str(mlflow.get_tracking_uri())) if run is not None and mlflow is not None else None


def _new_run(store: Store, experiment: str) -> str:
    run = store.call(store.client.create_run, experiment_of(store, experiment), run_name="training")
    return str(run.info.run_id)
