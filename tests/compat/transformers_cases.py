"""Drawn schedules of transformers.get_scheduler, stepped by a real optimizer."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from parity import RATES, SHARES, Pair, case
from torch_cases import optimizer, tables
from transformers import get_scheduler

import glidepath as gp

ours = gp.compat.transformers


def pair(name, lr, warmup, training, steps, **special):
    opt = optimizer(lr)
    made = get_scheduler(name, opt, warmup, training, special)
    mine = ours.get_scheduler(name, lr, warmup, training, special)
    return Pair(mine, tables(opt, made, steps)[0])


def lengths(draw):
    up = draw(st.integers(0, 40))
    return up, up + draw(st.integers(1, 80))


@case("transformers", "constant")
def constant(draw):
    return pair("constant", draw(RATES), None, None, 50)


@case("transformers", "constant_with_warmup")
def constant_with_warmup(draw):
    up, total = lengths(draw)
    return pair("constant_with_warmup", draw(RATES), up, None, total + 10)


@case("transformers", "linear")
def linear(draw):
    up, total = lengths(draw)
    return pair("linear", draw(RATES), up, total, total + 10)


@case("transformers", "cosine")
def cosine(draw):
    up, total = lengths(draw)
    cycles = draw(st.sampled_from([0.5, 1.0, 1.5]) | st.floats(0.1, 3.0))
    return pair("cosine", draw(RATES), up, total, total + 1, num_cycles=cycles)


@case("transformers", "cosine_with_restarts")
def cosine_with_restarts(draw):
    up, total = lengths(draw)
    cycles = draw(st.integers(1, 6))
    found = pair("cosine_with_restarts", draw(RATES), up, total, total + 10, num_cycles=cycles)
    after, down = np.arange(total + 10) - up, total - up
    # The native modulo misses restarts in float; see docs/divergences.md.
    found.compared = ~((after > 0) & (after < down) & (after * cycles % down == 0))
    return found


@case("transformers", "polynomial")
def polynomial(draw):
    up, total = lengths(draw)
    lr = draw(RATES)
    end, power = lr * draw(st.floats(0.0, 0.9)), draw(st.just(0.0) | st.floats(0.3, 3.0))
    return pair("polynomial", lr, up, total, total + 10, lr_end=end, power=power)


@case("transformers", "inverse_sqrt")
def inverse_sqrt(draw):
    up, total = lengths(draw)
    scale = draw(st.none() | st.integers(1, 200))
    return pair("inverse_sqrt", draw(RATES), up, None, total + 50, timescale=scale)


@case("transformers", "cosine_with_min_lr")
def cosine_with_min_lr(draw):
    up, total = lengths(draw)
    lr, cycles = draw(RATES), draw(st.sampled_from([0.5]) | st.floats(0.1, 3.0))
    lowest = {"min_lr": lr / 7} if draw(st.booleans()) else {"min_lr_rate": draw(SHARES)}
    return pair("cosine_with_min_lr", lr, up, total, total + 1, num_cycles=cycles, **lowest)


@case("transformers", "cosine_warmup_with_min_lr")
def cosine_warmup_with_min_lr(draw):
    up, total = lengths(draw)
    lr, cycles = draw(RATES), draw(st.sampled_from([0.5]) | st.floats(0.1, 3.0))
    special = {"min_lr_rate": draw(SHARES), "num_cycles": cycles}
    if draw(st.booleans()):
        special["warmup_lr_rate"] = draw(SHARES)
    return pair("cosine_warmup_with_min_lr", lr, up, total, total, **special)


@case("transformers", "warmup_stable_decay")
def warmup_stable_decay(draw):
    up, stable, down = (draw(st.integers(0, 30)) for _ in range(3))
    kinds = st.sampled_from(["linear", "cosine", "1-sqrt"])
    special = {
        "num_decay_steps": down,
        "warmup_type": draw(kinds),
        "decay_type": draw(kinds),
        "min_lr_ratio": draw(SHARES),
        "num_cycles": draw(st.sampled_from([0.5, 1.5])),
    }
    training = up + stable + down
    if draw(st.booleans()):
        training, special["num_stable_steps"] = None, stable
    return pair(
        "warmup_stable_decay", draw(RATES), up, training, up + stable + down + 10, **special
    )


def told(draw, name, lr, special):
    """A scheduler that is told metrics, and the rates after each of them."""
    opt = optimizer(lr)
    made = get_scheduler(name, opt, None, None, special)
    policy = ours.get_scheduler(name, lr, None, None, special)
    controller, metrics = policy.controllers[0], draw(st.lists(st.floats(0.1, 3.0), min_size=9))
    state, mine, theirs = controller.init(), [], []
    for metric in metrics:
        made.step(metric)
        state = controller.update(state, metric, controller.apply(state, lr))
        theirs.append(float(opt.param_groups[0]["lr"]))
        mine.append(controller.apply(state, lr))
    return Pair(gp.from_function(mine.__getitem__).take(len(mine) - 1), np.array(theirs))


@case("transformers", "reduce_lr_on_plateau")
def reduce_lr_on_plateau(draw):
    return told(draw, "reduce_lr_on_plateau", draw(RATES), {"patience": draw(st.integers(0, 4))})


@case("transformers", "greedy")
def greedy(draw):
    lr = draw(RATES)
    special = {
        "mode": draw(st.sampled_from(["min", "max"])),
        "factor": draw(st.floats(0.5, 0.99)),
        "patience": draw(st.integers(0, 2)),
        "threshold": draw(st.floats(0.0, 0.3)),
        "cooldown": draw(st.integers(0, 3)),
        "warmup": draw(st.integers(0, 3)),
        "min_lr": lr * draw(st.floats(0.3, 1.0)),
        "max_lr": lr * draw(st.floats(1.0, 3.0)),
    }
    return told(draw, "greedy", lr, special)
