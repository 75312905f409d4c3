"""One gate run from options to exit code: prepare, measure, judge, publish. What the plugin and the demo drive."""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explain_gate.config import GateConfig, load_config
from explain_gate.errors import ExplainGateError, OptionError, ReferenceError, TrackingError
from explain_gate.judging.gate import conclude, judge, judge_controls
from explain_gate.measuring.job import Compute, Job, Version, open_job, tracking_settings
from explain_gate.options import RunOptions
from explain_gate.plan import plan, waivers_of
from explain_gate.records import Evidence, FailedTest, Finding, ModelUnderTest, Profile, Rule, Verdict, Waiver
from explain_gate.redact import redacted
from explain_gate.session import output as output_folder

if TYPE_CHECKING:
    from explain_gate.data.regression_set import RegressionSet
    from explain_gate.measuring.progress import Progress
    from explain_gate.measuring.remembering.store import Cache
    from explain_gate.measuring.workers.crew import Crew
    from explain_gate.profile.working_folder import WorkingFolder
    from explain_gate.tracking.references import CheckpointReference
    from explain_gate.tracking.settings import TrackingSettings


_FINDINGS = ".findings.json"
_REFERENCE = ".reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A run that is published: its verdict as the files hold it, their folder, and a line about its record."""

    verdict: Verdict
    output: Path
    recorded: str | None


