"""Which values of native arguments are taken; docs/divergences.md lists those that are not."""

from __future__ import annotations

import ast

import numpy as np
import pytest
from test_divergences import VALUES, stepped, transformer_rates

import glidepath as gp

torch = gp.compat.torch
hugging = gp.compat.transformers.get_scheduler


@pytest.mark.parametrize(
    ("library", "cell"), [row[:2] for row in VALUES], ids=[row[1].strip("`") for row in VALUES]
)
def test_a_listed_value_is_refused_by_its_native_name(library, cell):
    code = cell.strip("`")
    call = ast.parse(code, mode="eval").body
    with pytest.raises(gp.ArgumentError) as refused:
        eval(code, dict(vars(getattr(gp.compat, library))))  # noqa: S307 - the page's own call
    assert f": {call.keywords[-1].arg} must " in str(refused.value)


@pytest.mark.parametrize(
    ("function", "arguments", "name"),
    [
        ("StepLR", (7,), "step_size"),
        ("PolynomialLR", (7,), "total_iters"),
        ("CosineAnnealingLR", (7,), "T_max"),
        ("LinearLR", (0.5, 1.0, 7), "total_iters"),
    ],
)
def test_a_whole_float_is_the_whole_number(function, arguments, name):
    make, others = getattr(torch, function), arguments[:-1]
    assert make(0.1, *others, 7.0) == make(0.1, *others, np.float64(7)) == make(0.1, *others, 7)
    for wrong in (-7, True, "7", None, float("nan")):
        with pytest.raises(gp.ArgumentError, match=f"{function}: {name} must be"):
            make(0.1, *others, wrong)


def test_epochs_of_a_controller_may_be_whole_floats_too():
    for make in (torch.ReduceLROnPlateau, gp.compat.keras.ReduceLROnPlateau):
        assert make(0.1, patience=4.0, cooldown=2.0) == make(0.1, patience=4, cooldown=2)
    greedy = gp.compat.transformers.get_greedy_schedule
    floats = greedy(0.1, patience=4.0, cooldown=2.0, warmup=3.0)
    assert floats == greedy(0.1, patience=4, cooldown=2, warmup=3)
    with pytest.raises(gp.ArgumentError, match="get_greedy_schedule: warmup must be"):
        greedy(0.1, warmup=2.5)


def test_a_fractional_cosine_is_the_native_one():
    native = stepped(lambda s, o: s.CosineAnnealingLR(o, 12.5, 0.01), 0.1, 13)
    ours = torch.CosineAnnealingLR(0.1, 12.5, 0.01).plan(20).table()
    np.testing.assert_allclose(ours[:13], native, atol=1e-12)
    assert ours[13:] == pytest.approx([0.01] * 7)


@pytest.mark.parametrize(
    ("name", "up", "total", "special", "compared"),
    [
        ("linear", 10, 10, {}, 14),
        ("linear", 10, 5, {}, 14),
        ("linear", 0, 0, {}, 4),
        ("linear", 5.5, 25, {}, 30),
        ("linear", 5, 24.5, {}, 30),
        ("linear", 0.5, 9.5, {}, 14),
        ("linear", 5.5, 5.8, {}, 9),
        ("cosine", 10, 10, {}, 12),
        ("cosine", 10, 5, {}, 12),
        ("cosine_with_restarts", 10, 10, {}, 14),
        ("cosine_with_restarts", 10, 5, {"num_cycles": 2}, 14),
        ("cosine_with_restarts", 5, 25, {"num_cycles": 0}, 30),
        ("cosine_with_min_lr", 10, 10, {"min_lr": 0.01}, 12),
        ("cosine_warmup_with_min_lr", 10, 10, {"min_lr": 0.01}, 11),
    ],
)
def test_no_decay_after_the_warm_up_and_fractions_are_as_natively(
    name, up, total, special, compared
):
    native = transformer_rates(name, up, total, compared, **special)
    ours = hugging(name, 1.0, up, total, special).plan(compared).table()
    np.testing.assert_allclose(ours, native, atol=1e-12)


def test_a_constant_after_a_fractional_warm_up():
    ours = hugging("constant_with_warmup", 1.0, 2.5).plan(5).table()
    assert ours == pytest.approx([0.0, 0.4, 0.8, 1.0, 1.0])
