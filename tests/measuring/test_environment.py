"""What a run was measured with, as its manifest keeps it."""

from __future__ import annotations

import json
import platform

import torch

import explain_gate
from explain_gate.measuring import environment
from explain_gate.measuring.environment import describe_environment


def test_versions_device_and_who_started_it_are_told(tmp_path, monkeypatch):
    """As JSON; a package that is not installed is null, not an error."""
    monkeypatch.setattr(environment, "_PACKAGES", ("torch", "no-such-package"))
    told = json.loads(json.dumps(describe_environment(torch.device("cpu"), tmp_path)))
    assert told["explain_gate"] == explain_gate.__version__
    assert (told["torch"], told["python"]) == (torch.__version__, platform.python_version())
    assert (told["device"], told["threads"]) == ("cpu", torch.get_num_threads())
    assert told["packages"] == {"torch": torch.__version__, "no-such-package": None}
    assert told["started"]
