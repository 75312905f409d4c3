"""Progress in a log: a line when a stage ends, and a sign of life in a long one."""

from __future__ import annotations

import io

from explain_gate.measuring.progress import Bars, Lines, Silent


def test_a_log_gets_a_line_a_stage(monkeypatch):
    """Not one a batch; after half a minute it says how far it is."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    stream = io.StringIO()
    lines = Lines(stream)
    for seconds, done in ((0, 0), (10, 8), (31, 16), (40, 24), (75, 60)):
        now[0] = float(seconds)
        lines.advance("grad_cam", done, 60)
    assert stream.getvalue().splitlines() == [
        "grad_cam: 16 of 60 images, 31 s so far, about 85 s left",
        "grad_cam: 60 images in 75.0 s",
    ]


def test_what_was_done_before_is_not_taken_for_speed(monkeypatch):
    """Forty of sixty came from the cache in no time; the others take ten seconds each."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    stream = io.StringIO()
    lines = Lines(stream)
    for seconds, done in ((0, 40), (35, 40), (70, 47)):
        now[0] = float(seconds)
        lines.advance("grad_cam", done, 60)
    assert stream.getvalue().splitlines() == [
        "grad_cam: 40 of 60 images, 35 s so far",
        "grad_cam: 47 of 60 images, 70 s so far, about 130 s left",
    ]


def test_a_stage_of_nothing_ends_at_once():
    """All of it came from the cache."""
    stream = io.StringIO()
    Lines(stream).advance("predict", 0, 0)
    assert stream.getvalue().startswith("predict: 0 images")


def test_bars_and_silence_take_the_same_calls(capsys):
    """Standard output stays the command's."""
    Silent().advance("predict", 1, 2)
    with Bars() as bars:
        bars.advance("predict", 1, 2)
        bars.advance("predict", 2, 2)
    assert capsys.readouterr().out == ""
