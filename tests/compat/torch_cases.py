"""Drawn schedulers of torch, stepped by a real optimizer."""

from __future__ import annotations

import math
import warnings

import numpy as np
import torch
from hypothesis import strategies as st
from parity import COUNTS, RATES, SHARES, STEPS, Pair, case
from torch.optim import lr_scheduler as native

import glidepath as gp

ours = gp.compat.torch
GAMMAS = st.just(0.0) | st.floats(0.05, 1.5)


def optimizer(lr: float = 0.1) -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr, momentum=0.5)


def tables(opt, scheduler, steps=STEPS):
    """The rate and momentum that the optimizer has at each update."""
    rates, momenta = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for k in range(steps):
            rates.append(float(opt.param_groups[0]["lr"]))
            momenta.append(float(opt.param_groups[0]["momentum"]))
            opt.step()
            if k + 1 < steps:
                scheduler.step()
    return np.array(rates), np.array(momenta)


def pair(name, lr, steps=STEPS, **arguments):
    opt = optimizer(lr)
    made = getattr(native, name)(opt, **arguments)
    return Pair(getattr(ours, name)(lr, **arguments), tables(opt, made, steps)[0])


@case("torch", "LambdaLR")
def lambda_lr(draw):
    power = draw(st.floats(0.1, 2.0))
    return pair("LambdaLR", draw(RATES), lr_lambda=lambda k: (1 + k) ** -power)


@case("torch", "MultiplicativeLR")
def multiplicative_lr(draw):
    factors = draw(st.lists(st.floats(0.5, 1.2), min_size=1, max_size=9))
    return pair("MultiplicativeLR", draw(RATES), lr_lambda=lambda k: factors[k % len(factors)])


@case("torch", "StepLR")
def step_lr(draw):
    return pair("StepLR", draw(RATES), step_size=draw(COUNTS), gamma=draw(GAMMAS))


@case("torch", "MultiStepLR")
def multi_step_lr(draw):
    milestones = draw(st.lists(st.integers(0, 100), max_size=6))
    return pair("MultiStepLR", draw(RATES), milestones=milestones, gamma=draw(GAMMAS))


@case("torch", "ConstantLR")
def constant_lr(draw):
    factor = draw(st.floats(0.01, 1.0))
    return pair("ConstantLR", draw(RATES), factor=factor, total_iters=draw(COUNTS))


@case("torch", "LinearLR")
def linear_lr(draw):
    return pair(
        "LinearLR",
        draw(RATES),
        start_factor=draw(st.floats(0.01, 1.0)),
        end_factor=draw(SHARES),
        total_iters=draw(COUNTS),
    )


@case("torch", "ExponentialLR")
def exponential_lr(draw):
    return pair("ExponentialLR", draw(RATES), gamma=draw(st.just(0.0) | st.floats(0.8, 1.05)))


@case("torch", "PolynomialLR")
def polynomial_lr(draw):
    power = draw(st.just(0.0) | st.floats(0.3, 4.0))
    return pair("PolynomialLR", draw(RATES), total_iters=draw(st.integers(0, 90)), power=power)


@case("torch", "CosineAnnealingLR")
def cosine_annealing_lr(draw):
    over, lr = draw(COUNTS), draw(RATES)
    return pair("CosineAnnealingLR", lr, over + 1, T_max=over, eta_min=draw(SHARES) * lr)


@case("torch", "CosineAnnealingWarmRestarts")
def cosine_annealing_warm_restarts(draw):
    lr = draw(RATES)
    return pair(
        "CosineAnnealingWarmRestarts",
        lr,
        T_0=draw(st.integers(1, 30)),
        T_mult=draw(st.integers(1, 4)),
        eta_min=draw(SHARES) * lr,
    )


MULTIPLYING = {
    "StepLR": {"step_size": COUNTS, "gamma": st.floats(0.1, 1.0)},
    "ConstantLR": {"factor": st.floats(0.1, 1.0), "total_iters": COUNTS},
    "LinearLR": {"start_factor": st.floats(0.1, 1.0), "total_iters": COUNTS},
    "ExponentialLR": {"gamma": st.floats(0.9, 1.0)},
    "PolynomialLR": {"total_iters": COUNTS, "power": st.floats(0.5, 2.0)},
    "MultiStepLR": {"milestones": st.lists(st.integers(1, 90), min_size=1, max_size=4)},
}
SETTING = {
    "CosineAnnealingLR": {"T_max": st.integers(60, 120), "eta_min": st.floats(0.0, 0.01)},
    "CosineAnnealingWarmRestarts": {"T_0": st.integers(1, 30), "T_mult": st.integers(1, 3)},
}


