"""One gate run from options to exit code: measure, judge, publish, record. What the plugin and the commands drive."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from explain_gate.config import GateConfig, load_config
from explain_gate.data.annotations.entries import Entries
from explain_gate.data.annotations.read import read_entries
from explain_gate.errors import ExplainGateError
from explain_gate.judging.gate import conclude, judge, judge_controls
from explain_gate.judging.weaker import weaker
from explain_gate.measuring.job import Compute, Job, open_job, tracking_settings
from explain_gate.options import RunOptions
from explain_gate.plan import demands_of, plan, waivers_of
from explain_gate.records import FailedTest, Finding, ModelUnderTest, Profile, Rule, Verdict, Waiver
from explain_gate.redact import redacted
from explain_gate.session.destination import Destination
from explain_gate.session.finish import Finished, finish_run
from explain_gate.session.measure import measure_run, require_engine, version_of
from explain_gate.session.plain import finding_from_plain, finding_to_plain
from explain_gate.session.selection import Selection, select_only, select_quick
from explain_gate.session.time_limit import within

if TYPE_CHECKING:
    from explain_gate.data.regression_set import RegressionSet
    from explain_gate.measuring.progress import Progress
    from explain_gate.tracking.settings import TrackingSettings


_FINDINGS = ".findings.json"
_REFERENCE = ".reference"


class GateSession:
    """One run of the gate. Torch is loaded when something is measured, not before.

    `run` does it all. pytest takes the steps one by one, with the tests between `measure` and `conclude`:

        session.measure(progress)                  the profile, and a finding for every rule
        verdict = session.conclude(findings)
        finished = session.finish(verdict)         published, then recorded

    Args:
        options: of the run.
        work: the working folder of another process that measures into it, or a scratch folder that is not published.
    """

    def __init__(self, options: RunOptions, *, work: str | None = None) -> None:
        self.options = options
        self.config: GateConfig = load_config(options.config)
        overridden = {"model.source": options.source, "model.checkpoint": options.checkpoint}
        self.config.require_filled(*(key for key, value in overridden.items() if value is not None))
        self.entries = read_entries(self.config)
        self.selection = _selected(self.config, options, self.entries)
        self.rules: tuple[Rule, ...] = self.selection.rules
        self.today = dt.datetime.now(dt.UTC).date().isoformat()
        self.waivers: tuple[Waiver, ...] = waivers_of(self.config, self.today)
        self.destination = Destination(options.output, work=work)
        require_engine(options)

    def run(self, progress: Progress) -> Finished:
        """Measure, judge, publish and record; a run that comes to nothing leaves nothing behind.

        Raises:
            ExplainGateError: there is no verdict.
        """
        try:
            self.measure(progress)
            return self.finish(self.conclude())
        except BaseException:
            self.discard()
            raise

    def measure(self, progress: Progress) -> Profile:
        """Measure the model version, and the reference where it is a checkpoint; judge every rule.

        Raises:
            ReferenceError: a rule needs a reference that is not given, missing, or not comparable.
            TimeLimitError: --time-limit is over; what was measured is in the cache.
        """
        work = self.work
        try:
            with within(self.options.time_limit, progress) as limited:
                reference = measure_run(self, limited)
            if reference is not None:
                (work / _REFERENCE).write_text(str(reference.folder), encoding="utf-8")
            findings = judge(self.profile, self.rules, self.reference, waivers=self.waivers, today=self.today)
            plain = [finding_to_plain(finding) for finding in findings]
            (work / _FINDINGS).write_text(json.dumps(plain, allow_nan=False), encoding="utf-8")
        except OSError as error:
            raise ExplainGateError(f"measuring into {work} failed: {error}") from error
        return self.profile

    def conclude(
        self,
        findings: Sequence[Finding] | None = None,
        *,
        failed_tests: Sequence[FailedTest] = (),
        messages: Sequence[str] = (),
    ) -> Verdict:
        """The verdict from what the tests reported, without the secrets that their texts may hold.

        Args:
            findings: what the tests reported; None: what was judged, where no tests stand between.
            failed_tests: the team's own tests that failed.
            messages: what made the run incomplete; each one turns the verdict into an error.
        """
        verdict = conclude(
            self.rules,
            tuple(self.findings.values()) if findings is None else findings,
            controls=judge_controls(self.profile, self.rules),
            waivers=self.waivers,
            today=self.today,
            failed_tests=failed_tests,
            messages=messages,
            profile=self.profile,
            reference=dict(self.reference.manifest["model"]) if self.reference is not None else None,
            run_id=self.options.run_id,
            selection=self.selection.name,
            left_out=self.selection.left_out,
            weaker=self._weaker(),
            no_weaker=self.options.no_weaker,
        )
        return redacted(verdict)

    def _weaker(self) -> tuple[str, ...]:
        """What the run asks for less than that of its reference; a part of the gate asks for less by intention."""
        if self.reference is None or self.selection.name != "full":
            return ()
        before = self.reference.manifest.get("demands") or {}
        return weaker(demands_of(self.config, self.rules), before, self.profile.images, self.reference.images)

    def finish(self, verdict: Verdict) -> Finished:
        """Publish a verdict, then record it; what cannot be recorded is told beside the verdict.

        Raises:
            ExplainGateError: verdict.json cannot be written, so there is no verdict.
        """
        return finish_run(self, verdict)

    def discard(self) -> None:
        """Remove the working folder of a run that came to nothing; earlier reports stay as they are."""
        self.destination.discard()

    @property
    def work(self) -> Path:
        """The folder that becomes the output when it is whole."""
        return self.destination.work

    @cached_property
    def job(self) -> Job:
        """What is measured, opened in this process."""
        options = self.options
        compute = Compute(device=options.device, dtype=options.dtype, memory_budget=options.memory_budget)
        job = open_job(self.config, version_of(options), compute, rules=self.rules, data=self.samples)
        return replace(job, selection=self.selection.name)

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
    def profile(self) -> Profile:
        """What was measured, read from the working folder."""
        from explain_gate.profile.profile import load_profile

        return load_profile(self.work / "profile")

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

    @property
    def tracking(self) -> TrackingSettings:
        """Where runs are recorded; a relative SQLite file lies beside thresholds.yaml."""
        settings = tracking_settings(self.config, self.options.tracking_uri)
        return replace(settings, alias_back=self.options.allow_alias_back)

    def replace_profile(self, profile: Profile) -> None:
        """What was measured, as it is published: without the pictures that may not be shown."""
        self.__dict__["profile"] = profile

    def forget_handed_on(self) -> None:
        """Remove from the working folder what was left there for test processes."""
        for name in (_FINDINGS, _REFERENCE):
            (self.work / name).unlink(missing_ok=True)


def _selected(config: GateConfig, options: RunOptions, entries: Entries) -> Selection:
    """The rules of thresholds.yaml that the run asks for."""
    rules = plan(config, list(entries.classes), bare=entries.facts.bare_names)
    if options.quick:
        return select_quick(rules)
    if options.only is None:
        return Selection(rules=rules)
    images = {entry.image: entry.class_name for entry in entries.entries}
    return select_only(rules, options.only, image=options.image, images=images)
