"""The weights and the optimizer's slots of the best epoch, kept to go back to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from glidepath.backends.torch import state
from glidepath.control.rollback import Action
from glidepath.errors import ArgumentError, ResumeError


class Best:
    """What a controller with `restore_best=True` goes back to.

    The copies lie where the tensors lie, and go into the scheduler's checkpoint: until a better
    epoch comes they are the only ones there are.
    """

    def __init__(self) -> None:
        self._kept: dict[str, Any] | None = None

    def follow(self, action: Action | None, model: Any, optimizer: Any) -> None:
        """Keep the model's and the optimizer's state, or put back what was kept.

        Lightning evaluates in inference mode, whose tensors no optimizer could update later.
        """
        if action is None:
            return
        with torch.inference_mode(mode=False), torch.no_grad():
            if action == "keep":
                self._kept = {
                    "model": state.module_state(model),
                    "slots": state.slots(optimizer),
                }
            elif self._kept is None:
                raise ResumeError(
                    "restore_best: the run was resumed from a checkpoint without the best epoch's "
                    "weights; resume from one that this scheduler's state_dict() is part of"
                )
            else:
                state.set_module_state(model, self._kept["model"])
                state.set_slots(optimizer, self._kept["slots"])

    def state_dict(self) -> dict[str, Any]:
        """What is kept, under "best"; empty where nothing is."""
        return {} if self._kept is None else {"best": self._kept}

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        kept = saved.get("best")
        self._kept = None if kept is None else state.copied(dict(kept))


def checked_model(model: Any) -> Any:
    """The model whose weights go back; ArgumentError where none was given."""
    if not isinstance(model, torch.nn.Module):
        raise ArgumentError(
            f"epoch_end: a controller with restore_best=True needs the model, got "
            f"{type(model).__name__}; call scheduler.epoch_end(metrics, model=model)"
        )
    if any(hasattr(parameter, "placements") for parameter in model.parameters()):
        raise ArgumentError(
            "epoch_end: this model is sharded over processes (FSDP, tensor parallel), and a "
            "checkpoint of one process could not hold its best epoch; leave restore_best out"
        )
    return model