def drawn(draw, opt, lr, kinds):
    name = draw(st.sampled_from(sorted(kinds)))
    arguments = {key: draw(value) for key, value in kinds[name].items()}
    return getattr(native, name)(opt, **arguments), getattr(ours, name)(lr, **arguments)


@case("torch", "ChainedScheduler")
def chained_scheduler(draw):
    lr = draw(RATES)
    opt = optimizer(lr)
    both = [drawn(draw, opt, lr, MULTIPLYING) for _ in range(draw(st.integers(1, 3)))]
    made = native.ChainedScheduler([theirs for theirs, _ in both])
    return Pair(ours.ChainedScheduler(lr, [mine for _, mine in both]), tables(opt, made)[0])


@case("torch", "SequentialLR")
def sequential_lr(draw):
    lr = draw(RATES)
    opt = optimizer(lr)
    edges = sorted(draw(st.sets(st.integers(1, 59), min_size=1, max_size=2)))
    both = [drawn(draw, opt, lr, {**MULTIPLYING, **SETTING}) for _ in range(len(edges) + 1)]
    made = native.SequentialLR(opt, [theirs for theirs, _ in both], edges)
    return Pair(ours.SequentialLR([mine for _, mine in both], edges), tables(opt, made, 60)[0])


@case("torch", "CyclicLR")
def cyclic_lr(draw):
    base, mode = draw(RATES), draw(st.sampled_from(["triangular", "triangular2", "exp_range", "f"]))
    arguments = {
        "base_lr": base,
        "max_lr": base * draw(st.floats(1.0, 10.0)),
        "step_size_up": draw(st.integers(1, 40)),
        "step_size_down": draw(st.none() | st.integers(1, 40)),
        "base_momentum": 0.8,
        "max_momentum": 0.95,
        "gamma": draw(st.floats(0.9, 1.0)),
    }
    if mode == "f":
        arguments["scale_fn"] = lambda x: 1 / (1 + x)
        arguments["scale_mode"] = draw(st.sampled_from(["cycle", "iterations"]))
    else:
        arguments["mode"] = mode
    opt = optimizer()
    made = native.CyclicLR(opt, **arguments)
    return Pair(ours.CyclicLR(**arguments), *tables(opt, made))


@case("torch", "OneCycleLR")
def one_cycle_lr(draw):
    total, share = draw(st.integers(2, STEPS)), draw(SHARES)
    if math.isclose(share * total, 1.0):
        share = 0.0  # torch divides by zero there
    arguments = {
        "max_lr": draw(RATES),
        "total_steps": total,
        "pct_start": share,
        "anneal_strategy": draw(st.sampled_from(["cos", "linear"])),
        "div_factor": draw(st.floats(1.5, 50.0)),
        "final_div_factor": draw(st.floats(0.5, 1e4)),
        "three_phase": draw(st.booleans()),
    }
    opt = optimizer()
    made = native.OneCycleLR(opt, **arguments)
    return Pair(ours.OneCycleLR(**arguments), *tables(opt, made, total))


@case("torch", "ReduceLROnPlateau")
def reduce_lr_on_plateau(draw):
    lr, mode = draw(RATES), draw(st.sampled_from(["min", "max"]))
    metrics = draw(st.lists(st.floats(0.1, 3.0), min_size=20, max_size=60))
    arguments = {
        "mode": mode,
        "factor": draw(st.floats(0.1, 0.9)),
        "patience": draw(st.integers(0, 5)),
        "threshold": draw(st.floats(0.0, 0.2)),
        "threshold_mode": draw(st.sampled_from(["rel", "abs"])),
        "cooldown": draw(st.integers(0, 4)),
        "min_lr": draw(st.floats(0.0, 0.1)) * lr,
        "eps": draw(st.just(1e-8) | st.floats(0.0, 0.3)) * lr,
    }
    opt = optimizer(lr)
    made = native.ReduceLROnPlateau(opt, **arguments)
    policy = ours.ReduceLROnPlateau(lr, **arguments)
    controller = policy.controllers[0]
    state, mine, theirs = controller.init(), [], []
    for metric in metrics:
        made.step(metric)
        state = controller.update(state, metric, controller.apply(state, lr))
        theirs.append(float(opt.param_groups[0]["lr"]))
        mine.append(controller.apply(state, lr))
    # The controller's rates are data by now: fly them as a schedule of the epochs.
    return Pair(gp.from_function(mine.__getitem__).take(len(mine) - 1), np.array(theirs))
