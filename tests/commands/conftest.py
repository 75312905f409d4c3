"""The made-up run of tests/made_up.py, published."""

from made_up import make_run, report, run

__all__ = ["make_run", "report", "run"]
