"""What the redactor hides, and what it leaves alone."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

import pytest
from hypothesis import given, settings, strategies

from explain_gate.errors import ConfigError, NotMeasurable
from explain_gate.redact import redact, redacted

HUSH = "Zm9vYmFy-hush-0815"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"http://ann:{HUSH}@host:5000/mlflow", "http://***@host:5000/mlflow"),
        (f"https://{HUSH}@host", "https://***@host"),
        (f"postgresql://ann:p@{HUSH}@db/x?sslpassword={HUSH}&a=b", "postgresql://***@db/x?sslpassword=***&a=b"),
        (f"mysql://ann:a/{HUSH}@db:3306/x", "mysql://***@db:3306/x"),
        (f"https://host/mlflow?access_token={HUSH}#top", "https://host/mlflow?access_token=***#top"),
        (f"https://host/cb#access_token={HUSH}&state=1", "https://host/cb#access_token=***&state=1"),
        (f"to=https%3A%2F%2Fann%3A{HUSH}%40host%2Fx", "to=https%3A%2F%2F***%40host%2Fx"),
        (
            f"https://b.s3.amazonaws.com/w.pt?X-Amz-Credential={HUSH}%2F2026&X-Amz-Date=2026&X-Amz-Signature={HUSH}",
            "https://b.s3.amazonaws.com/w.pt?X-Amz-Credential=***&X-Amz-Date=2026&X-Amz-Signature=***",
        ),
        (
            f"https://b.s3.amazonaws.com/w.pt?AWSAccessKeyId={HUSH}&Signature={HUSH}%3D&Expires=17",
            "https://b.s3.amazonaws.com/w.pt?AWSAccessKeyId=***&Signature=***&Expires=17",
        ),
        (
            f"https://storage.googleapis.com/b/w.pt?GoogleAccessId={HUSH}&Expires=17&X-Goog-Signature={HUSH}",
            "https://storage.googleapis.com/b/w.pt?GoogleAccessId=***&Expires=17&X-Goog-Signature=***",
        ),
        (
            f"https://a.blob.core.windows.net/c/w.pt?sv=2024&sp=r&sig={HUSH}%3D",
            "https://a.blob.core.windows.net/c/w.pt?sv=2024&sp=r&sig=***",
        ),
        (f"https://x.cloudfront.net/w?Policy={HUSH}&Key-Pair-Id={HUSH}", "https://x.cloudfront.net/w?Policy=***&Key-Pair-Id=***"),
        (f"Protocol=https;AccountName=a;AccountKey={HUSH}==", "Protocol=https;AccountName=a;AccountKey=***"),
        (f"host=db user=ann password={HUSH} dbname=x", "host=db user=ann password=*** dbname=x"),
        (f"Authorization: Bearer {HUSH}\nHost: x", "Authorization: ***\nHost: x"),
        (f"{{'Authorization': 'Basic {HUSH}', 'Host': 'x'}}", "{'Authorization': ***, 'Host': 'x'}"),
        (f"Proxy-Authorization: Basic {HUSH}", "Proxy-Authorization: ***"),
        (f"Cookie: session={HUSH}", "Cookie: ***"),
        (f"X-Api-Key: {HUSH}", "X-Api-Key: ***"),
        (f"sent with bearer {HUSH} to host", "sent with bearer *** to host"),
        (f'{{"api_key": "{HUSH}", "name": "x"}}', '{"api_key": ***, "name": "x"}'),
        (f"refused: client_secret={HUSH}", "refused: client_secret=***"),
        (f"{{'/prod/db/passwd': '{HUSH}'}}", "{'/prod/db/passwd': ***}"),
        (f"fetch_passwd: {HUSH}", "fetch_passwd: ***"),
        (f"/run/secrets/password: {HUSH}", "/run/secrets/password: ***"),
        ("key AKIAABCDEFGHIJKLMNOP is wrong", "key *** is wrong"),
        ("clone with ghp_0123456789abcdefghijABCDEFGHIJ012345", "clone with ***"),
        ("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", "got ***"),
        (f"-----BEGIN RSA PRIVATE KEY-----\n{HUSH}\n-----END RSA PRIVATE KEY-----.", "***."),
    ],
)  # fmt: skip
def test_a_secret_is_hidden_and_the_rest_stays(text, shown):
    """Credentials, secret parameters, signatures, headers, connection strings, tokens; the rest stays readable."""
    assert redact(text) == shown
    assert redact(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "http://host:5000",
        "sqlite:////data/a@b/mlflow.db",
        "http://host:5000/runs/a@b",
        "ask ann@example.org about models:/pets@approved",
        "alignment.iou[grad_cam-Bengal] 0.31 is below at_least 0.40 (thresholds.yaml:21)",
        "model.checkpoint_key: model_ema",
        "'../../etc/passwd': leaves the folder",
        "/etc/passwd: no such file",
        "tokens: 196 per image, target layer: blocks.11.norm1",
        "class secret agent, 12 images; class token, 9 images",
        "attention.class_token.weight",
        "sort_key=width",
        "https://host/page?page=2&sort=name#models",
        "a bearer certificate and basic understanding",
    ],
)
def test_ordinary_text_stays_as_it_is(text):
    """Names that only look like it, addresses without secrets, e-mail addresses, rules and layers are no secrets."""
    assert redact(text) == text


@pytest.mark.parametrize(
    "name", ["MLFLOW_TRACKING_TOKEN", "AWS_SECRET_ACCESS_KEY", "WANDB_API_KEY", "DB_PASSWORD", "PGPASSWORD", "HF_TOKEN"]
)
def test_secrets_of_the_environment_are_hidden_wherever_they_stand(monkeypatch, name):
    """A variable whose name says that it is secret: its value appears nowhere, nor does its form in an address."""
    monkeypatch.setenv(name, "wJalr/XUtn+FEMI bPx")
    assert redact("no access with wJalr/XUtn+FEMI bPx.") == "no access with ***."
    assert redact("GET /x/wJalr%2FXUtn%2BFEMI%20bPx") == "GET /x/***"


@pytest.mark.parametrize("name", ["PWD", "DB_PASSWORD_FILE", "HOME", "CACHE_KEY", "KEYBOARD"])
def test_other_variables_are_no_secrets(monkeypatch, name):
    """Where a secret lies, the working folder and the key of a cache are told as they are."""
    monkeypatch.setenv(name, "/srv/photographs")
    assert redact("cannot read /srv/photographs/cat.jpg") == "cannot read /srv/photographs/cat.jpg"


def test_a_secret_inside_another_word_is_left(monkeypatch):
    """A database called like its password does not make every address of such a database unreadable."""
    monkeypatch.setenv("POSTGRES_PASSWORD", "postgres")
    assert redact("postgresql://db/x as postgres") == "postgresql://db/x as ***"


@settings(deadline=None, max_examples=60, derandomize=True)
@given(strategies.text(strategies.characters(min_codepoint=33, max_codepoint=126), min_size=4, max_size=20))
def test_no_password_of_an_address_survives(password):
    """Whatever the password, as an address holds it, it is gone; and hiding again changes nothing."""
    from urllib.parse import quote

    shown = redact(f"could not open postgresql://ann:{quote(password, safe='')}@db.example/mlflow: refused")
    assert shown == "could not open postgresql://***@db.example/mlflow: refused"


def test_records_are_redacted_in_every_text():
    """Texts in mappings, sequences and records; numbers, keys and types stay."""

    @dataclass(frozen=True)
    class Told:
        reason: str
        facts: dict[str, object]

    told = redacted(Told(reason=f"token={HUSH}", facts={"uri": [f"http://a:{HUSH}@h", 3, None], "t": ("x", 0.5)}))
    assert told == Told(reason="token=***", facts={"uri": ["http://***@h", 3, None], "t": ("x", 0.5)})


def test_every_exception_of_the_product_is_redacted():
    """Text, arguments and representation; whoever prints it need not think of it."""
    error = ConfigError(f"no answer from http://ann:{HUSH}@host")
    reason = NotMeasurable(f"the model raised: token={HUSH}")
    assert HUSH not in f"{error}{error!r}{error.args}{reason}{reason.reason}{reason!r}"
    assert str(error) == "no answer from http://***@host"


def test_the_command_line_hides_what_an_error_quotes(tmp_path):
    """A reference with credentials that cannot be found is not repeated with them."""
    found = subprocess.run(
        [sys.executable, "-m", "explain_gate.cli", "compare", f"https://ann:{HUSH}@host/a", "b"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert found.returncode == 4
    assert "***@host" in found.stderr
    assert HUSH not in found.stderr + found.stdout
