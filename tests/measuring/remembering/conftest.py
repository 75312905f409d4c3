"""A run's facts, and a regression set of names and digests."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from explain_gate.measuring.remembering.keys import Facts, FunctionFacts, ModelFacts


class Pictures:
    """A regression set as keys see it: each picture is its letter."""

    classes = {"red": 0, "green": 1}  # noqa: RUF012 - read only

    def __init__(self, letters: str):
        self.letters = letters
        self.entries = [SimpleNamespace(label=ord(letter) % 2, image=f"{letter}.png") for letter in letters]
        self.asked = 0

    def __len__(self) -> int:
        return len(self.letters)

    def digest(self, row: int) -> str:
        """Of a picture's file."""
        self.asked += 1
        return self.letters[row]

    def identity(self, row: int) -> list[str]:
        """Its annotation."""
        return [self.letters[row]]


@pytest.fixture
def pictures() -> type[Pictures]:
    """The class of such sets."""
    return Pictures


@pytest.fixture
def facts() -> Facts:
    """What numbers of one run depend on."""
    function = FunctionFacts(name="m", parameters={"a": 1}, code="c")
    model = ModelFacts(
        weights="w", shape="s", code="c", arguments={}, target=None, target_code="", task="t", layers=("l",)
    )
    return Facts(
        program="p",
        libraries={"torch": "2"},
        model=model,
        preprocessing={"resize": 3},
        seed=0,
        device="cpu",
        dtype="float32",
        methods={"grad_cam": function},
        metrics={"alignment.iou": function},
    )
