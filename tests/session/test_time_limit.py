"""A run that is given a time ends in it, says where it was, and goes on from there the next time."""

import contextlib
import signal
import time

import pytest

from explain_gate.measuring.progress import Silent
from explain_gate.session.time_limit import TimeLimitError, within


def test_without_a_limit_nothing_is_in_between():
    """The progress is the one that was given."""
    progress = Silent()
    with within(None, progress) as given:
        assert given is progress


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no alarm")
def test_time_is_up_in_the_middle_of_a_stage():
    """Through code that catches every exception; the handler that was there comes back."""
    before = signal.getsignal(signal.SIGALRM)
    told = r"0\.05 s are over \(--time-limit\), while score was at 1 of 9 images"
    with pytest.raises(TimeLimitError, match=told), within(0.05, Silent()) as progress:
        _score_for_ever(progress)
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def _score_for_ever(progress):
    progress.advance("score", 1, 9)
    while True:
        with contextlib.suppress(Exception):  # as around a model's own code
            time.sleep(0.001)


def test_without_an_alarm_the_next_advance_ends_it(monkeypatch):
    """Where the system has none, or it is somebody else's."""
    monkeypatch.delattr(signal, "setitimer", raising=False)
    told = "while predict was at 3 of 9 images"
    with pytest.raises(TimeLimitError, match=told), within(1e-9, Silent()) as progress:
        progress.advance("predict", 3, 9)


def test_the_next_run_goes_on_from_there(tmp_path, write_project, measured, monkeypatch):
    """What a stopped run measured is not asked for again."""
    monkeypatch.delattr(signal, "setitimer", raising=False)
    write_project(tmp_path / "project")
    cache = {"cache_dir": str(tmp_path / "cache")}

    class Slow:
        def advance(self, stage, done, total):
            if stage == "score grad_cam" or done == total:
                time.sleep(0.05)

    with pytest.raises(TimeLimitError):
        measured(Slow(), time_limit=0.04, **cache)
    assert measured(**cache).profile.manifest["cache"]["read"] > 0
