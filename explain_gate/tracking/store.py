"""A connection to MLflow that loses seconds, not minutes, says nothing, and leaves the process as it was."""

from __future__ import annotations

import logging
import os
import random
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from explain_gate.errors import TrackingError
from explain_gate.tracking.settings import TrackingSettings

if TYPE_CHECKING:
    from mlflow import MlflowClient

P = ParamSpec("P")
T = TypeVar("T")

BUDGET = 25.0
"""Seconds that all calls of one connection may take together; uploads that succeed do not count."""

_CALL_TIMEOUT = 10
_FIRST_TIMEOUT = 5
_LOCKED_ATTEMPTS = 8
_ENVIRONMENT = {
    # MLflow reads these at every request. A server that is away would otherwise block one call for four minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": str(_CALL_TIMEOUT),
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # A gate reports to its own store and to nobody else.
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
_PLAIN_WORDS = {
    "Connection refused": "nothing listens there (connection refused)",
    "Failed to resolve": "the host name is not known",
    "timed out": "no answer in time",
    "Read timeout": "no answer in time",
    "Connection reset": "the connection broke",
    "RemoteDisconnected": "the connection broke",
    "IncompleteRead": "the connection broke",
}
_LOGGERS = ("mlflow", "alembic", "urllib3")
_ONE_AT_A_TIME = threading.RLock()  # a connection changes what belongs to the whole process, and puts it back


class Store:
    """An MlflowClient whose calls share one budget of seconds; a locked SQLite file is tried again."""

    def __init__(self, client: MlflowClient, settings: TrackingSettings) -> None:
        self.client = client
        self.settings = settings
        self._spent = 0.0
        self._answered = False

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a method of the client.

        Raises:
            TrackingError: the store is away, refuses, or has used up its seconds. The message holds no credentials.
        """
        try:
            return self._timed(function, *args, **kwargs)
        except _store_errors() as error:
            raise TrackingError(explain(error, self.settings)) from None

    def find(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Call a method of the client that looks something up; None where there is no such thing."""
        try:
            return self._timed(function, *args, **kwargs)
        except _store_errors() as error:
            if _says_missing(error):
                return None
            raise TrackingError(explain(error, self.settings)) from None

    def create(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Call a method of the client that makes something by name; None where somebody else made it first."""
        try:
            return self._timed(function, *args, **kwargs)
        except _store_errors() as error:
            if getattr(error, "error_code", None) == "RESOURCE_ALREADY_EXISTS":
                return None
            raise TrackingError(explain(error, self.settings)) from None

    def transfer(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a method that moves files. It may take as long as bytes flow; one that stalls ends with the budget."""
        try:
            return self._attempts(function, *args, **kwargs)
        except _store_errors() as error:
            raise TrackingError(explain(error, self.settings)) from None

    def _timed(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        started = time.monotonic()
        try:
            return self._attempts(function, *args, **kwargs)
        finally:
            self._spent += time.monotonic() - started

    def _attempts(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        attempt = 0
        while True:
            attempt += 1
            self._limit_next_request()
            try:
                result = function(*args, **kwargs)
            except _store_errors() as error:
                if attempt == _LOCKED_ATTEMPTS or not _says_another_writer(error):
                    raise
                # Two writers met; waiting a random moment keeps them from meeting again.
                time.sleep(min(0.05 * 2**attempt, 1.0) * random.uniform(0.5, 1.5))  # noqa: S311 - no secret hangs on it
            else:
                self._answered = True
                return result

    def _limit_next_request(self) -> None:
        """Make the next request, with its one retry, fit into what is left of the budget."""
        left = BUDGET - self._spent
        if self.settings.remote and left < 3:
            raise TimeoutError(f"the store took {self._spent:.0f} s for a few calls")
        if self._answered:
            seconds, retries = max(1, min(_CALL_TIMEOUT, int(left / 2) - 1)), 1
        else:
            seconds, retries = _FIRST_TIMEOUT, 0
        os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(seconds)
        os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = str(retries)


@contextmanager
def connect(settings: TrackingSettings) -> Iterator[Store]:
    """A Store on `settings.uri`; environment and log levels are as before when the block ends.

    One thread is connected at a time; another waits. (Two would each put back what the other had set.)

    Raises:
        TrackingError: MLflow is missing or the store cannot be opened.
    """
    # Inside MLflow some look-ups forget the client's store and ask for the process's.
    environment = {"MLFLOW_TRACKING_URI": settings.bare_uri, "MLFLOW_REGISTRY_URI": settings.bare_uri, **_ENVIRONMENT}
    if settings.credentials is not None:
        environment["MLFLOW_TRACKING_USERNAME"], environment["MLFLOW_TRACKING_PASSWORD"] = settings.credentials
    with _ONE_AT_A_TIME, _environment(environment), warnings.catch_warnings():
        # The filters are the user's, `-W error` among them; MLflow's deprecations are not theirs to mend.
        warnings.simplefilter("ignore")
        try:
            from mlflow import MlflowClient
        except ModuleNotFoundError as error:
            raise TrackingError("MLflow is not installed; pip install mlflow, or run with --no-tracking") from error
        with _silence(), _few_engine_attempts(settings):
            try:
                client = MlflowClient(tracking_uri=settings.bare_uri, registry_uri=settings.bare_uri)
            except ImportError as error:  # the driver of a database
                raise TrackingError(f"{explain(error, settings)}; install the driver of this database") from None
            except _store_errors() as error:
                raise TrackingError(explain(error, settings)) from None
            yield Store(client, settings)


def explain(error: BaseException, settings: TrackingSettings) -> str:
    """Where and what in a line, without credentials; the usual outages in plain words."""
    text = str(error)
    for sign, words in _PLAIN_WORDS.items():
        if sign in text:
            return f"{settings.shown_uri}: {words}"
    lines = text.strip().splitlines() or [type(error).__name__]
    return f"{settings.shown_uri}: {settings.redact(lines[0])[:400]}"


def _store_errors() -> tuple[type[Exception], ...]:
    """What MLflow raises for a store that is away or refuses; anything else is a fault in this program."""
    from mlflow.exceptions import MlflowException
    from requests import RequestException

    try:
        from sqlalchemy.exc import SQLAlchemyError
    except ModuleNotFoundError:  # mlflow-skinny, which talks to servers only
        return MlflowException, RequestException, OSError
    return MlflowException, RequestException, OSError, SQLAlchemyError


def _says_missing(error: BaseException) -> bool:
    # An alias that does not exist is reported as an invalid parameter.
    code, text = getattr(error, "error_code", None), str(error)
    return code == "RESOURCE_DOES_NOT_EXIST" or (
        code == "INVALID_PARAMETER_VALUE" and "alias" in text and "not found" in text
    )


def _says_another_writer(error: BaseException) -> bool:
    """Two writers met: one waits for the other's lock, or finds that the other just inserted the same data set."""
    if getattr(error, "error_code", None) == "RESOURCE_ALREADY_EXISTS":
        return False  # that is an answer
    told = ("database is locked", "database table is locked", "unique constraint")
    return any(one in str(error).lower() for one in told)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _silence() -> Iterator[None]:
    """Keep MLflow's tracebacks and migration notes out of the build log; what matters is raised."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _few_engine_attempts(settings: TrackingSettings) -> Iterator[None]:
    """MLflow tries ten times, 100 s in all, to open a database that is damaged or away; three attempts tell as much."""
    if settings.remote:
        yield
        return
    from mlflow.store.db import utils

    module: Any = utils
    before = module.MAX_RETRY_COUNT
    module.MAX_RETRY_COUNT = 3
    try:
        yield
    finally:
        module.MAX_RETRY_COUNT = before
