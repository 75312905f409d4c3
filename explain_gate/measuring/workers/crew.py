"""Who measures beside this process, and a measurement that they have a part in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from explain_gate.errors import OptionError
from explain_gate.measuring.job import Job
from explain_gate.measuring.measure import measure_model
from explain_gate.measuring.progress import Progress
from explain_gate.measuring.remembering.store import Cache
from explain_gate.profile.working_folder import made
from explain_gate.records import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """`count` workers of an `engine`: local processes, or tasks of the Ray cluster at `address`."""

    engine: str = "local"
    count: int | None = None
    address: str | None = None

    @property
    def works(self) -> bool:
        """Whether there is anybody beside this process."""
        return self.engine != "local" or (self.count or 1) > 1


def measure_with(
    crew: Crew, job: Job, folder: Path, *, cache: Cache, progress: Progress, whole: str | None = None
) -> Profile:
    """Measure a job: the crew fills the cache, this process goes on from there.

    Args:
        crew: who works.
        job: what to measure.
        folder: where the profile is written; workers keep what vanishes with the run beside it.
        cache: of what was measured before, not yet entered.
        progress: told of every stage.
        whole: the key that the profile is kept under, None for one that is not.

    Raises:
        OptionError: there is no cache for workers to measure into, or no such cluster.
        DataError, ModelError: as measure_model.
    """
    with cache as entered:
        if crew.works:
            _fill(crew, job, folder.parent, entered, progress)
        return measure_model(job, folder, cache=entered, progress=progress, whole=whole)


def _fill(crew: Crew, job: Job, beside: Path, cache: Cache, progress: Progress) -> None:
    if cache.folder is None:
        raise OptionError(
            "workers measure through the cache: with --workers or --engine ray leave --no-cache out, or give a "
            "--cache-dir of its own"
        )
    if not cache.usable or job.selection == "only":  # one row, perhaps of one image
        return
    cache.hold()
    # A worker that is killed leaves what it wrote; the profile's folder is published, so nothing may lie beside it.
    with made(beside, ".workers-") as scratch:
        if crew.engine == "ray":
            from explain_gate.measuring.workers.ray import measure_on_ray

            measure_on_ray(job, cache, crew, scratch, progress)
        else:
            from explain_gate.measuring.workers.processes import measure_in_processes

            measure_in_processes(job, cache, crew.count or 1, scratch, progress)
