"""The monitor as a callback of Lightning and of the Trainer of Hugging Face; neither is imported before it is used.

lightning.Trainer(callbacks=[lightning_callback(monitor)])
transformers.Trainer(..., callbacks=[transformers_callback(monitor)])
"""

from __future__ import annotations

import contextlib
import importlib
from typing import TYPE_CHECKING, Any

import torch

from explain_gate.errors import OptionError

if TYPE_CHECKING:
    from explain_gate.training.monitor import Monitor


def lightning_callback(monitor: Monitor, *, part: str | None = None) -> Any:
    """A Lightning callback that calls the monitor at the end of each training epoch, in one process only.

    `part` is the dotted name of the submodule that predicts, such as "model"; default: the LightningModule itself.

    Raises:
        OptionError: neither `lightning` nor `pytorch_lightning` is installed.
    """
    base: Any = _lightning_base()

    class ExplainGateCallback(base):  # type: ignore[misc]  # Lightning is no dependency, so its class is Any
        """Measures the live module."""

        def on_train_epoch_end(self, trainer: Any, pl_module: torch.nn.Module) -> None:
            """Measure where the epoch is due; other processes wait for the one that measures."""
            if trainer.is_global_zero:
                module = pl_module if part is None else pl_module.get_submodule(part)
                monitor.after_epoch(module, int(trainer.current_epoch))
            trainer.strategy.barrier("explain-gate")

    return ExplainGateCallback()


def transformers_callback(monitor: Monitor, *, part: str | None = None) -> Any:
    """A TrainerCallback that calls the monitor at the end of each epoch, on the first process only.

    Epochs count from 0, as in a plain loop. `part` is the dotted name of the submodule that predicts; default: the
    Trainer's model itself. Other processes meet the one that measures at their next exchange of gradients, so `every`
    and `images` must keep a measurement below the timeout of the process group (10 minutes as torch comes).

    Raises:
        OptionError: `transformers` is not installed.
    """
    try:
        base: Any = importlib.import_module("transformers").TrainerCallback
    except ModuleNotFoundError:
        raise OptionError("transformers_callback needs Hugging Face transformers: pip install transformers") from None

    class ExplainGateCallback(base):  # type: ignore[misc]  # transformers is an extra, so its class is Any
        """Measures the live module."""

        def on_epoch_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:  # noqa: ARG002 - the hook's
            """Measure where the epoch is due. `state.epoch` is the number of epochs that are done, a fraction."""
            if state.is_world_process_zero:
                model: torch.nn.Module = others["model"]
                module = model if part is None else model.get_submodule(part)
                monitor.after_epoch(module, max(round(state.epoch) - 1, 0))

    return ExplainGateCallback()


def _lightning_base() -> Any:
    for name in ("lightning.pytorch.callbacks", "pytorch_lightning.callbacks"):
        with contextlib.suppress(ModuleNotFoundError):
            return importlib.import_module(name).Callback
    raise OptionError("lightning_callback needs Lightning: pip install lightning")
