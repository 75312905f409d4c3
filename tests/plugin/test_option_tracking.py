"""--explain-tracking-uri, --explain-no-tracking, --explain-allow-alias-back: where a run is recorded."""

from __future__ import annotations

from plugin.conftest import switched


def test_the_store_that_is_named_is_recorded_in(gate, pytester):
    """Not the one of thresholds.yaml, which is mlflow.db beside it."""
    # A process of its own: MLflow cannot be imported twice, and pytester forgets what a run in this process imports.
    uri = f"--explain-tracking-uri=sqlite:///{gate / 'mine.db'}"
    result = pytester.runpytest_subprocess("checks", "--explain", "--explain-output=out", uri)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*recorded as run * in sqlite:///*mine.db*"])
    assert not (gate / "mlflow.db").exists()


@switched("no-tracking")
def test_a_run_that_is_not_to_be_recorded_is_not(gate, ask, verdict, given):
    """No store and no outbox is made."""
    options, ini = given
    assert ask("--explain-output=out", *options, ini=ini, tracking=True).ret == 0
    assert verdict()["exit_code"] == 0
    assert not (gate / "mlflow.db").exists()
    assert not (gate / ".explain-gate" / "outbox").exists()


def test_an_alias_never_moves_back_by_a_settings_file(ask):
    """A person allows it for one run: the ini file does not know the option."""
    result = ask("--strict-config", ini="explain_allow_alias_back = always")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*Unknown config option: explain_allow_alias_back*"])
