"""A Ray to work with: the one this process is connected to, a cluster, or one started here that ends with its `with`.

Ray changes its process (a signal handler, the environment) and leaves files and sockets behind; all of it is undone.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import logging
import os
import secrets
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from explain_gate.attribution.diagnosis import first_line
from explain_gate.errors import OptionError
from explain_gate.profile.working_folder import made

_STORE_BYTES = 256 << 20
"""Of the object store of a Ray started here: its workers write into the cache, so it holds little but the weights."""
_CONNECT_SECONDS = 10.0
_END_SECONDS = 10.0
_LONGEST = 24


@contextlib.contextmanager
def running_ray(address: str | None, *, cpus: int, gpus: int, store: int = 0) -> Iterator[tuple[Any, bool]]:
    """The `ray` module, connected, and whether it was started here.

    Args:
        address: of a cluster; None: $RAY_ADDRESS, else one is started. A Ray that this process is connected to
            already is taken as it is, and left so.
        cpus: of a Ray that is started here.
        gpus: of a Ray that is started here.
        store: bytes that its object store has to hold.

    Raises:
        OptionError: Ray does not start, or no cluster answers.
    """
    with _as_before(), contextlib.ExitStack() as undo:
        import ray

        logging.getLogger("ray").setLevel(logging.ERROR)
        if ray.is_initialized():
            yield ray, False
            return
        address = address or os.environ.get("RAY_ADDRESS")
        quiet: dict[str, Any] = {"log_to_driver": False, "configure_logging": False, "logging_level": logging.ERROR}
        try:
            if address:
                _connect(address)
                undo.callback(ray.shutdown)
                ray.init(address=address, **quiet)
            else:
                os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
                os.environ.setdefault("RAY_AUTH_TOKEN", _token())
                # Ray opens its folder to everybody, and nobody may reach through the one that it lies in.
                place = undo.enter_context(made(_short_folder(), "eg-ray-"))
                folder = place / "r"
                # Registered before Ray's own, which thus runs first and ends what an interrupted start left.
                atexit.register(_remove, place)
                undo.callback(ray.shutdown)
                ray.init(
                    address="local",
                    num_cpus=cpus,
                    num_gpus=gpus,
                    object_store_memory=_STORE_BYTES + store,
                    include_dashboard=False,
                    _node_ip_address="127.0.0.1",
                    _temp_dir=str(folder),
                    **quiet,
                )
        except (OSError, RuntimeError, ValueError, TimeoutError, ray.exceptions.RayError) as error:
            where = f"no Ray cluster answers at {address}" if address else "Ray does not start here"
            raise OptionError(f"{where}: {first_line(error)}") from error
        yield ray, not address


def _remove(place: Path) -> None:
    """Remove a folder that processes which were just killed may be writing to for a moment."""
    deadline = time.monotonic() + _END_SECONDS
    while place.exists() and time.monotonic() < deadline:
        shutil.rmtree(place, ignore_errors=True)
        time.sleep(0.05)


def _short_folder() -> Path:
    """Where Ray's sockets go: their paths have at most 107 characters, and temporary folders may have long names."""
    usual = Path(tempfile.gettempdir())
    return Path("/tmp") if len(str(usual)) > _LONGEST and Path("/tmp").is_dir() else usual  # noqa: S108 - sockets need a short path


def _connect(address: str) -> None:
    """Try a connection, for Ray tries for minutes where there is nobody.

    Raises:
        OSError: nobody listens there.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS).close()


@contextlib.contextmanager
def _as_before() -> Iterator[None]:
    """Put back what Ray sets in its process: a handler, variables, how much it says."""
    before = dict(os.environ)
    handler = signal.getsignal(signal.SIGTERM)
    level = logging.getLogger("ray").level
    try:
        yield
    finally:
        logging.getLogger("ray").setLevel(level)
        if handler is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


@functools.cache
def _token() -> str:
    """What the parts of a Ray started here know each other by, instead of a file at home. Ray reads it only once."""
    return secrets.token_hex(32)
