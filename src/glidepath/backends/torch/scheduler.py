"""Scheduler: flies a policy in a PyTorch training loop, as an `LRScheduler`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from glidepath.backends.torch import follow as following
from glidepath.backends.torch import hyperparameters as hyper
from glidepath.backends.torch import ranks, rules
from glidepath.backends.torch.best import Best, checked_model
from glidepath.backends.torch.inflight import InFlight
from glidepath.backends.torch.rules import Rule
from glidepath.control import one_rolls_back
from glidepath.errors import ArgumentError, ResumeError
from glidepath.schedules import checks
from glidepath.schedules.durations import Duration
from glidepath.schedules.policy import Flyable
from glidepath.training.flown import FlownPlan
from glidepath.training.resume import ON_CHANGE
from glidepath.training.wallclock import WallClock

_WINDOW = 1024
"""So many updates are kept as Python floats at a time."""
_IDLE = (
    "scheduler.step() was called twice and the optimizer made no update in between (AMP skipped "
    "it, batches are accumulated, or a framework calls step() too); each call counts as an update. "
    "With Scheduler(..., follow=True) only the updates that were applied do"
)


class Scheduler(InFlight, LRScheduler):
    """Sets rate, momentum and weight decay of an optimizer to the plan's, update by update.

    ```python
    scheduler = Scheduler(optimizer, gp.one_cycle(peak=0.1), total="10ep", steps_per_epoch=100)
    for inputs, targets in batches:
        ...
        optimizer.step()
        scheduler.step()  # once per optimizer.step()
    ```

    At construction the optimizer gets the values of update 0, and with every `step()` those of
    the next, looked up in the plan's float64 table. The momentum is beta_1 in optimizers with
    `betas`. Values that the optimizer keeps as tensors are filled in place, each group's in its
    own, so that `capturable` optimizers and `torch.compile` see them change without recompiling.
    It is an `LRScheduler` for those who ask, and patches nothing.

    With `follow=True` the clock is the optimizer's own: a hook counts the updates that were
    applied, not those that AMP skipped, and `step()` does nothing, however often a framework
    calls it.

    Args:
        optimizer: the optimizer to fly.
        policy: a policy, a schedule, a number for a constant rate, or a plan of one.
        total: the run's length, `"10ep"` or updates; not with a plan, which has its own.
        steps_per_epoch: optimizer updates in an epoch, the partial last batch included.
        groups: what single parameter groups fly instead: by the group's index, or by a pattern
            such as `"backbone.*"` for its `"name"` or for the names of all its parameters
            (an optimizer of `model.named_parameters()` has them). The first that matches counts.
        follow: count the updates that the optimizer applied, not the calls of `step()`.
        on_change: what `load_state_dict` does with a checkpoint of another plan; see there.

    Raises:
        ArgumentError: another `Scheduler` follows the optimizer, and was not detached;
            the optimizer does not have what the policy flies; a rule in `groups` that
            matches nothing; groups with different rates of their own, and no word on what each
            is to fly; several controllers with `restore_best`.
        PlanError: the policy does not fit the run.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        policy: Flyable,
        total: Duration | None = None,
        steps_per_epoch: int | None = None,
        groups: Mapping[Rule, Flyable] | None = None,
        follow: bool = False,
        on_change: str = "strict",
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            raise ArgumentError(
                f"Scheduler: needs a torch optimizer, got {type(optimizer).__name__}; give e.g. "
                "torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)"
            )
        self._follow = checks.flag("Scheduler", "follow", follow)
        following.refuse_followed(optimizer)
        self.optimizer = optimizer
        self._kind = type(following.innermost(optimizer)).__name__
        self.base_lrs = [hyper.read(group, "learning_rate") for group in optimizer.param_groups]
        """The rates that the groups had before; the policy replaces them."""
        self.last_epoch = 0
        """The update that comes next, counted from 0 (the name is torch's)."""
        self._step_count = 1  # written by accelerate, read by nobody here
        self._on_change = checks.choice("Scheduler", "on_change", on_change, ON_CHANGE)
        self._length: tuple[Duration | None, int | None] = (total, steps_per_epoch)
        self._main = FlownPlan(rules.as_plan(policy, total, steps_per_epoch, "Scheduler"))
        self._ruled: dict[Rule, FlownPlan] = {}
        self._bound: list[FlownPlan] = []
        self._best = Best()
        self._wall: WallClock | None = None
        self._groups: Sequence[hyper.Group] = ()
        self._moved: bool | None = None
        """Whether the optimizer has moved since the last step(); None before it ever has."""
        self._said = False
        self._superseded = False
        """Whether another scheduler has taken the optimizer, or holds it already."""
        self.assign(groups or {})
        self._hooks = self._hooked()

    @property
    def monitored(self) -> set[str]:
        """The metrics that the policies' controllers want to be told."""
        return {each.monitor for flown in self._every() for each in flown.controllers}

    def assign(self, groups: Mapping[Rule, Flyable]) -> None:
        """Add rules to `groups`, e.g. for a parameter group that was added to the optimizer.

        Their clock is the run's: update k uses their plan(k). A policy is resolved over the length
        that the run set out with, and then extended and cooled down as the run has been since.
        """
        live = self.optimizer.param_groups
        rules.check_rules({**self._ruled, **groups}, live)
        total, per_epoch = self._length
        new = {
            rule: self._joined(
                rules.as_plan(policy, total, per_epoch, f"Scheduler: groups[{rule!r}]")
            )
            for rule, policy in groups.items()
        }
        ruled = {**self._ruled, **new}
        flown = [self._main, *ruled.values()]
        self._rolls_back = one_rolls_back(c for each in flown for c in each.controllers)
        named = rules.assign(list(ruled), live)
        for index, (rule, group) in enumerate(zip(named, live, strict=True)):
            plan = (self._main if rule is None else ruled[rule]).plan
            hyper.refuse_unflown(self._kind, index, group, plan)
            hyper.warn_of_porting(self._kind, group, plan)
        if not self._bound:
            unnamed = {i: live[i] for i, rule in enumerate(named) if rule is None}
            rules.refuse_flattening(self._main.plan, unnamed)
        self._ruled = ruled
        self._prepare(self.last_epoch)
        self._set(self.last_epoch)

    def step(self, epoch: int | None = None) -> None:
        """Go on to the next update; call it once after every `optimizer.step()`.

        With `follow=True` it does nothing: the optimizer has been counted already.

        Args:
            epoch: an update to go to, as torch's schedulers take it; leave it out.

        Raises:
            ArgumentError: another `Scheduler` was made for the optimizer since, and flies it.
        """
        if self._superseded:
            following.refuse_superseded(self)
        self._step_count += 1
        if epoch is not None:
            self.seek(epoch)
        elif not self._follow:
            if self._moved:
                self._moved = False
            elif self._moved is not None and not self._said:
                self._warn_of_idle_steps()
            self._advance()

    def seek(self, step: int) -> None:
        """Go to an update, counted from 0, e.g. where a run under another scheduler was left."""
        k = checks.count("Scheduler.seek", "step", step, least=0)
        self._prepare(k)
        self.last_epoch = k
        self._set(k)

    def epoch_end(self, metrics: Mapping[str, Any], model: Any = None) -> None:
        """Tell the policy's controllers an epoch's metrics, e.g. `{"val_loss": 0.3}`.

        Call it once per epoch, after the epoch's last `step()`. What they decide is in force from
        the next update on.

        Where `torch.distributed` runs several processes, all of them have to call it. Each metric
        is averaged over the processes that give it (one may evaluate for all, the others give
        `{}`), and so every process takes the same decision.

        A controller with `restore_best=True` needs the model: after the best epoch its weights
        and buffers and the optimizer's slots are copied, and where the rate is reduced they are
        put back, in place. The clock and the data go on. The copies are in `state_dict()`.

        Args:
            metrics: the epoch's metrics by name.
            model: the module that is trained, where a controller rolls back.

        Raises:
            ArgumentError: a controller monitors what is not among the metrics, or rolls back and
                there is no model.
        """
        if self._rolls_back:
            checked_model(model)
        metrics = ranks.averaged(metrics, self.monitored)
        for flown in self._every():
            action = flown.epoch_end(metrics, self.last_epoch)
            self._best.follow(action, model, following.innermost(self.optimizer))
        self._prepare(self.last_epoch)
        self._set(self.last_epoch)

    def get_last_lr(self) -> list[float | Tensor]:
        """The rate of each group as the optimizer has it now; tensors are copies."""
        rates = [group["lr"] for group in self.optimizer.param_groups]
        return [rate.clone() if isinstance(rate, Tensor) else rate for rate in rates]

    def get_lr(self) -> list[float | Tensor]:
        """The same as `get_last_lr`: rates are looked up, not computed from the last ones."""
        return self.get_last_lr()

    @property
    def _last_lr(self) -> list[float | Tensor]:
        return self.get_last_lr()

    def detach(self) -> None:
        """Let go of the optimizer: its hooks are removed, its values stay as they are."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    def __getstate__(self) -> dict[str, Any]:
        """What `pickle` and `copy.deepcopy` take, the optimizer included, as of torch's own."""
        left_out = ("_hooks", "_groups", "_bound", "_rates", "_others", "_first")
        kept = {name: value for name, value in self.__dict__.items() if name not in left_out}
        return {**kept, "_hooked": bool(self._hooks)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the hooks that an optimizer leaves behind when it is copied; rates stay."""
        hooked = state.pop("_hooked")
        self.__dict__.update(state)
        if hooked:
            following.refuse_followed(self.optimizer)
        self._groups, self._bound = self.optimizer.param_groups, []
        self._prepare(self.last_epoch)
        free = following.flier(self.optimizer) is None  # a copy that shares it leaves it alone
        self._superseded = self._superseded or not free
        self._hooks = self._hooked() if hooked and free else []

    def state_dict(self) -> dict[str, Any]:
        """The counter, and of each plan its spec, fingerprint and controllers' states.

        Plain JSON data, and the best epoch's tensors where a controller rolls back:
        `torch.load(..., weights_only=True)` reads it.
        """
        return {
            "step": self.last_epoch,
            "main": self._main.state_dict(),
            "groups": {str(rule): flown.state_dict() for rule, flown in self._ruled.items()},
            **({"changes": [dict(each) for each in self._changes]} if self._changes else {}),
            **self._best.state_dict(),
            **self._wall_state(),
        }

    def load_state_dict(self, state_dict: dict[str, Any], on_change: str | None = None) -> None:
        """Continue from a checkpoint, before or after the optimizer's own state is loaded.

        Args:
            state_dict: what `state_dict` gave.
            on_change: for a checkpoint of another plan: "strict" raises with what differs, "keep"
                flies the saved plan, "override" the new one from the saved update on. None: as
                the scheduler was made.

        Raises:
            ResumeError: another plan under "strict", other groups, or not a Glidepath checkpoint.
        """
        parts = state_dict.get("main"), state_dict.get("groups")
        whole = all(isinstance(part, Mapping) for part in parts)
        if not whole or type(step := state_dict.get("step")) is not int or step < 0:
            raise ResumeError(
                f"this is not the state of a Glidepath scheduler; it holds {sorted(state_dict)}. "
                "To go on from another scheduler's run, load the optimizer alone and call "
                "scheduler.seek(updates_done)"
            )
        how = self._on_change if on_change is None else on_change
        saved, names = state_dict["groups"], {str(rule): rule for rule in self._ruled}
        if how != "override" and saved.keys() != names.keys():
            raise ResumeError(
                f"the checkpoint has groups {sorted(saved)}, and the scheduler {sorted(names)}; "
                "make it with the same groups, or load with on_change='override'"
            )
        main = self._main.loaded(state_dict["main"], how, "plan")
        ruled = {
            rule: self._ruled[rule].loaded(saved[name], how, f"plan of groups[{rule!r}]")
            if name in saved
            else self._ruled[rule]
            for name, rule in names.items()
        }
        self._rolls_back = one_rolls_back(c for f in (main, *ruled.values()) for c in f.controllers)
        own = self._main.made
        self._main, self._ruled = main, ruled
        self._follow_main(state_dict, own)
        self._best.load(state_dict)
        self._load_wall(state_dict)
        self.seek(state_dict["step"])
        self._step_count = self.last_epoch + 1

    def _advance(self) -> None:
        """The clock's one move: everything that is flown is set to the next update's values."""
        self.last_epoch = k = self.last_epoch + 1
        groups = self.optimizer.param_groups
        at = k - self._first
        if at >= _WINDOW or groups is not self._groups or len(groups) != len(self._rates):
            self._prepare(k)
            at = 0
        for group, rates in zip(groups, self._rates, strict=False):
            if type(group["lr"]) is float:
                group["lr"] = rates[at]
            else:
                hyper.write(group, "learning_rate", rates[at])
        for name, index, values in self._others:
            hyper.write(groups[index], name, values[at])
        if self._wall is not None:
            self._watch(k)

    def _set(self, k: int, first: int = 0) -> None:
        """Set the values of an update inside the window, of the groups from `first` on."""
        groups, at = self.optimizer.param_groups, k - self._first
        for group, rates in zip(groups[first:], self._rates[first:], strict=True):
            hyper.write(group, "learning_rate", rates[at])
        for name, index, values in self._others:
            if index >= first:
                hyper.write(groups[index], name, values[at])

    def _prepare(self, k: int) -> None:
        """Look up the window that begins at the update k, and bind it to the groups of now."""
        groups = self.optimizer.param_groups
        named = rules.assign(list(self._ruled), groups)
        bound = [self._main if rule is None else self._ruled[rule] for rule in named]
        if groups is not self._groups or len(groups) != len(self._bound):
            self._adopt(groups, bound)
        columns = {
            id(flown): {name: flown.values(name, k, k + _WINDOW) for name in flown.plan.tracks}
            for flown in bound
        }
        self._first = k
        self._rates = [columns[id(flown)]["learning_rate"] for flown in bound]
        self._others = [
            (name, index, values)
            for index, flown in enumerate(bound)
            for name, values in columns[id(flown)].items()
            if name != "learning_rate"
        ]
        self._bound, self._groups = bound, groups

    def _adopt(self, groups: Sequence[hyper.Group], bound: Sequence[FlownPlan]) -> None:
        """Take over groups that are new: all of them after a load, else those at the end."""
        first = len(self._bound) if groups is self._groups else 0
        for index, (group, flown) in enumerate(zip(groups, bound, strict=True)):
            if index >= first:
                hyper.refuse_unflown(self._kind, index, group, flown.plan)
                hyper.own_tensors([group], flown.plan.tracks)

    def _take_in(self) -> None:
        """Groups that came since the last step(), before they are used with rates of their own."""
        known = len(self._bound) if self.optimizer.param_groups is self._groups else 0
        self._prepare(self.last_epoch)
        self._set(self.last_epoch, known)

    def _hooked(self) -> list[Any]:
        """The handles of hooks that were put on the optimizer."""
        hooks = [
            following.take(self.optimizer, self),
            following.hook_load(self.optimizer, self),
            following.hook_before(self.optimizer, self),
        ]
        if self._follow:
            hooks.append(following.hook_updates(self.optimizer, self))
        return hooks

    def _warn_of_idle_steps(self) -> None:
        """Say once that step() was called and no update had been made."""
        self._said = True
        if not any(group.get("capturable") for group in self.optimizer.param_groups):
            warnings.warn(_IDLE, stacklevel=3)

    def _reload(self) -> None:
        """After the optimizer's state was loaded: its groups are new, the values are the plan's."""
        self._prepare(self.last_epoch)
        self._set(self.last_epoch)