class GateSession:
    """The gate of one pytest session. Torch is loaded when something is measured, not before."""

    def __init__(self, options: RunOptions, *, work: str | None = None) -> None:
        self.options = options
        self.config: GateConfig = load_config(options.config)
        self.rules: tuple[Rule, ...] = plan(self.config, self._class_names())
        self.waivers: tuple[Waiver, ...] = waivers_of(self.config)
        self.today = dt.datetime.now(dt.UTC).date().isoformat()
        self._handed = Path(work) if work else None
        self._own: WorkingFolder | None = None
        self._hold: output_folder.Hold | None = None
        if options.output:
            output_folder.refuse_unusable(Path(options.output))
        self._check_engine()

    @property
    def parent(self) -> Path:
        """The folder that the output goes into."""
        return _parent_of_output(self.options)

    @property
    def work(self) -> Path:
        """The folder that becomes the output when it is whole; a sibling of it, so that renaming is atomic."""
        if self._handed is not None:
            return self._handed
        if self._own is None:
            from explain_gate.profile.working_folder import make

            try:
                self.parent.mkdir(parents=True, exist_ok=True)
                if self.options.output:
                    self._hold = output_folder.hold(_output_of(self.options))
                self._own = make(self.parent, ".run-")
            except OSError as error:
                raise OptionError(f"the output folder {self.parent} cannot be written: {error.strerror}") from error
        return self._own.path

    def measure(self, progress: Progress) -> Profile:
        """Measure the model version, and the reference where it is a checkpoint; judge every rule.

        Raises:
            ReferenceError: a rule needs a reference that is not given, missing, or not comparable.
        """
        work = self.work
        try:
            return self._measure(progress)
        except OSError as error:
            raise ExplainGateError(f"measuring into {work} failed: {error}") from error

    def _measure(self, progress: Progress) -> Profile:
        from explain_gate.measuring.drift import with_drift
        from explain_gate.measuring.reference import prepare_reference
        from explain_gate.measuring.workers.crew import measure_with
        from explain_gate.profile.profile import load_profile, write_tables

        def measured(job: Job, name: str) -> Profile:
            return measure_with(self._crew, job, self.work / name, cache=self.cache(), progress=progress)

        found = self.resolve_reference()
        measured(self.job, "profile")
        if found is not None:
            candidate = load_profile(self.work / "profile")
            reference = prepare_reference(
                found,
                candidate=candidate,
                job=self.job,
                remeasure=self.options.reference_mismatch == "remeasure",
                measured=lambda job: measured(job, "reference"),
            )
            (self.work / _REFERENCE).write_text(str(reference.folder), encoding="utf-8")
            write_tables(with_drift(candidate, reference, self.rules), self.work / "profile")
        self._judge()
        return self.profile

    def resolve_reference(self) -> Profile | CheckpointReference | None:
        """Read the reference before hours of measuring; one that is needed and not there is an error now."""
        if self.options.reference is None:
            needed = self.needs_reference()
            if needed and not self.options.bootstrap:
                raise ReferenceError(
                    f"{self.config.path}:{needed[0].line}: {needed[0].check} compares with a reference, but none is "
                    "given. Give one with --reference (a run's folder, run:ID, models:/NAME@ALIAS or a checkpoint), "
                    "or start without one: explain-gate run --bootstrap"
                )
            return None
        from explain_gate.tracking.references import resolve

        return resolve(self.options.reference, self.tracking)

    @cached_property
    def profile(self) -> Profile:
        """What was measured, read from the working folder."""
        from explain_gate.profile.profile import load_profile

        return load_profile(self.work / "profile")

    @cached_property
    def job(self) -> Job:
        """What is measured, opened in this process."""
        options = self.options
        version = Version(
            source=options.source,
            checkpoint=options.checkpoint,
            tracking_uri=options.tracking_uri,
            allow_pickle=options.allow_pickle,
        )
        compute = Compute(device=options.device, dtype=options.dtype, memory_budget=options.memory_budget)
        return open_job(self.config, version, compute, rules=self.rules, data=self.samples)

    @property
    def model_under_test(self) -> ModelUnderTest:
        """The model, loaded in this process."""
        return self.job.model

    @cached_property
    def samples(self) -> RegressionSet:
        """The regression set, opened in this process."""
        from explain_gate.data.regression_set import open_set

        return open_set(self.config)

    @cached_property
    def reference(self) -> Profile | None:
        """What `max_drop`, `max_rise` and drift compare with; None where the run has no reference."""
        pointer = self.work / _REFERENCE
        if not pointer.is_file():
            return None
        from explain_gate.profile.profile import load_profile

        return load_profile(pointer.read_text(encoding="utf-8"))

    @cached_property
    def findings(self) -> dict[str, Finding]:
        """Every planned rule's finding by its key; judged once, where the model was measured."""
        text = (self.work / _FINDINGS).read_text(encoding="utf-8")
        return {finding.key: finding for finding in map(finding_from_plain, json.loads(text))}

    def _judge(self) -> None:
        findings = judge(self.profile, self.rules, self.reference, waivers=self.waivers, today=self.today)
        plain = [finding_to_plain(finding) for finding in findings]
        (self.work / _FINDINGS).write_text(json.dumps(plain, allow_nan=False), encoding="utf-8")

    def needs_reference(self) -> list[Rule]:
        """The rules that compare with a reference."""
        return [
            rule
            for rule in self.rules
            if rule.max_drop is not None or rule.max_rise is not None or rule.check.startswith("drift.")
        ]

    def conclude(
        self, findings: Sequence[Finding], *, failed_tests: Sequence[FailedTest] = (), messages: Sequence[str] = ()
    ) -> Verdict:
        """The verdict from what the tests reported, without the secrets that their texts may hold."""
        verdict = conclude(
            self.rules,
            findings,
            controls=judge_controls(self.profile, self.rules),
            waivers=self.waivers,
            today=self.today,
            failed_tests=failed_tests,
            messages=messages,
            profile=self.profile,
            reference=dict(self.reference.manifest["model"]) if self.reference is not None else None,
            run_id=self.options.run_id,
        )
        return redacted(verdict)

    def finish(self, verdict: Verdict) -> Finished:
        """Publish a verdict, then record it; what cannot be recorded is told beside the verdict.

        With `on_unreachable: fail` a run that is not recorded has no verdict, in its files as well.

        Raises:
            ExplainGateError: verdict.json cannot be written, so there is no verdict.
        """
        output, verdict = self._publish(verdict)
        try:
            return Finished(verdict=verdict, output=output, recorded=self.record(verdict, output))
        except KeyboardInterrupt:
            reason = "not recorded: interrupted. Once it waits in the outbox, `explain-gate publish` sends it"
        except TrackingError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 - the store's client may raise anything; the verdict stands
            reason = f"not recorded: {type(error).__name__}: {error}"
        if self.tracking.on_unreachable == "fail":
            verdict = self._publish_as_error(verdict, output, reason)
        else:
            verdict = replace(verdict, not_published=(*verdict.not_published, reason))
            with contextlib.suppress(OSError):  # told in the terminal, where there is no room on the disk
                rewrite_verdict(verdict, output)
        return Finished(verdict=verdict, output=output, recorded=reason)

    def publish(self, verdict: Verdict) -> Path:
        """Write every file and move the folder to its place whole; returns the output folder.

        Raises:
            ExplainGateError: verdict.json cannot be written, so there is no verdict.
        """
        return self._publish(verdict)[0]

    def _publish(self, verdict: Verdict) -> tuple[Path, Verdict]:
        """Returns the output folder, and the verdict with what could not be published beside it."""
        from explain_gate.publishing.publish import publish

        output = self._output(verdict)
        try:
            verdict = publish(
                verdict,
                self.profile,
                self.work,
                config_text=self.config.text,
                reference=self.reference,
                location=_from_here(output),
            )
            for name in (_FINDINGS, _REFERENCE):
                (self.work / name).unlink(missing_ok=True)
            if self._own is not None:
                self._own.hand_over()
            output_folder.note_written(self.work)
            if self.options.output:
                output_folder.replace(self.work, output)
            else:
                output = output_folder.place_new(self.work, output)
        except OSError as error:
            raise ExplainGateError(f"verdict.json cannot be written to {output}: {error}") from error
        self._release()
        return output, verdict

    def _publish_as_error(self, verdict: Verdict, output: Path, reason: str) -> Verdict:
        """Write the files again as those of a run without a verdict, and keep no other one for the store."""
        from explain_gate.profile.profile import load_profile
        from explain_gate.publishing.publish import publish
        from explain_gate.tracking.recorder import keep, withdraw

        error = replace(verdict, verdict="error", exit_code=3, messages=(reason, *verdict.messages))
        with contextlib.suppress(TrackingError):
            withdraw(verdict, output, self.tracking)
        try:
            profile = load_profile(output / "profile")
            error = publish(error, profile, output, config_text=self.config.text, location=_from_here(output))
        except OSError as full:
            # Nothing may say any more that the run passed.
            for name in ("verdict.json", "junit.xml", "metrics.txt", "summary.md", "index.html"):
                (output / name).unlink(missing_ok=True)
            raise ExplainGateError(f"verdict.json cannot be written to {output}: {full}. {reason}") from full
        with contextlib.suppress(TrackingError):
            keep(error, self.profile, output, self.tracking)
        return error

    def record(self, verdict: Verdict, output: Path) -> str | None:
        """Record the finished run where thresholds.yaml says; returns a line for the terminal, None without tracking.

        Raises:
            TrackingError: the run could not be recorded and `on_unreachable` is `fail`.
        """
        if not self.options.tracking:
            return None
        from explain_gate.tracking.recorder import record

        return record(verdict, self.profile, output, self.tracking).message

    @property
    def _crew(self) -> Crew:
        from explain_gate.measuring.workers.crew import Crew

        return Crew(engine=self.options.engine, count=self.options.workers, address=self.options.ray_address)

    def cache(self) -> Cache:
        """What was measured before, to be entered; beside thresholds.yaml, so that CI finds it at a stable place."""
        from explain_gate.measuring.remembering.store import MOST_BYTES, Cache, default_folder

        folder = Path(self.options.cache_dir) if self.options.cache_dir else default_folder(self.config.path)
        return Cache(folder if self.options.cache else None, most_bytes=self.options.cache_size or MOST_BYTES)

    @property
    def tracking(self) -> TrackingSettings:
        """Where runs are recorded; a relative SQLite file lies beside thresholds.yaml."""
        settings = tracking_settings(self.config, self.options.tracking_uri)
        return replace(settings, alias_back=self.options.allow_alias_back)

    def discard(self) -> None:
        """Remove the working folder of a run that came to nothing; earlier reports stay as they are."""
        if self._own is not None:
            self._own.remove()
        self._release()

    def _release(self) -> None:
        if self._hold is not None:
            self._hold.release()

    def _class_names(self) -> list[str]:
        from explain_gate.data.annotations.read import read_entries

        return list(read_entries(self.config).classes)

    def _output(self, verdict: Verdict) -> Path:
        if self.options.output:
            return _output_of(self.options)
        return self.work.parent / _name_of(verdict)

    def _check_engine(self) -> None:
        """Say before hours of work that Ray is not there."""
        if self.options.engine == "ray" and importlib.util.find_spec("ray") is None:
            raise OptionError("--engine ray needs Ray: pip install 'explain-gate[ray]'")


