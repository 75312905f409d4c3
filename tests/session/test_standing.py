"""What people put on record is told beside a verdict, and decides nothing."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from explain_gate.session.standing import approvals_ending


@pytest.fixture
def told(monkeypatch):
    """The sentences on 2026-06-15 where the alias's holder has these approvals."""

    def tell(*approvals, holder=True):
        monkeypatch.setattr("explain_gate.tracking.approvals.approvals_of", lambda _: approvals)
        version = SimpleNamespace(tags={}) if holder else None
        store = SimpleNamespace(client=SimpleNamespace(get_model_version_by_alias=None), find=lambda *_: version)
        return approvals_ending(store, ("pets", "approved"), "2026-06-15")

    return tell


def approval(expires, by="Ann", alias="approved"):
    return SimpleNamespace(by=by, alias=alias, version="7", expires=expires)


def test_an_approval_is_told_when_it_has_ended_and_two_weeks_before(told):
    """With who gave it and what to write; one that lasts is not worth a line."""
    assert "by Ann expired on 2026-06-14" in told(approval("2026-06-14"))[0]
    assert "ends on 2026-06-29, 14 days from now" in told(approval("2026-06-29"))[0]
    assert "explain-gate approve models:/pets/7" in told(approval("2026-06-15"))[0]
    assert told(approval("2026-06-30"), approval(None, by="Bo")) == []


def test_only_the_latest_of_each_person_for_this_alias_counts(told):
    """Who approved again need not be reminded of the first time."""
    assert told(approval("2026-06-01"), approval("2027-01-01", by="ANN")) == []
    assert told(approval("2026-06-01", alias="other")) == []
    assert told(approval("2026-06-01"), holder=False) == []
