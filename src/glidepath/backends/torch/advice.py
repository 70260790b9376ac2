"""CooldownAdvice: says in a loop what a cool-down begun now would give, and can begin it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from glidepath.backends.advising import AdviserLike, checked
from glidepath.backends.torch.scheduler import Scheduler
from glidepath.errors import ArgumentError

ENOUGH = 8
"""Gradients after which their noise is told."""
WINDOW = 100
"""About so many of the last differences of gradients count: older ones are forgotten."""


class CooldownAdvice:
    """Says in the loop: "a cool-down now would give about −0.08 ± 0.02".

    ```python
    advice = CooldownAdvice(gp.Adviser(runs=["probe.csv"]), scheduler)
    for ... :
        optimizer.step()
        scheduler.step()
        if (step + 1) % 100 == 0 and (words := advice.saw(evaluate())):
            progress.set_postfix_str(words)
    ```

    Args:
        adviser: a `gp.Adviser`.
        scheduler: what flies the rate.
        noise: the gradients' noise, for where no decay was seen; told to the adviser as it is.
        apply: begin the cool-down when the law says that its time has come, to end where the plan
            ends. Off by default.

    Raises:
        ArgumentError: no adviser, or no scheduler of Glidepath's.
    """

    def __init__(
        self,
        adviser: AdviserLike,
        scheduler: Scheduler,
        *,
        noise: GradientNoise | None = None,
        apply: bool = False,
    ) -> None:
        self._adviser = checked(adviser, "CooldownAdvice")
        if not isinstance(scheduler, Scheduler):
            raise ArgumentError(
                f"CooldownAdvice: needs a glidepath.torch.Scheduler, got {scheduler!r}"
            )
        self._scheduler, self._noise, self._apply = scheduler, noise, apply
        self.applied_at: int | None = None
        """The update at which a cool-down was begun; None where none was."""

    def saw(self, loss: float | Tensor) -> str | None:
        """Tell the adviser a loss, after `scheduler.step()`; what it says, where it says something.

        Args:
            loss: of the kind of the adviser's runs: evaluated, or of the training smoothed.
        """
        step, plan = self._scheduler.last_epoch, self._scheduler.plan
        if step < 1 or self.applied_at is not None:
            return None
        value = loss.detach() if isinstance(loss, Tensor) else loss
        self._adviser.saw(step, float(value), float(plan(step - 1)))
        trace = None if self._noise is None else self._noise.trace
        if trace is not None:
            self._adviser.noisy(trace)
        advice = self._adviser.advise(plan, ahead=self._apply)
        if advice is None:
            return None
        total = plan.total_steps
        if self._apply and advice.due and total is not None and step < total:
            self._scheduler.cooldown(total - step)
            self.applied_at = step
            return f"{advice}; it begins, over {total - step} updates"
        return str(advice)


class GradientNoise:
    """The variance of mini-batch gradients, weighted as the optimizer weighs them.

    Call `saw()` after `backward()` and before `optimizer.step()`, in consecutive updates. It is
    half of the mean square of how far consecutive gradients lie apart, so the slow change of the
    gradient itself does not count; the last hundred or so updates do. It keeps two tensors of the
    size of the parameters.

    Args:
        optimizer: SGD with or without momentum, or one of Adam's family.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self._optimizer = optimizer
        self._count = 0
        self._before: dict[Tensor, Tensor] = {}
        self._square: dict[Tensor, Tensor] = {}
        self._apart: dict[Tensor, int] = {}

    @torch.no_grad()
    def saw(self) -> None:
        """Take note of the gradients as they are now."""
        self._count += 1
        for group in self._optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                gradient = parameter.grad.detach()
                if parameter not in self._before:
                    self._before[parameter] = gradient.clone()
                    self._square[parameter] = torch.zeros_like(gradient)
                    self._apart[parameter] = 0
                    continue
                square, before = self._square[parameter], self._before[parameter]
                self._apart[parameter] += 1
                share = 1 / min(self._apart[parameter], WINDOW)
                square += share * ((gradient - before) ** 2 - square)
                before.copy_(gradient)

    @property
    def trace(self) -> float | None:
        """Tr(P^−½ΣP^−½) with P^−1 including the rate; None before there is enough to tell."""
        if self._count < ENOUGH:
            return None
        total = 0.0
        for group in self._optimizer.param_groups:
            rate = float(group["lr"]) / (1 - float(group.get("momentum", 0.0)))
            for parameter in group["params"]:
                if parameter in self._square:
                    variance = self._square[parameter] / 2
                    scaled = variance / self._preconditioner(group, parameter)
                    total += rate * float(scaled.sum())
        return total

    def _preconditioner(self, group: dict[str, Any], parameter: Tensor) -> Tensor | float:
        """What the optimizer divides a gradient by: 1, or √v + ε in Adam's family."""
        state = self._optimizer.state.get(parameter, {})
        if "exp_avg_sq" not in state:
            return 1.0
        corrected = 1 - float(group["betas"][1]) ** float(state.get("step", 1))
        return (state["exp_avg_sq"] / corrected).sqrt() + float(group.get("eps", 1e-8))
