"""PyTorch: one `scheduler.step()` against torch's own scheduler, for one group and for a hundred.

What Glidepath's hook does before every `optimizer.step()` is in its figure. "follow" is what the
hook costs that counts the optimizer's updates instead, as in Lightning's and Transformers' flights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch.optim import lr_scheduler as native

import glidepath as gp
from adapters_parts.timing import Row, in_turn, row
from glidepath.torch import Scheduler

PEAK, BAR, CALLS = 0.1, 1.0, 4000
LONG = 10_000_000
"""The length of the schedules: no one reaches its end here."""

Make = Callable[[torch.optim.Optimizer], native.LRScheduler]


def sequential(optimizer: torch.optim.Optimizer) -> native.LRScheduler:
    """Torch's warm-up and cosine."""
    first = native.LinearLR(optimizer, 1e-3, 1.0, LONG // 10)
    rest = native.CosineAnnealingLR(optimizer, LONG - LONG // 10)
    return native.SequentialLR(optimizer, [first, rest], [LONG // 10])


PAIRS: dict[str, tuple[gp.Schedule | gp.Policy, Make]] = {
    "constant": (gp.constant(PEAK), lambda o: native.ConstantLR(o, 1.0, 1)),
    "linear": (gp.linear(PEAK, 0.0, "100%"), lambda o: native.LinearLR(o, 1.0, 0.0, LONG)),
    "step": (gp.step_decay(PEAK, 0.5, LONG // 10), lambda o: native.StepLR(o, LONG // 10, 0.5)),
    "exponential": (
        gp.exponential_decay(PEAK, 0.9999999, 1),
        lambda o: native.ExponentialLR(o, 0.9999999),
    ),
    "cosine": (gp.cosine_decay(PEAK, "100%"), lambda o: native.CosineAnnealingLR(o, LONG)),
    "warm-up, cosine": (gp.linear(0, PEAK, "10%") >> gp.cosine_decay(PEAK, "rest"), sequential),
    "one cycle, with momentum": (
        gp.one_cycle(PEAK),
        lambda o: native.OneCycleLR(o, PEAK, LONG, three_phase=True, anneal_strategy="linear"),
    ),
}


def title() -> str:
    return f"PyTorch {torch.__version__}, scheduler.step()"


def rows(rounds: int) -> Iterator[Row]:
    """Every policy with one group and with a hundred, tensor rates, and what follows."""
    torch.set_num_threads(1)
    for groups in (1, 100):
        for name in PAIRS:
            yield compare(name, groups, rounds)
        yield compare("cosine", groups, rounds, tensor=True)
        yield compare("cosine", groups, rounds, follow=True)
    yield compiled_update(rounds)


def optimizer_of(groups: int, rate: float | torch.Tensor) -> torch.optim.Optimizer:
    parameters = [{"params": [torch.nn.Parameter(torch.zeros(1))]} for _ in range(groups)]
    return torch.optim.SGD(parameters, lr=rate, momentum=0.9)


def compare(
    name: str, groups: int, rounds: int, *, tensor: bool = False, follow: bool = False
) -> Row:
    """One row of stepping alone."""
    policy, make = PAIRS[name]
    mine, theirs = (optimizer_of(groups, torch.tensor(PEAK) if tensor else PEAK) for _ in range(2))
    scheduler = Scheduler(mine, policy, LONG, follow=follow)
    theirs.step()
    own = make(theirs)
    theirs.step()  # torch's schedulers want to have seen one
    calls = max(1, CALLS // groups)
    (before,) = mine._optimizer_step_pre_hooks.values()
    after = scheduler.step
    if follow:
        (hook,) = mine._optimizer_step_post_hooks.values()
        after = lambda: hook(mine, (), {})  # noqa: E731

    def step() -> None:
        before(mine, (), {})
        after()

    found = in_turn((many(step, calls), many(own.step, calls)), calls, rounds)
    assert scheduler.last_epoch > 0
    extra = ", tensor rates" if tensor else ", follow" if follow else ""
    return row(f"{name}{extra}, {groups} group{'s' * (groups > 1)}", found, BAR)


def many(step: Callable[[], object], calls: int) -> Callable[[], None]:
    """A piece of so many calls."""

    def piece() -> None:
        for _ in range(calls):
            step()

    return piece


def compiled_update(rounds: int) -> Row:
    """A compiled optimizer's whole update with a tensor rate, and how often it compiles again."""
    runs, graphs = [], []
    for ours in (True, False):
        parameter = torch.nn.Parameter(torch.zeros(1000))
        parameter.grad = torch.ones(1000)
        optimizer = torch.optim.SGD([parameter], lr=torch.tensor(PEAK), momentum=0.9)
        scheduler = (
            Scheduler(optimizer, gp.cosine_decay(PEAK, "100%"), LONG)
            if ours
            else native.CosineAnnealingLR(optimizer, LONG)
        )
        made: list[object] = []
        graphs.append(made)

        def backend(module: torch.fx.GraphModule, _: object, made: list[object] = made) -> object:
            made.append(module)
            return module.forward

        update = torch.compile(optimizer.step, backend=backend)
        runs.append(many(lambda u=update, s=scheduler: (u(), s.step()), 200))  # type: ignore[misc]
    runs[0]()
    runs[1]()
    before = len(graphs[0])
    found = in_turn((runs[0], runs[1]), 200, rounds)
    return row("compiled update, tensor rate", found, BAR, len(graphs[0]) - before)
