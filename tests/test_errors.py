"""Expected failures: their exit codes, their texts without secrets, and whose line an unexpected one is."""

from __future__ import annotations

import pytest
import torch

from explain_gate import errors
from explain_gate.errors import ExplainGateError, NotApplicable, NotMeasurable, raised_by_module, told_error


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ExplainGateError", 3), ("OptionError", 4), ("ConfigError", 4), ("DataError", 4), ("ModelError", 4),
        ("ReferenceError", 4), ("UserCodeError", 3), ("TrackingError", 3), ("NothingPlanned", 5),
    ],
)  # fmt: skip
def test_each_kind_has_the_exit_code_of_the_contract(name, code):
    """4 what cannot be used, 5 nothing planned, 3 everything that came to no verdict."""
    kind = getattr(errors, name)
    assert issubclass(kind, ExplainGateError)
    assert kind.exit_code == code


@pytest.mark.parametrize("kind", [errors.DataError, NotMeasurable, NotApplicable])
def test_a_message_never_shows_a_secret(kind):
    """Whoever prints it."""
    assert str(kind("cannot reach http://ann:hush0815@host/x")) == "cannot reach http://***@host/x"


def test_an_unexpected_error_names_the_line_of_its_author(tmp_path):
    """Not a line of torch, of Python or of this package."""
    (tmp_path / "theirs.py").write_text("import json\n\ndef load():\n    return json.loads('{')\n")
    names = {}
    exec(compile((tmp_path / "theirs.py").read_text(), str(tmp_path / "theirs.py"), "exec"), names)  # noqa: S102 - a user's code
    with pytest.raises(ValueError, match="Expecting") as caught:
        names["load"]()
    told = told_error(caught.value)
    assert told.startswith("JSONDecodeError: Expecting property name")
    assert f"({tmp_path / 'theirs.py'}:4, in load)" in told


def test_an_error_without_a_message_says_so():
    """Rather than end in a colon."""
    assert told_error(KeyError()) == "KeyError: no message"


def test_a_module_that_raises_is_told_from_code_that_calls_it():
    """The model's own fault is an image's reason; a metric's fault is its author's."""
    with pytest.raises(RuntimeError) as inside:
        torch.nn.Linear(2, 2)(torch.zeros(1, 3))
    with pytest.raises(RuntimeError) as outside:
        torch.zeros(2) + torch.zeros(3)
    assert raised_by_module(inside.value)
    assert not raised_by_module(outside.value)
