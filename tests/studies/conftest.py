"""Networks of one test are imported anew by the next."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _fresh(fresh_modules):
    """The tiny project's modules, all of them."""
    sys.modules.pop("twoways", None)
    yield
    sys.modules.pop("twoways", None)
