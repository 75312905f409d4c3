"""The made-up run of tests/made_up.py, and a browser, for every test here."""

from browsers import axe, browser
from made_up import big_verdict, crashed, make_run, page_of, reference, report, run

__all__ = ["axe", "big_verdict", "browser", "crashed", "make_run", "page_of", "reference", "report", "run"]
