"""pytest's hooks and fixtures, nothing else. Every pytest run of the environment loads it, so it imports little.

The gate fails closed: what is planned comes from thresholds.yaml, results travel as one JSON string per test, and the
process that controls the session counts them before it lets anything pass.
"""

from __future__ import annotations

import argparse
import json
import traceback
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Literal

import pytest

from explain_gate.options import OPTIONS

if TYPE_CHECKING:
    from explain_gate.session.gatekeeper import Gatekeeper
    from explain_gate.session.run import GateSession

_GATEKEEPER = "explain_gate_gatekeeper"
_LAST_WORD = "explain_gate_last_word"
_SHOWS = ("help", "version", "markers", "showfixtures", "show_fixtures_per_test", "cacheshow", "collectonly")


def pytest_addoption(parser: pytest.Parser) -> None:
    """https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_addoption"""  # noqa: D415 - an address ends without a full stop
    group = parser.getgroup("explain", "explain-gate: saliency regressions of a vision model")
    group.addoption("--explain", action="store_true", default=False, help="run the gate; without it its tests skip")
    parser.addini("explain", "run the gate as if --explain were given", type="bool", default=False)
    for option in OPTIONS:
        told = argparse.SUPPRESS if option.hidden else option.text
        if option.is_switch:
            group.addoption(f"--explain-{option.name}", action="store_true", default=False, help=told)
        else:
            group.addoption(f"--explain-{option.name}", metavar=option.metavar, default=None, help=told)
        if option.ini:
            kind: Literal["bool", "string"] = "bool" if option.is_switch else "string"
            parser.addini(f"explain_{option.key}", told, type=kind, default=False if option.is_switch else "")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """Before the first conftest, what it may import; after it, the last word.

    With --explain, a conftest.py, a test or a model file may import torchvision, whatever build it is.
    """
    if early_config.known_args_namespace.explain or early_config.getini("explain"):
        from explain_gate.session.as_written import import_as_written

        import_as_written()
        import explain_gate.vision  # noqa: F401 - importing it is what makes torchvision importable
    result = yield
    if not early_config.pluginmanager.has_plugin(_LAST_WORD):
        early_config.pluginmanager.register(_LastWord(), _LAST_WORD)
    return result


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; with --explain, the gatekeeper that does all the work."""
    config.addinivalue_line(
        "markers", "explain(pattern): the rules a gate test answers, such as 'custom.*'; default: from its name"
    )
    if config.getoption("--explain") or config.getini("explain"):
        from explain_gate.session.gatekeeper import Gatekeeper

        config.pluginmanager.register(Gatekeeper(config), _GATEKEEPER)


class _LastWord:
    """The outermost wrapper of the whole session: no plugin that ends after the gate makes its verdict better."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> Generator[None, object, object]:
        """Return the verdict's exit code where it is not 0, whatever the session came to."""
        try:
            status = yield
        except pytest.UsageError:
            raise  # pytest tells it in a line and ends with 4
        except BaseException:
            demanded = _demanded(config, status=0)
            if not demanded or gatekeeper_of(config) is None:
                raise
            traceback.print_exc()
            return demanded
        return _demanded(config, status=status)


def _demanded(config: pytest.Config, *, status: object) -> object:
    """The exit code that the gate asks for, else the session's `status`; 3 where one with --explain came to nothing."""
    if not (config.getoption("--explain") or config.getini("explain")):
        return status
    if any(config.getoption(name, default=False) for name in _SHOWS) or hasattr(config, "workerinput"):
        return status
    keeper = gatekeeper_of(config)
    return (keeper.status if keeper is not None else 0 if status else int(pytest.ExitCode.INTERNAL_ERROR)) or status


def gatekeeper_of(config: pytest.Config) -> Gatekeeper | None:
    """The gatekeeper of a session run with --explain."""
    return config.pluginmanager.get_plugin(_GATEKEEPER)


@pytest.fixture
def check(request: pytest.FixtureRequest) -> Any:
    """Judge the rule this test stands for: `check("alignment.iou")` fails the test when the rule breaks.

    Returns the Finding, for tests that want to look closer.
    """
    keeper = _active(request)
    return keeper.items.check_for(request)


@pytest.fixture
def gate(request: pytest.FixtureRequest) -> GateSession:
    """The gate session: `gate.config`, `gate.rules`, `gate.findings`, `gate.profile`."""
    return _active(request).session


@pytest.fixture
def profile(gate: GateSession) -> Any:
    """The profile that was measured; `profile.measurement("alignment.iou", "grad_cam").values`."""
    return gate.profile


@pytest.fixture
def reference_profile(gate: GateSession) -> Any:
    """The reference's profile; skips the test where the run has no reference."""
    if gate.reference is None:
        pytest.skip("this run has no reference; give one with --explain-reference")
    return gate.reference


@pytest.fixture
def model_under_test(gate: GateSession) -> Any:
    """The loaded model, in eval mode; `model_under_test.module(pixels)`."""
    return gate.model_under_test


@pytest.fixture
def samples(gate: GateSession) -> Any:
    """The regression set; `samples.sample(0).pixels`, `len(samples)`."""
    return gate.samples


@pytest.fixture
def attributions(gate: GateSession) -> Any:
    """The maps by method, each divided by its largest magnitude; `attributions("grad_cam")[3]`."""
    from explain_gate.profile.profile import load_maps

    return lambda method: load_maps(gate.profile, method)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what cannot travel between processes out of a report; in a gate test's, say so."""
    if gatekeeper_of(item.config) is not None:
        for position, (name, value) in enumerate(item.user_properties):
            if not _is_plain(value):
                item.user_properties[position] = _portable(item, name, value)
    return (yield)


GATE_FIXTURES = frozenset(
    {"check", "gate", "profile", "reference_profile", "model_under_test", "samples", "attributions"}
)


def _is_plain(value: object) -> bool:
    return value is None or type(value) in (str, int, bool) or (type(value) is float and value - value == 0)


def _portable(item: pytest.Item, name: str, value: object) -> tuple[str, str]:
    """A numpy scalar or NaN in user_properties ends a worker and loses its results: a fault, or words for it.

    A test of the gate records numbers that somebody judges; what a test beside it records is for reading.
    """
    if GATE_FIXTURES & set(getattr(item, "fixturenames", ())):
        fault = f"{item.nodeid} recorded {name} as {type(value).__name__} {value!r}; record finite plain numbers"
        return "explain_gate.fault", json.dumps(fault)
    return name, str(value)


def _active(request: pytest.FixtureRequest) -> Gatekeeper:
    keeper = gatekeeper_of(request.config)
    if keeper is None:
        pytest.skip("needs --explain: without it nothing is measured, so there is nothing to judge")
    return keeper
