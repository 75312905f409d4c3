"""pytest changes the code of plugins before it is imported; of this package only where nobody said otherwise."""

from __future__ import annotations

import importlib.util
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader

import pytest

from explain_gate.session.as_written import import_as_written


class Rewriter(MetaPathFinder):
    """Takes every module for itself, as pytest's hook does with those of a plugin."""

    def find_spec(self, fullname, *_):
        """A spec that no file is behind."""
        return ModuleSpec(fullname, loader=None, origin="rewritten")


@pytest.fixture
def rewritten(monkeypatch):
    """Nobody finds a module before the rewriter."""
    monkeypatch.setattr(sys, "meta_path", [Rewriter()])


def test_this_package_is_imported_as_it_is_written(rewritten, monkeypatch):
    """From its file, by Python's own loader."""
    monkeypatch.delitem(sys.modules, "explain_gate.digits", raising=False)
    assert importlib.util.find_spec("explain_gate.digits").origin == "rewritten"
    import_as_written()
    spec = importlib.util.find_spec("explain_gate.digits")
    assert isinstance(spec.loader, SourceFileLoader)
    assert spec.origin.endswith("digits.py")


def test_a_team_s_tests_stay_with_pytest(rewritten):
    """Their asserts are explained as ever."""
    import_as_written()
    assert importlib.util.find_spec("test_of_a_team").origin == "rewritten"


def test_it_may_be_said_twice(rewritten):
    """A session inside a session."""
    import_as_written()
    import_as_written()
    assert len(sys.meta_path) == 2
