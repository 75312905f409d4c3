"""The audited set of label_projects.py, written once a test."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def project(tmp_path):
    """Three versions of a drawn set with planted faults."""
    from label_projects import write_audited

    return write_audited(tmp_path / "p")
