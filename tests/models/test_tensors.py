"""What a checkpoint's tensor may become in the model, and what would change a number."""

from __future__ import annotations

import pytest
import torch
from networks import trained, without

from explain_gate.errors import ModelError
from explain_gate.models.tensors import castable, holds_same

STATE = trained(1).state_dict()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({name: (value * 10).to(torch.int8) for name, value in STATE.items()}, "holds quantised weights"),
        (
            {
                **without("head", STATE),
                "head.scale": torch.tensor(1.0),
                "head.zero_point": torch.tensor(0),
                "head._packed_params.dtype": torch.qint8,
                "head._packed_params._packed_params": (torch.ones(3, 4, dtype=torch.int8), torch.ones(3)),
            },
            "holds quantised weights",
        ),
        ({"stem.0.lora_A.weight": torch.ones(2, 3)}, "merge it into the model"),
        ({**STATE, "again.weight": torch.ones(4, 4)}, r"tied +again.weight +other values +is mix.weight"),
        ({**STATE, "order": torch.tensor([3, 2, 1, 0])}, r"unexpected +order .* with other values"),
        ({**STATE, "head.bias": STATE["head.bias"].to("meta")}, r"kind +head.bias +no values"),
        ({**STATE, "head.bias": torch.ones(3).to_sparse()}, r"kind +head.bias +sparse_coo"),
        ({**STATE, "head.bias": torch.ones(3, dtype=torch.complex64)}, r"kind +head.bias +complex64"),
        ({**STATE, "head.bias": [0.0, 0.0, 0.0]}, r"missing +head.bias"),
        ({"optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}}}, "0 of 11 tensors fit"),
    ],
)
def test_what_would_change_a_number_is_refused(load, content, told):
    """Each of these loads without a word elsewhere, or ends in a traceback."""
    with pytest.raises(ModelError, match=told):
        load(content)


@pytest.mark.parametrize(
    ("theirs", "mine", "fits"),
    [
        (torch.tensor([1.0, 2.0]), torch.zeros(2, dtype=torch.float16), True),
        (torch.tensor([1e6]), torch.zeros(1, dtype=torch.float16), False),
        (torch.tensor([3.0]), torch.zeros(1, dtype=torch.int64), True),
        (torch.tensor([3.5]), torch.zeros(1, dtype=torch.int64), False),
        (torch.tensor([2**40], dtype=torch.int64), torch.zeros(1, dtype=torch.int32), False),
        (torch.tensor([3], dtype=torch.int8), torch.zeros(1), False),
    ],
)
def test_a_cast_keeps_what_the_numbers_say_or_is_none(theirs, mine, fits):
    """Rounding of floats is a cast; overflow, lost fractions and bare int8 codes are not."""
    assert castable(theirs, mine, counter=False) is fits
    assert castable(theirs, mine, counter=True)


def test_equal_values_are_the_same_in_another_type():
    """But not in another shape."""
    assert holds_same(torch.ones(2).half(), torch.ones(2))
    assert not holds_same(torch.ones(2), torch.ones(2, 1))
