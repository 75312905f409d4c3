"""Where runs are recorded, and how a tracking URI is shown without the credentials it may hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit, urlunsplit

from explain_gate.errors import OptionError
from explain_gate.redact import redact


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingSettings:
    """The tracking section of thresholds.yaml, with absolute paths.

    `uri` may hold credentials, so it is left out of the repr; show `shown_uri`. `promote` is (registered model, alias).
    `promote_inconclusive` lets the alias move although an inconclusive row cannot tell the version from one that it
    must catch; with `four_eyes` it moves only where two people approve, with `require_attestation` only to a version
    whose run is attested, with a signature that the command `verify_signature` accepts, if there is one. `alias_back`
    is a person's reason to let the gate move it back to an earlier version, None where it may not. `outbox` holds runs
    that could not be delivered.
    `cache` keeps downloaded profiles between runs; None downloads to a temporary one that goes when the process ends.

    Raises:
        OptionError: the URI names MLflow's file store, which MLflow no longer opens.
    """

    uri: str = field(default="sqlite:///mlflow.db", repr=False)
    experiment: str = "explain-gate"
    on_unreachable: Literal["outbox", "fail"] = "outbox"
    promote: tuple[str, str] | None = None
    promote_inconclusive: bool = False
    four_eyes: bool = False
    require_attestation: bool = False
    verify_signature: tuple[str, ...] = ()
    alias_back: str | None = None
    outbox: Path = Path("outbox")
    cache: Path | None = None

    def __post_init__(self) -> None:
        scheme = urlsplit(self.uri).scheme
        if scheme == "file" or (not scheme and not self.uri.startswith("databricks")):
            raise OptionError(
                f"tracking uri must be sqlite:///FILE or http(s)://HOST:PORT, got {redact(self.uri) or 'nothing'}: "
                "MLflow has closed its file store. Write sqlite:///mlflow.db"
            )

    @property
    def by_people(self) -> str:
        """Why the gate does not move the alias itself; empty where it does."""
        demands = [name for name in ("four_eyes", "require_attestation") if getattr(self, name)]
        if not demands:
            return ""
        who = "two people move it" if self.four_eyes else "a person moves it"
        what = ", to a version whose run is attested" if self.require_attestation else ""
        return f"{who}{what} (tracking.promote.{', '.join(demands)})"

    @property
    def shown_uri(self) -> str:
        """The URI without credentials; the only form that is printed, logged or stored."""
        return redact(self.uri)

    @property
    def remote(self) -> bool:
        """Whether a server answers for the store."""
        return self.uri.startswith(("http://", "https://"))

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User and password of an HTTP URI, decoded; None where it does not hold both."""
        parts = urlsplit(self.uri)
        if not self.remote or not parts.username or not parts.password:
            return None
        return unquote(parts.username), unquote(parts.password)

    @property
    def bare_uri(self) -> str:
        """The URI for MLflow: an HTTP one without credentials, which travel apart; any other as it is."""
        if self.credentials is None:
            return self.uri
        parts = urlsplit(self.uri)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    def redact(self, text: str) -> str:
        """`text` without anything secret that this URI holds, also where a driver repeats it in another form."""
        password = urlsplit(self.uri).password or ""
        return redact(text, secrets={password, unquote(password)})
