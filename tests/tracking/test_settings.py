"""What a tracking URI gives away."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies

from explain_gate.errors import OptionError
from explain_gate.tracking.settings import TrackingSettings


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://ann:s3cret@host:5000/mlflow", "http://***@host:5000/mlflow"),
        ("https://t0ken@host", "https://***@host"),
        ("postgresql://ann:p@ss@db/x?sslpassword=hush&a=b", "postgresql://***@db/x?sslpassword=***&a=b"),
        ("https://host/mlflow?access_token=hush", "https://host/mlflow?access_token=***"),
        ("http://host:5000", "http://host:5000"),
        ("sqlite:////data/a@b/mlflow.db", "sqlite:////data/a@b/mlflow.db"),
    ],
)
def test_shown_uri_holds_no_credentials(uri, shown):
    """User information and secret parameters are hidden; everything else stays readable."""
    assert TrackingSettings(uri=uri).shown_uri == shown


def test_repr_holds_no_credentials():
    """Settings that end up in a traceback or a log give nothing away."""
    assert "s3cret" not in repr(TrackingSettings(uri="http://ann:s3cret@host:5000"))


def test_mlflow_gets_http_credentials_apart_from_the_uri():
    """MLflow quotes its URI in errors, so the password, decoded, travels beside it."""
    settings = TrackingSettings(uri="http://ann:p%40ss@host:5000/mlflow")
    assert settings.bare_uri == "http://host:5000/mlflow"
    assert settings.credentials == ("ann", "p@ss")


@settings(deadline=None, max_examples=60, derandomize=True)
@given(strategies.text(strategies.characters(min_codepoint=33, max_codepoint=126), min_size=4, max_size=20))
def test_no_password_survives_redaction(password):
    """Whatever the password, as written in a valid URI or decoded, it is not in a message about that URI."""
    from urllib.parse import quote

    written = quote(password, safe="")
    uri = f"postgresql://ann:{written}@db.example/mlflow"
    message = TrackingSettings(uri=uri).redact(f"could not open {uri} (password {password}) [{written}]")
    assert f":{written}@" not in message
    assert f"[{written}]" not in message
    assert f"(password {password})" not in message


@pytest.mark.parametrize("uri", ["", "mlruns", "./mlruns", "file:///data/mlruns"])
def test_file_store_is_refused_before_anything_is_measured(uri):
    """MLflow 3.13 closed its file store; the error says what to write instead."""
    with pytest.raises(OptionError, match=r"sqlite:///mlflow\.db"):
        TrackingSettings(uri=uri)
