"""A store looked at, and one whose answers are lost on the way."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from explain_gate.tracking.recorder import record
from explain_gate.tracking.store import Store


def all_runs(store):
    """Every live run of the experiment."""
    experiment = store.get_experiment_by_name("pets")
    return store.search_runs([experiment.experiment_id]) if experiment else []


def count_calls(settings, run, monkeypatch) -> int:
    """How many calls of the store one recording makes."""
    with losing_answer(0, monkeypatch) as lost:
        record(run.verdict, run.profile, run.folder, settings)
        return losing_answer.calls if not lost else 0


@contextmanager
def losing_answer(step: int, monkeypatch) -> Iterator[list[int]]:
    """The store does call number `step`, and the answer is lost."""
    real = Store._attempts
    lost: list[int] = []
    losing_answer.calls = 0

    def attempts(self, function, *args, **kwargs):
        result = real(self, function, *args, **kwargs)
        losing_answer.calls += 1
        if losing_answer.calls == step:
            lost.append(step)
            raise ConnectionResetError("connection reset by peer")
        return result

    with monkeypatch.context() as patch:
        patch.setattr(Store, "_attempts", attempts)
        yield lost


def twice(name: str, monkeypatch) -> None:
    """Make a method of MLflow's client do its work two times."""
    owner, _, method = name.rpartition(".")
    module, _, cls = owner.rpartition(".")
    real = getattr(getattr(sys.modules[module], cls), method)

    def doubled(*args, **kwargs):
        real(*args, **kwargs)
        return real(*args, **kwargs)

    monkeypatch.setattr(name, doubled)
