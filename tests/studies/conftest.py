"""Networks of one test are imported anew by the next."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

OWN = ("twoways", "leaning", "telling")


@pytest.fixture(autouse=True)
def _fresh(fresh_modules):
    """The tiny project's modules, all of them."""
    for name in OWN:
        sys.modules.pop(name, None)
    yield
    for name in OWN:
        sys.modules.pop(name, None)
