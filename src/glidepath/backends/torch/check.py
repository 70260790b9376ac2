"""The check of a PyTorch loop: hooks that read the optimizer at the moment it updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import torch
from torch.optim import Optimizer

from glidepath.backends.torch import hyperparameters as hyper
from glidepath.backends.torch import rules
from glidepath.backends.torch.follow import innermost, was_applied
from glidepath.errors import CheckError
from glidepath.schedules.plan import Plan
from glidepath.training.checking import Clues, PlanCheck


class OptimizerCheck:
    """A context in which every update of an optimizer is compared with a plan.

    Values that are tensors on an accelerator are waited for: use it to find a mistake, not in
    every run.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        plan: Plan,
        *,
        start: int = 0,
        tolerance: float = 1e-6,
        groups: Mapping[int | str, Plan] | None = None,
    ) -> None:
        self._optimizer = innermost(optimizer)
        live = self._optimizer.param_groups
        self._main = PlanCheck(plan, start, tolerance)
        self._ruled = {
            rule: PlanCheck(each, start, tolerance) for rule, each in (groups or {}).items()
        }
        rules.check_rules(self._ruled, live)
        for index, (group, check) in enumerate(self._pairs()):
            hyper.refuse_unflown(type(self._optimizer).__name__, index, group, check.plan)
        self._start = start
        self._handles: Sequence[Any] = ()
        self.updates = 0
        """How many updates were seen, and were the plan's."""

    def __enter__(self) -> OptimizerCheck:
        self.updates, self._batches = 0, 0
        distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
        self._clues = Clues(
            processes=torch.distributed.get_world_size() if distributed else 1,
            own=_own(self._optimizer, self._main.plan),
        )
        self._handles = [self._optimizer.register_step_pre_hook(self._before_update)]
        counted = _leaf(self._optimizer)
        if counted is not None:
            self._handles.append(counted.register_post_accumulate_grad_hook(self._after_backward))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for handle in self._handles:
            handle.remove()
        if kind is None and self.updates == 0:
            raise CheckError(
                "no update was seen, so nothing was checked; give check the optimizer whose "
                "step() the loop calls, and let the block hold the loop"
            )

    def _pairs(self) -> list[tuple[hyper.Group, PlanCheck]]:
        live = self._optimizer.param_groups
        named = rules.assign(list(self._ruled), live)
        return [
            (group, self._main if rule is None else self._ruled[rule])
            for group, rule in zip(live, named, strict=True)
        ]

    def _differ(self, name: str, pairs: Sequence[tuple[hyper.Group, PlanCheck]]) -> str | None:
        """What to say of groups that no rule names, and that apply several values."""
        named = [(i, hyper.read(g, name)) for i, (g, c) in enumerate(pairs) if c is self._main]
        other = next((i for i, value in named if value != named[0][1]), None)
        if other is None:
            return None
        return (
            f"the parameter groups {named[0][0]} and {other} fly different values, and one plan is "
            f"checked for both; give check groups={{{other}: plan}} with what each flies"
        )

    def _after_backward(self, _: Any) -> None:
        self._batches += 1

    def _before_update(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if not was_applied(optimizer):
            return
        if self._batches:
            self._clues.batches.append(self._batches)
        pairs = self._pairs()
        for index, (group, check) in enumerate(pairs):
            where = f" in parameter group {index}" if len(pairs) > 1 else ""
            for name in check.plan.tracks:
                applied = hyper.read(group, name)
                self._clues.groups = self._differ(name, pairs)
                check.compare(self._start + self.updates, name, applied, self._clues, where)
        self.updates += 1


def _own(optimizer: Any, plan: Plan) -> dict[str, float]:
    """What the optimizer was made with, where it still knows."""
    return {
        name: hyper.read(optimizer.defaults, name)
        for name in plan.tracks
        if name in hyper.flown_by(optimizer.defaults) and "lr" in optimizer.defaults
    }


def _leaf(optimizer: Any) -> torch.Tensor | None:
    """A parameter whose gradient tells of every backward pass."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.requires_grad and parameter.is_leaf:
                found: torch.Tensor = parameter
                return found
    return None
