"""The made-up run of tests/made_up.py, for every test here."""

from made_up import big_verdict, crashed, make_run, page_of, reference, report, run

__all__ = ["big_verdict", "crashed", "make_run", "page_of", "reference", "report", "run"]
