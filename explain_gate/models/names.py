"""Names of a module's state as trainers write them: wrappers, counters, losses beside, averages, groups."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

SHOWN = 6
"""Names that a message quotes before it counts the rest."""

_WRAPPERS = re.compile(r"(?:^|(?<=\.))(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
"""What torch.compile, FSDP and activation checkpointing write into names, at any depth."""

COUNTERS = frozenset({"num_batches_tracked", "n_averaged", "total_ops", "total_params"})
"""Last parts of names that no prediction depends on: of batch norms, averaging and profilers."""

_BESIDE = frozenset({"criterion", "criterions", "criteria", "loss", "losses", "metric", "metrics", "acc", "accuracy"})
AVERAGED_WORDS = frozenset({"ema", "swa", "avg", "averaged", "average", "averaging", "shadow", "polyak"})
TRAINING_WORDS = frozenset(
    {"optimizer", "optimizers", "optim", "scheduler", "schedulers", "scaler", "callbacks", "loops", "rng"}
)


def bare_name(name: str) -> str:
    """A name without what wraps a module or a part of it."""
    return _WRAPPERS.sub("", name)


def last_part(name: str) -> str:
    """What follows the last dot."""
    return name.rpartition(".")[2]


def words_of(part: str) -> set[str]:
    """The words of one part of a name, in lower case: "emaModel_2" is ema, model, 2."""
    return set(re.split(r"[_\W]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", part).lower()))


def is_of_a_loss(name: str) -> bool:
    """Whether a name belongs to a loss or a metric."""
    return "." in name and bool(words_of(name.partition(".")[0]) & _BESIDE)


def is_of_training(name: str) -> bool:
    """Whether a name belongs to what only training needs: an optimizer, a scheduler, callbacks."""
    return bool(words_of(name.partition(".")[0]) & TRAINING_WORDS)


def grouped(names: Iterable[str]) -> list[str]:
    """The first parts of names, each with how many tensors it stands for."""
    counted = Counter(name.rpartition(".")[0] or name for name in names)
    return [f"{group} ({count} tensors)" if count > 1 else group for group, count in counted.items()]


def listed(names: Sequence[str]) -> str:
    """The first names for a message, and how many more there are."""
    shown = ", ".join(names[:SHOWN])
    return shown + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
