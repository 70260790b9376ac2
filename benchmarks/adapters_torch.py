"""Speed of the PyTorch scheduler: the cost of one step against torch's own of the same policy.

    python benchmarks/adapters_torch.py [--steps 2000] [--repeats 15]

Prints, per policy and number of parameter groups, the time of one `scheduler.step()` of Glidepath
and of torch's scheduler, and their ratio (bar: 1.0). Both run in turn in one process; the time is
the least of the repeats, which other load on the machine touches least. "follow" is what the hook
costs that counts the optimizer's updates instead. Then the cost of one whole `optimizer.step()` of
100 groups, for scale, and how often `torch.compile` compiles an update while the rate changes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import torch
from torch.optim import lr_scheduler as native

import glidepath as gp
from glidepath.torch import Scheduler

PEAK = 0.1
LONG = 10_000_000
"""The length of the schedules: no one reaches its end here."""

Step = Callable[[], object]


def make_optimizer(groups: int, rate: float | torch.Tensor = PEAK) -> torch.optim.Optimizer:
    parameters = [{"params": [torch.nn.Parameter(torch.zeros(1))]} for _ in range(groups)]
    return torch.optim.SGD(parameters, lr=rate, momentum=0.9)


PAIRS: dict[str, tuple[gp.Schedule | gp.Policy, Callable[[torch.optim.Optimizer], object]]] = {
    "constant": (gp.constant(PEAK), lambda o: native.ConstantLR(o, 1.0, 1)),
    "linear": (
        gp.linear(PEAK, 0.0, "100%"),
        lambda o: native.LinearLR(o, 1.0, 0.0, LONG),
    ),
    "step": (gp.step_decay(PEAK, 0.5, LONG // 10), lambda o: native.StepLR(o, LONG // 10, 0.5)),
    "exponential": (
        gp.exponential_decay(PEAK, 0.9999999, 1),
        lambda o: native.ExponentialLR(o, 0.9999999),
    ),
    "cosine": (
        gp.cosine_decay(PEAK, "100%"),
        lambda o: native.CosineAnnealingLR(o, LONG),
    ),
    "warm-up and cosine": (
        gp.linear(0, PEAK, "10%") >> gp.cosine_decay(PEAK, "rest"),
        lambda o: native.SequentialLR(
            o,
            [
                native.LinearLR(o, 1e-3, 1.0, LONG // 10),
                native.CosineAnnealingLR(o, LONG - LONG // 10),
            ],
            [LONG // 10],
        ),
    ),
    "one cycle (rate and momentum)": (
        gp.one_cycle(PEAK),
        lambda o: native.OneCycleLR(o, PEAK, LONG, three_phase=True, anneal_strategy="linear"),
    ),
}


def least(steps: dict[str, Step], count: int, repeats: int) -> dict[str, float]:
    """Microseconds of one call of each, measured in turn."""
    found = dict.fromkeys(steps, float("inf"))
    for _ in range(repeats):
        for name, step in steps.items():
            start = time.perf_counter()
            for _ in range(count):
                step()
            found[name] = min(found[name], (time.perf_counter() - start) / count)
    return {name: 1e6 * seconds for name, seconds in found.items()}


def compare(name: str, groups: int, count: int, repeats: int, *, tensor: bool) -> dict[str, float]:
    """One row: Glidepath stepped, Glidepath following, torch."""
    policy, make = PAIRS[name]
    plan = gp.as_policy(policy).plan(LONG)

    def rate() -> float | torch.Tensor:
        return torch.tensor(PEAK) if tensor else PEAK

    stepped = Scheduler(make_optimizer(groups, rate()), plan)
    followed = make_optimizer(groups, rate())
    kept = Scheduler(followed, plan, follow=True)
    hook = next(iter(followed._optimizer_step_post_hooks.values()))
    theirs = make_optimizer(groups, rate())
    theirs.step()
    own = make(theirs)
    theirs.step()
    steps: dict[str, Step] = {
        "ours": stepped.step,
        "follow": lambda: hook(followed, (), {}),
        "torch": own.step,  # type: ignore[attr-defined]
    }
    found = least(steps, max(1, count // groups), repeats)
    assert kept.last_epoch > 0
    return found


def compilations(rate: float | torch.Tensor) -> int:
    """How often an update is compiled in a run of 20 under a falling rate."""
    torch._dynamo.reset()
    graphs = []
    parameter = torch.nn.Parameter(torch.zeros(3))
    optimizer = torch.optim.SGD([parameter], lr=rate)
    scheduler = Scheduler(optimizer, gp.linear(0.1, 0.0, "100%"), 20)
    parameter.grad = torch.ones(3)

    def counting(module: torch.fx.GraphModule, inputs: object) -> Callable[..., object]:
        graphs.append(module)
        return module.forward

    update = torch.compile(lambda: optimizer.step(), backend=counting)  # noqa: PLW0108
    for _ in range(20):
        update()
        scheduler.step()
    return len(graphs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}; microseconds per step, the least of {options.repeats}")
    print(f"{'policy':32}{'groups':>7}{'Glidepath':>11}{'torch':>9}{'ratio':>8}{'follow':>9}")
    worst = 0.0
    for groups in (1, 100):
        rows = [(name, False) for name in PAIRS] + [("cosine", True)]
        for name, tensor in rows:
            found = compare(name, groups, options.steps, options.repeats, tensor=tensor)
            ratio = found["ours"] / found["torch"]
            worst = max(worst, ratio)
            label = f"{name}, tensor rates" if tensor else name
            print(
                f"{label:32}{groups:7}{found['ours']:11.2f}{found['torch']:9.2f}{ratio:8.2f}"
                f"{found['follow']:9.2f}"
            )
    optimizer = make_optimizer(100)
    for group in optimizer.param_groups:
        group["params"][0].grad = torch.ones(1)
    update = least({"update": optimizer.step}, options.steps // 100, options.repeats)["update"]
    print(f"one optimizer.step() of 100 groups of one number each: {update:.0f}")
    print(
        f"compilations of an update over 20 rates: {compilations(torch.tensor(0.1))} with a tensor "
        f"rate, {compilations(0.1)} with a float"
    )
    print(f"largest ratio {worst:.2f}, bar 1.0")
    return int(worst > 1.0)


if __name__ == "__main__":
    sys.exit(main())
