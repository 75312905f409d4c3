"""An output folder with every kind of file that measuring writes, and one as an earlier version wrote it."""

import json

import numpy as np
import pytest

from explain_gate.profile.audit import write_audit
from explain_gate.profile.writer import ProfileWriter
from explain_gate.records import ImageRow, Measurement


@pytest.fixture
def folder(tmp_path):
    """An output folder with every kind of file that measuring writes, without the measuring."""
    images = [
        ImageRow(
            image=f"{row}.png", label=0, class_name="a", accepted=(0,), digest=f"{row:064x}", predicted=0,
            probability=0.9, region_area=0.2, region_reason=None,
        )
        for row in range(2)
    ]  # fmt: skip
    scores = Measurement(
        check="performance.accuracy", method=None, rows=np.arange(2), values=np.ones(2), reasons=(None, None)
    )
    manifest = {
        "model": {"source": "shop:build", "digest": "ab" * 32},
        "dataset": {"classes": ["a"], "height": 4, "width": 5},
        "methods": {"grad_cam": {}},
    }
    with ProfileWriter(tmp_path / "out" / "profile", count=2, height=4, width=5) as writer:
        writer.maps("grad_cam")[:] = 0.5
        writer.regions()[:] = 255
        writer.strengths(1)[:] = 1
        for row in range(2):
            writer.thumbnail(row).write_bytes(b"a picture")
        writer.finish(images, [scores], manifest, also=write_audit)
    return tmp_path / "out"


@pytest.fixture
def without_digests():
    """Makes a profile folder one as an earlier version wrote it."""
    return _without_digests


def _without_digests(profile):
    manifest = json.loads((profile / "manifest.json").read_text())
    del manifest["files"]
    manifest["schema_version"] = 1
    (profile / "manifest.json").write_text(json.dumps(manifest))
