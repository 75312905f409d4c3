"""No code from data: nothing that the product writes or reads is a pickle, but checkpoints read by weights alone."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from explain_gate.measuring.remembering.store import Cache
from explain_gate.profile.profile import load_maps

ROOT = Path(__file__).parents[2] / "explain_gate"


def calls(path: Path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_file_reads_code_from_data(path):
    """No unpickling, no eval, no unsafe YAML; torch.load with weights_only, numpy.load without pickles."""
    for name, call in calls(path):
        keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert name not in {"pickle.load", "pickle.loads", "eval", "exec", "yaml.load", "yaml.unsafe_load", "os.system"}
        if name == "torch.load":
            assert keywords.get("weights_only") == "True"
        if name in {"np.load", "numpy.load"}:
            assert keywords.get("allow_pickle") == "False"
        assert keywords.get("shell") != "True"


def test_nothing_that_a_run_writes_is_a_pickle(tmp_path, write_project, measured):
    """Profile and cache hold arrays, Parquet, JSON and JPEG."""
    write_project(tmp_path / "project")
    session = measured()
    for file in (session.work / "profile").rglob("*.npy"):
        np.load(file, mmap_mode="r", allow_pickle=False)
    assert load_maps(session.profile, "grad_cam").dtype == np.float16
    with Cache(tmp_path / "project" / ".explain-gate" / "cache") as cache:
        contents = cache._entries._database.execute("SELECT content FROM entries").fetchall()
    assert contents
    # Every pickle of protocol 2 and later starts with this byte and ends with a full stop.
    assert not [content for (content,) in contents if content[:1] == b"\x80" and content[-1:] == b"."]