def publish_unfinished(verdict: Verdict, options: RunOptions) -> Path | None:
    """Publish the verdict of a run that measured nothing to judge; returns its folder, None where none may be written.

    It goes to --output, unless a measured report lies there or another run is writing to it. Without --output only a
    run that broke leaves a folder: a mistyped option needs none.
    """
    from explain_gate.profile.working_folder import make
    from explain_gate.publishing.publish import publish

    if not options.output and verdict.exit_code != 3:
        return None
    try:
        if options.output:
            output_folder.refuse_unusable(Path(options.output))
        output = _output_of(options) if options.output else _parent_of_output(options) / _name_of(verdict)
        held = output_folder.hold(output)
    except (OptionError, OSError):
        return None
    try:
        if output_folder.holds_measured_report(output):
            return None
        work = make(output.parent, ".run-")
        try:
            publish(verdict, None, work.path, location=_from_here(output))
            work.hand_over()
            output_folder.note_written(work.path)
            output_folder.replace(work.path, output)
        except BaseException:
            work.remove()
            raise
    except OSError:
        return None
    finally:
        held.release()
    return output


def rewrite_verdict(verdict: Verdict, output: Path) -> None:
    """Replace verdict.json in a published folder, in one step.

    Raises:
        OSError: it cannot be written; the file is as it was.
    """
    from explain_gate.publishing.publish import write_verdict

    write_verdict(verdict, output)


def _output_of(options: RunOptions) -> Path:
    """Where --output leads, links followed: what is renamed is the folder, not the link."""
    return Path(options.output or "").resolve()


def _parent_of_output(options: RunOptions) -> Path:
    return _output_of(options).parent if options.output else Path("reports").absolute()


def _name_of(verdict: Verdict) -> str:
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%d-%H%M%S")
    digest = verdict.model.get("digest")
    return f"{stamp}-{str(digest)[:8] if digest else 'no-verdict'}"


def _from_here(output: Path) -> str:
    here = Path.cwd()
    return str(output.relative_to(here) if output.is_relative_to(here) else output)


def finding_to_plain(finding: Finding) -> dict[str, Any]:
    """A finding as JSON values, for the way from a test process to the controller."""
    from dataclasses import asdict

    return asdict(finding)


def finding_from_plain(plain: dict[str, Any]) -> Finding:
    """The inverse of `finding_to_plain`."""
    for name in ("interval", "change_interval", "worst"):
        if plain[name] is not None:
            plain[name] = tuple(plain[name])
    if plain["evidence"] is not None:
        plain["evidence"] = Evidence.from_plain(plain["evidence"])
    return Finding(**plain)
