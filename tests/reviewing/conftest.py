"""A desk over the made-up run of tests/made_up.py, whose names bite."""

import itertools

import pytest
from browsers import axe, browser
from made_up import Page, make_run, run

from explain_gate.reviewing.desk import Desk

__all__ = ["axe", "browser", "make_run", "run"]


@pytest.fixture
def sit(tmp_path):
    """Opens a desk; every decision is a second later than the last, whoever's it is."""
    seconds = itertools.count()

    def open_(run, reviewer="anna", folder=None):
        def clock():
            at = next(seconds)
            return f"2027-01-31T{9 + at // 3600:02d}:{at // 60 % 60:02d}:{at % 60:02d}+01:00"

        return Desk(run.profile, run.verdict, folder or tmp_path / "reviews", reviewer, clock)

    return open_


@pytest.fixture
def page_of_text():
    """Parses a page strictly."""
    return Page


@pytest.fixture
def desk(run, sit):
    """The desk of anna."""
    return sit(run)
