"""The one redactor: text without the secrets it may hold. Every surface and every exception text goes through it.

Hidden are credentials in addresses, secret parameters of addresses and connection strings, what signs an S3, Google
Cloud Storage, Azure or CloudFront address, Authorization headers, cookies, tokens of well-known forms, private keys,
and the values of environment variables whose name says that they are secret.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

T = TypeVar("T")

HIDDEN = "***"

_SHORTEST_SECRET = 6
"""Characters; a shorter value of an environment variable, such as `true`, stands in too many innocent texts."""

_NAMES = r"password|passwd|passphrase|secrets?|token|jwt|credentials?|signature|api[_-]?key|apikey"
_KEYS = r"(?:access|account|private|secret|shared|signing|encryption|client|license)[_-]?key"
_STRONG = rf"(?:[a-z0-9]+[_-])*(?:{_NAMES}|{_KEYS})(?:[_-](?:id|value))?"
_QUOTED = r"\"[^\"\n]*\"|'[^'\n]*'"
_PARAMETER = r"[^=&;#?\s]*(?:password|passwd|pwd|secret|token|key|credential|signature|accessid|jwt|auth)[^=&;#?\s]*"

_PATTERNS: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = (
    # A private key that was pasted, whole or cut off.
    (
        ("private key-----",),
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
        HIDDEN,
    ),
    # user:password@, also with an unencoded slash in the password; a port is digits.
    (("://",), re.compile(r"(?<=://)[^/\s:@]*:(?!\d+(?:/|$|\s))[^\s@\"'<>]*@"), f"{HIDDEN}@"),
    (("://",), re.compile(r"(?<=://)[^/\s\"'<>]*@"), f"{HIDDEN}@"),
    (("%40",), re.compile(r"(?i)(?<=%3A%2F%2F)[^\s&/]*?%40"), f"{HIDDEN}%40"),
    # ?token=..., &X-Amz-Signature=..., #access_token=..., Azure's sig, the key of an old S3 or Google address.
    (
        ("?", "&", ";", "#"),
        re.compile(rf"(?i)([?&;#](?:{_PARAMETER}|sig|sas|code|key-pair-id|policy)=)(?!\*\*\*)[^&;#\s\"'<>)\]]+"),
        r"\1***",
    ),
    # A header, in a dump of headers or of a request: up to the end of its value.
    (
        ("authorization", "cookie", "x-"),
        re.compile(
            r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-(?:[a-z]+-)*(?:key|token|secret|signature))"
            rf"([\"']?\s*[:=]\s*)(?:{_QUOTED}|[^\"'\r\n,}}]+)"
        ),
        r"\1\2***",
    ),
    (("bearer",), re.compile(r"(?i)\b(bearer\s+)(?=\S*\d)[\w.~+/=-]{8,}"), r"\1***"),
    # password=..., AccountKey=..., "api_key": "...": settings, connection strings, JSON.
    (
        ("=",),
        re.compile(rf"(?i)(?<![\w-])((?:{_STRONG}|pwd)[\"']?\s*=\s*)(?!\*\*\*)(?:{_QUOTED}|[^\s\"'&;,<>)\]}}]+)"),
        r"\1***",
    ),
    (
        ("pass", "secret", "key", "token"),
        re.compile(
            # /etc/passwd is a file without secrets, and what is most often asked for by a path that leaves its folder.
            rf"(?i)(?<![\w-])(?<!etc[/\\])([\"']?(?:[a-z0-9]+[_-])*(?:password|passwd|passphrase|secret|"
            rf"{_KEYS}|api[_-]?key|(?:access|auth|refresh|api|bearer|session)[_-]?token)[\"']?\s*:\s+)(?!\*\*\*)"
            rf"(?:{_QUOTED}|[^\s\"',;<>)\]}}]+)"
        ),
        r"\1***",
    ),
    # Tokens that are told by their form: AWS, GitHub, GitLab, Hugging Face, Slack, OpenAI, Databricks, JSON web tokens.
    (
        ("akia", "asia", "gh", "glpat-", "hf_", "xox", "sk-", "dapi", "eyj"),
        re.compile(
            r"(?<![A-Za-z0-9])(?:(?:AKIA|ASIA)[A-Z0-9]{16}|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
            r"|hf_[A-Za-z0-9]{20,}|xox[abprs]-[\w-]{10,}|sk-[\w-]{20,}|dapi[0-9a-f]{32}"
            r"|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+)"
        ),
        HIDDEN,
    ),
)
"""(signs, pattern, what is shown): a text without any of the signs, in lower case, cannot match."""

_SECRET_VARIABLE = re.compile(
    r"(?i)(?:^|_)(?:\w*PASSWORD|PASSWD|PASSPHRASE|PASS|PWD|SECRETS?|TOKEN|CREDENTIALS?|APIKEY|\w*KEY|SAS|"
    r"CONNECTION_STRING)(?:_|$)"
)
_NO_SECRET = re.compile(
    r"(?i)^(?:OLD)?PWD$|(?:_|^)(?:FILE|PATH|DIR|FOLDER|URL|URI|PERMISSIONS|TYPE)$|(?:CACHE|PUBLIC)_?KEY"
)


def redact(text: str, *, secrets: Iterable[str] = ()) -> str:
    """`text` with every secret in it replaced by `***`; everything else stays as it is.

    Args:
        text: anything that is shown, logged or stored.
        secrets: further values to hide wherever they stand, such as the password of the address in use.
    """
    for secret in sorted({one for one in secrets if one}, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    known = _known(tuple(sorted(environment_secrets())))
    if known is not None:
        text = known.sub(HIDDEN, text)
    lowered = text.lower()
    for signs, pattern, shown in _PATTERNS:
        if any(sign in lowered for sign in signs):
            text = pattern.sub(shown, text)
    return text


def redacted(value: T) -> T:
    """A record, mapping, sequence or text with `redact` applied to every text in it, keys left as they are."""
    changed: Any = value
    if isinstance(value, str):
        changed = redact(value)
    elif isinstance(value, Mapping):
        changed = {key: redacted(entry) for key, entry in value.items()}
    elif isinstance(value, list | tuple):
        changed = type(value)([redacted(entry) for entry in value])
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        changed = dataclasses.replace(value, **{name: redacted(entry) for name, entry in fields.items()})
    return changed  # type: ignore[no-any-return]  # the same type as came, only its texts differ


def environment_secrets() -> frozenset[str]:
    """The values of this process's environment variables whose names say that they are secret."""
    return frozenset(
        value for name, value in os.environ.items() if len(value) >= _SHORTEST_SECRET and _says_secret(name)
    )


@functools.lru_cache(maxsize=1024)
def _says_secret(name: str) -> bool:
    return _SECRET_VARIABLE.search(name) is not None and _NO_SECRET.search(name) is None


@functools.lru_cache(maxsize=8)
def _known(values: tuple[str, ...]) -> re.Pattern[str] | None:
    """Any of these values, as it is or as an address holds it, where no letter or digit goes on before or behind."""
    forms: dict[str, None] = {}
    written: tuple[Callable[[str], str], ...] = (str, quote, functools.partial(quote, safe=""))
    for value in sorted(values, key=len, reverse=True):
        forms |= {write(value): None for write in written}
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, forms))})(?!\w)") if forms else None
