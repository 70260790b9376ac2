"""The schedulers of torch.optim.lr_scheduler, stepped once per update.

Plan with `steps_per_epoch` in mind: torch's numbers count calls of `scheduler.step()`. Whoever
calls it once per epoch multiplies periods by the updates of an epoch, or gives recipes "30ep".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from glidepath.compat._phases import (
    alone,
    at_boundaries,
    begins,
    controlled,
    flat,
    join,
    power_of,
    ramp,
    steps_at,
    whole,
)
from glidepath.control import reduce_on_plateau
from glidepath.errors import ArgumentError
from glidepath.schedules import (
    Policy,
    Schedule,
    checks,
    constant,
    cosine_decay,
    cosine_restarts,
    from_function,
    polynomial_decay,
    step_decay,
)
from glidepath.schedules.origin import bare, ported_from
from glidepath.schedules.ported import cyclic, interpolate

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]

Factor = Callable[[int], float]
"""A factor of the rate by the count of `scheduler.step()`."""

# The names of classes are kept, and with them their spelling.
# ruff: noqa: N802, N803


@ported_from("torch")
def LambdaLR(
    lr: float,
    lr_lambda: Factor | Sequence[Factor],
    last_epoch: int = -1,
) -> Schedule:
    """lr·lr_lambda(k). A function is code: it has no spec."""
    begins("LambdaLR", last_epoch)
    return lr * from_function(alone("LambdaLR", "lr_lambda", lr_lambda))


@ported_from("torch")
def MultiplicativeLR(
    lr: float,
    lr_lambda: Factor | Sequence[Factor],
    last_epoch: int = -1,
) -> Schedule:
    """lr·lr_lambda(1)·…·lr_lambda(k). A function is code: it has no spec."""
    begins("MultiplicativeLR", last_epoch)
    factor = alone("MultiplicativeLR", "lr_lambda", lr_lambda)
    if not callable(factor):
        raise ArgumentError(f"MultiplicativeLR: lr_lambda must be a function, got {lr_lambda!r}")
    products = [1.0]

    def product(k: int) -> float:
        while len(products) <= k:
            products.append(products[-1] * float(factor(len(products))))
        return products[k]

    return lr * from_function(product)


@ported_from("torch")
def StepLR(lr: float, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> Schedule:
    """lr·gamma^⌊k/step_size⌋."""
    where = "StepLR"
    begins(where, last_epoch)
    every = whole(where, "step_size", step_size, least=1)
    base, factor = checks.number(where, "lr", lr), checks.number(where, "gamma", gamma)
    return step_decay(base, factor, every) if factor else power_of(base, 0.0, every, True)


@ported_from("torch")
def MultiStepLR(
    lr: float, milestones: Sequence[int], gamma: float = 0.1, last_epoch: int = -1
) -> Schedule:
    """lr·gamma^(milestones at or before k); a milestone given twice counts twice."""
    where = "MultiStepLR"
    begins(where, last_epoch)
    factor = checks.number(where, "gamma", gamma)
    at = [whole(where, "milestones", milestone) for milestone in milestones]
    return steps_at(checks.number(where, "lr", lr), [(milestone, factor) for milestone in at])


@ported_from("torch")
def ConstantLR(
    lr: float, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
) -> Schedule:
    """lr·factor for `total_iters` updates, then lr."""
    where = "ConstantLR"
    begins(where, last_epoch)
    share = _share(where, "factor", factor)
    return join([*flat(lr * share, whole(where, "total_iters", total_iters)), constant(lr)])


@ported_from("torch")
def LinearLR(
    lr: float,
    start_factor: float = 1.0 / 3,
    end_factor: float = 1.0,
    total_iters: int = 5,
    last_epoch: int = -1,
) -> Schedule:
    """lr·(start_factor + (end_factor − start_factor)·k/total_iters), then lr·end_factor."""
    where = "LinearLR"
    begins(where, last_epoch)
    first, last = (
        _share(where, "start_factor", start_factor),
        _share(where, "end_factor", end_factor),
    )
    checks.number(where, "start_factor", start_factor, positive=True)
    over = whole(where, "total_iters", total_iters)
    return join(ramp(lr * first, lr * last, over) or [constant(lr * last)])


@ported_from("torch")
def ExponentialLR(lr: float, gamma: float, last_epoch: int = -1) -> Schedule:
    """lr·gamma^k."""
    begins("ExponentialLR", last_epoch)
    factor = checks.number("ExponentialLR", "gamma", gamma)
    return power_of(checks.number("ExponentialLR", "lr", lr), factor, 1, staircase=False)


@ported_from("torch")
def PolynomialLR(
    lr: float, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
) -> Schedule:
    """lr·(1 − k/total_iters)^power, then 0; lr for ever where either of them is 0."""
    where = "PolynomialLR"
    begins(where, last_epoch)
    base, over = checks.number(where, "lr", lr), whole(where, "total_iters", total_iters)
    if over == 0 or checks.number(where, "power", power) == 0:
        return constant(base)
    return polynomial_decay(base, 0.0, over, power)


@ported_from("torch")
def CosineAnnealingLR(
    lr: float, T_max: float, eta_min: float = 0.0, last_epoch: int = -1
) -> Schedule:
    """eta_min + (lr − eta_min)·(1 + cos(πk/T_max))/2, then eta_min: it does not rise again."""
    where = "CosineAnnealingLR"
    begins(where, last_epoch)
    over = checks.number(where, "T_max", T_max, positive=True)
    base, end = checks.number(where, "lr", lr), checks.number(where, "eta_min", eta_min)
    if over.is_integer():
        return cosine_decay(base, int(over), end)
    return interpolate([base, end], [0.0, over], "cosine")


@ported_from("torch")
def CosineAnnealingWarmRestarts(
    lr: float, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
) -> Schedule:
    """Cosines from lr to eta_min; cycle i has T_0·T_mult^i updates."""
    where = "CosineAnnealingWarmRestarts"
    begins(where, last_epoch)
    stretch = float(checks.count(where, "T_mult", T_mult))
    return cosine_restarts(lr, checks.count(where, "T_0", T_0), stretch, end=eta_min)


@ported_from("torch")
def ChainedScheduler(lr: float, schedulers: Sequence[Schedule]) -> Schedule:
    """The schedulers multiplied: lr·Π(schedulerᵢ/lr), each built on the same base rate `lr`.

    So torch chains StepLR, MultiStepLR, ConstantLR, LinearLR, ExponentialLR, PolynomialLR,
    MultiplicativeLR, and CosineAnnealingLR with eta_min = 0, which multiply the present rate. The
    others set the rate outright: in torch they undo what comes before them in the chain.
    """
    where = "ChainedScheduler"
    base = checks.number(where, "lr", lr, positive=True)
    parts = list(checks.sequence(where, "schedulers", schedulers))
    chained: Schedule | None = None
    for part in parts:
        if not isinstance(part, Schedule):
            raise ArgumentError(f"{where}: schedulers must be schedules, got {part!r}")
        chained = bare(part) if chained is None else chained * bare(part) * (1.0 / base)
    assert chained is not None
    return chained


@ported_from("torch")
def SequentialLR(
    schedulers: Sequence[Schedule], milestones: Sequence[int], last_epoch: int = -1
) -> Schedule:
    """Each scheduler from its milestone on, counting from 0 there."""
    begins("SequentialLR", last_epoch)
    return at_boundaries("SequentialLR", schedulers, milestones, "milestones")


@ported_from("torch")
def CyclicLR(  # noqa: PLR0913, PLR0917 - torch's own signature
    base_lr: float | Sequence[float],
    max_lr: float | Sequence[float],
    step_size_up: int = 2000,
    step_size_down: int | None = None,
    mode: str = "triangular",
    gamma: float = 1.0,
    scale_fn: Callable[[float], float] | None = None,
    scale_mode: str = "cycle",
    cycle_momentum: bool = True,
    base_momentum: float | Sequence[float] = 0.8,
    max_momentum: float | Sequence[float] = 0.9,
    last_epoch: int = -1,
) -> Policy:
    """Smith's cyclical rate, and the momentum against it (Smith 2015, arXiv:1506.01186).

    With `scale_fn` the height of cycle i (from 1) or update k is scaled by scale_fn(i) or
    scale_fn(k), by `scale_mode`; such a policy has no spec.
    """
    where = "CyclicLR"
    begins(where, last_epoch)
    first, top_lr = alone(where, "base_lr", base_lr), alone(where, "max_lr", max_lr)
    low, high = (alone(where, "momentum", value) for value in (base_momentum, max_momentum))
    up = whole(where, "step_size_up", step_size_up, least=1)
    down = up if step_size_down is None else whole(where, "step_size_down", step_size_down, least=1)
    if scale_fn is None:

        def wave(start: float, top: float) -> Schedule:
            return cyclic(start, top, up, down, mode, gamma if mode == "exp_range" else 1.0)

    else:
        scale, by = scale_fn, checks.choice(where, "scale_mode", scale_mode, _SCALE_MODES)

        def wave(start: float, top: float) -> Schedule:
            return from_function(_scaled(start, top, (up, down), scale, by))

    return Policy(wave(first, top_lr), wave(high, low) if cycle_momentum else None)


_SCALE_MODES = ("cycle", "iterations")


def _scaled(
    start: float, top: float, sizes: tuple[int, int], scale: Callable[[float], float], by: str
) -> Callable[[int], float]:
    up, down = sizes

    def value(k: int) -> float:
        cycle, within = divmod(k, up + down)
        height = min(within / up, (up + down - within) / down)
        return start + (top - start) * height * scale(cycle + 1 if by == "cycle" else k)

    return value


@ported_from("torch")
def OneCycleLR(  # noqa: PLR0913, PLR0917 - torch's own signature
    max_lr: float | Sequence[float],
    total_steps: int | None = None,
    epochs: int | None = None,
    steps_per_epoch: int | None = None,
    pct_start: float = 0.3,
    anneal_strategy: str = "cos",
    cycle_momentum: bool = True,
    base_momentum: float | Sequence[float] = 0.85,
    max_momentum: float | Sequence[float] = 0.95,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
    three_phase: bool = False,
    last_epoch: int = -1,
) -> Policy:
    """torch's 1cycle: max_lr/div_factor → max_lr → max_lr/div_factor/final_div_factor.

    It turns at pct_start·total − 1, which may fall between updates, and ends at update total − 1;
    with `three_phase` it comes back to the start at 2·pct_start·total − 2 before the last fall.
    `gp.one_cycle` is the recipe of the paper (arXiv:1708.07120).
    """
    where = "OneCycleLR"
    begins(where, last_epoch)
    peak = checks.number(where, "max_lr", alone(where, "max_lr", max_lr))
    low, high = (alone(where, "momentum", value) for value in (base_momentum, max_momentum))
    total = _total(where, total_steps, epochs, steps_per_epoch)
    share = _share(where, "pct_start", pct_start)
    shape = {"cos": "cosine", "linear": "linear"}[
        checks.choice(where, "anneal_strategy", anneal_strategy, ("cos", "linear"))
    ]
    first = peak / div_factor
    last = first / final_div_factor
    ends = [share * total - 1.0, float(total - 1)]
    rates, momenta = [first, peak, last], [high, low, high]
    if three_phase:
        ends.insert(1, 2 * share * total - 2.0)
        rates.insert(2, first)
        momenta.append(high)
    rate = _phases(ends, rates, shape)
    return Policy(rate, _phases(ends, momenta, shape) if cycle_momentum else None)


def _phases(ends: list[float], values: list[float], shape: str) -> Schedule:
    """Phases that end at `ends`, the first from update 0; phases without length are skipped."""
    positions, heights = [0.0], [values[0]]
    for end, value in zip(ends, values[1:], strict=True):
        if end > positions[-1]:
            positions.append(end)
            heights.append(value)
        elif len(positions) == 1:  # the phase is over before the first update, or at it
            positions, heights = [end], [value]
    held = ends[-1]
    if len(positions) == 1:
        return constant(heights[0])
    schedule = interpolate(heights, positions, shape)
    return schedule if positions[-1] <= held or held < 1 else schedule.take(int(held))


def ReduceLROnPlateau(  # noqa: PLR0913, PLR0917 - torch's own signature, and what is monitored
    lr: float | Schedule | Policy,
    mode: str = "min",
    factor: float = 0.1,
    patience: int = 10,
    threshold: float = 1e-4,
    threshold_mode: str = "rel",
    cooldown: int = 0,
    min_lr: float | Sequence[float] = 0.0,
    eps: float = 1e-8,
    monitor: str = "val_loss",
) -> Policy:
    """`lr` (or any schedule) under `gp.reduce_on_plateau(counting="torch")`.

    Args:
        lr: the rate, or the schedule that the controller multiplies.
        mode: "min" or "max".
        factor: what the rate is multiplied by.
        patience: bad epochs that are let pass.
        threshold: how much counts as an improvement.
        threshold_mode: "rel", a share of the best (of its size, so negative metrics are right), or
            "abs".
        cooldown: epochs after a reduction in which nothing is counted.
        min_lr: the controller does not take the rate below this.
        eps: reductions of the rate by this or less are left out.
        monitor: the metric that `scheduler.step(metric)` was given.
    """
    where = "ReduceLROnPlateau"
    kind = checks.choice(where, "threshold_mode", threshold_mode, ("rel", "abs"))
    controller = reduce_on_plateau(
        monitor,
        factor,
        whole(where, "patience", patience),
        checks.choice(where, "mode", mode, ("min", "max")),
        threshold,
        whole(where, "cooldown", cooldown),
        alone(where, "min_lr", min_lr),
        relative=kind == "rel",
        counting="torch",
        eps=eps,
    )
    return controlled(where, lr, controller, "torch")


def _share(where: str, name: str, value: object) -> float:
    share = checks.number(where, name, value)
    if share > 1:
        raise ArgumentError(f"{where}: {name} must be between 0 and 1, got {value!r}")
    return share


def _total(
    where: str, total_steps: int | None, epochs: int | None, steps_per_epoch: int | None
) -> int:
    if total_steps is not None:
        return checks.count(where, "total_steps", total_steps)
    if epochs is None or steps_per_epoch is None:
        raise ArgumentError(f"{where}: needs total_steps, or epochs and steps_per_epoch; give them")
    return checks.count(where, "epochs", epochs) * checks.count(
        where, "steps_per_epoch", steps_per_epoch
    )
