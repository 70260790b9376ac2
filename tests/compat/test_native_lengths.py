"""Every ported policy plans and flies at its native length, as the native scheduler's users do."""

from __future__ import annotations

import json

import numpy as np
import pytest

import glidepath as gp
from glidepath.schedules.origin import origins
from glidepath.schedules.review import review
from glidepath.testing import ToyTrainer

torch, keras, optax = gp.compat.torch, gp.compat.keras, gp.compat.optax
hugging = gp.compat.transformers.get_scheduler
L = 12
"""What the native schedulers below are made for."""
NATIVE = {
    ("torch", "LambdaLR"): torch.LambdaLR(0.1, lambda k: 1 / (1 + k)),
    ("torch", "MultiplicativeLR"): torch.MultiplicativeLR(0.1, lambda k: 0.9),
    ("torch", "StepLR"): torch.StepLR(0.1, 4),
    ("torch", "MultiStepLR"): torch.MultiStepLR(0.1, [4, L]),
    ("torch", "ConstantLR"): torch.ConstantLR(0.1, 0.5, L),
    ("torch", "LinearLR"): torch.LinearLR(0.1, 0.5, total_iters=L),
    ("torch", "ExponentialLR"): torch.ExponentialLR(0.1, 0.9),
    ("torch", "PolynomialLR"): torch.PolynomialLR(0.1, L),
    ("torch", "CosineAnnealingLR"): torch.CosineAnnealingLR(0.1, L),
    ("torch", "CosineAnnealingWarmRestarts"): torch.CosineAnnealingWarmRestarts(0.1, 4, 2),
    ("torch", "ChainedScheduler"): torch.ChainedScheduler(
        0.1, [torch.ConstantLR(0.1, 0.5, 4), torch.LinearLR(0.1, total_iters=L)]
    ),
    ("torch", "SequentialLR"): torch.SequentialLR(
        [torch.ConstantLR(0.1, 0.1, 4), torch.ConstantLR(0.1, 0.2, L - 4)], [4]
    ),
    ("torch", "CyclicLR"): torch.CyclicLR(0.01, 0.1, 4),
    ("torch", "OneCycleLR"): torch.OneCycleLR(0.1, L),
    ("torch", "ReduceLROnPlateau"): torch.ReduceLROnPlateau(0.1),
    ("keras", "ExponentialDecay"): keras.ExponentialDecay(0.1, L, 0.5),
    ("keras", "PiecewiseConstantDecay"): keras.PiecewiseConstantDecay([4, L], [0.1, 0.05, 0.01]),
    ("keras", "PolynomialDecay"): keras.PolynomialDecay(0.1, L),
    ("keras", "InverseTimeDecay"): keras.InverseTimeDecay(0.1, L, 0.5),
    ("keras", "CosineDecay"): keras.CosineDecay(0.01, L - 4, warmup_target=0.1, warmup_steps=4),
    ("keras", "CosineDecayRestarts"): keras.CosineDecayRestarts(0.1, 4),
    ("keras", "ReduceLROnPlateau"): keras.ReduceLROnPlateau(0.1),
    ("optax", "constant_schedule"): optax.constant_schedule(0.1),
    ("optax", "polynomial_schedule"): optax.polynomial_schedule(0.1, 0.01, 2.0, L - 4, 4),
    ("optax", "linear_schedule"): optax.linear_schedule(0.1, 0.01, L),
    ("optax", "piecewise_constant_schedule"): optax.piecewise_constant_schedule(0.1, {L: 0.5}),
    ("optax", "exponential_decay"): optax.exponential_decay(0.1, L, 0.5, 4, end_value=0.07),
    ("optax", "cosine_decay_schedule"): optax.cosine_decay_schedule(0.1, L, 0.1, 2.0),
    ("optax", "piecewise_interpolate_schedule"): optax.piecewise_interpolate_schedule(
        "cosine", 0.1, {4: 2.0, L: 0.1}
    ),
    ("optax", "linear_onecycle_schedule"): optax.linear_onecycle_schedule(L, 0.1),
    ("optax", "cosine_onecycle_schedule"): optax.cosine_onecycle_schedule(L, 0.1),
    ("optax", "warmup_constant_schedule"): optax.warmup_constant_schedule(0.0, 0.1, L),
    ("optax", "warmup_cosine_decay_schedule"): optax.warmup_cosine_decay_schedule(0.0, 0.1, 4, L),
    ("optax", "warmup_exponential_decay_schedule"): optax.warmup_exponential_decay_schedule(
        0.0, 0.1, 4, L - 4, 0.5
    ),
    ("optax", "sgdr_schedule"): optax.sgdr_schedule(
        [{"init_value": 0.0, "peak_value": 0.1, "warmup_steps": 2, "decay_steps": 6}] * 2
    ),
    ("optax", "join_schedules"): optax.join_schedules(
        [optax.linear_schedule(0.0, 0.1, 4), optax.warmup_constant_schedule(0.1, 0.2, L - 4)], [4]
    ),
    ("transformers", "linear"): hugging("linear", 0.1, 4, L),
    ("transformers", "cosine"): hugging("cosine", 0.1, 4, L),
    ("transformers", "cosine_with_restarts"): hugging("cosine_with_restarts", 0.1, 4, L),
    ("transformers", "polynomial"): hugging("polynomial", 0.1, 4, L),
    ("transformers", "constant"): hugging("constant", 0.1),
    ("transformers", "constant_with_warmup"): hugging("constant_with_warmup", 0.1, L),
    ("transformers", "inverse_sqrt"): hugging("inverse_sqrt", 0.1, 4),
    ("transformers", "reduce_lr_on_plateau"): hugging("reduce_lr_on_plateau", 0.1),
    ("transformers", "greedy"): hugging("greedy", 0.1),
    ("transformers", "cosine_with_min_lr"): hugging(
        "cosine_with_min_lr", 0.1, 4, L, {"min_lr": 0.01}
    ),
    ("transformers", "cosine_warmup_with_min_lr"): hugging(
        "cosine_warmup_with_min_lr", 0.1, 4, L, {"min_lr": 0.01}
    ),
    ("transformers", "warmup_stable_decay"): hugging(
        "warmup_stable_decay", 0.1, 4, L, {"num_decay_steps": 4}
    ),
}
CODE = ("LambdaLR", "MultiplicativeLR")
"""What has no spec, because a function is code."""


def test_no_ported_policy_is_missing():
    names = [(room, name) for room in ("torch", "keras", "optax") for name in _named(room)]
    names += [("transformers", name) for name in gp.compat.transformers._FUNCTIONS]
    assert set(names) == set(NATIVE)


def _named(room):
    return getattr(gp.compat, room).__all__


@pytest.mark.parametrize("case", NATIVE, ids="-".join)
def test_it_flies_at_its_native_length(case):
    policy = gp.as_policy(NATIVE[case])
    record = gp.drive(ToyTrainer(), policy, L)  # shorter than an epoch: controllers stay silent
    assert (record.outcome, record.steps) == ("finished", L)
    for name, track in policy.plan(L).tracks.items():
        assert np.array_equal(record.series[name], track.table().astype(np.float32)), name


@pytest.mark.parametrize("case", NATIVE, ids="-".join)
def test_the_run_may_end_at_any_update(case):
    policy = gp.as_policy(NATIVE[case])
    whole = policy.plan(L + 9)
    for total in range(1, L + 9):
        plan = policy.plan(total)
        for name, track in plan.tracks.items():
            assert np.array_equal(track.table(), whole.table(name)[:total]), (name, total)
        assert plan(total) == pytest.approx(whole(total)), total  # what holds is the formula's


@pytest.mark.parametrize("case", [c for c in NATIVE if c[1] not in CODE], ids="-".join)
def test_the_mark_is_in_the_spec_and_comes_back(case):
    policy = gp.as_policy(NATIVE[case])
    again = gp.as_policy(gp.from_spec(json.loads(json.dumps(policy.to_spec()))))
    assert again == policy and again.fingerprint == policy.fingerprint
    plan = gp.plan_from_spec(json.loads(json.dumps(policy.plan(L).to_spec())))
    assert plan.fingerprint == policy.plan(L).fingerprint
    library = "torch" if case == ("transformers", "reduce_lr_on_plateau") else case[0]
    assert origins(policy) == origins(0.5 * policy.take(L - 1)) == {library}
    assert np.array_equal(again.plan(5).table(), policy.plan(5).table())
    assert f"of {library})" in repr(policy)


def test_one_part_of_a_ported_schedule_is_no_library_s_twice():
    inner = torch.ConstantLR(0.1, 0.5, 4)
    joined = torch.SequentialLR([inner, keras.PolynomialDecay(0.1, 8)], [4])
    assert str(joined.to_spec()).count("ported") == 1
    assert origins(gp.Policy(joined)) == {"torch"}
    assert origins(gp.Policy(gp.linear(0, 0.1, 5) >> inner, momentum=0.9)) == {"torch"}
    assert origins(gp.Policy(0.1)) == set()


def test_glidepaths_own_phases_are_refused_as_before_also_beside_a_ported_one():
    with pytest.raises(gp.PlanError, match="longer than the run"):
        gp.linear(0, 0.1, L).plan(L - 1)
    with pytest.raises(gp.PlanError, match="would begin at update 12"):
        (gp.linear(0, 0.1, L) >> torch.CosineAnnealingLR(0.1, L)).plan(L)


@pytest.mark.parametrize(
    ("policy", "total", "warning"),
    [
        (hugging("cosine", 0.1, 4, L), L - 1, "the decay never reaches its end"),
        (hugging("cosine", 0.1, 4, L), 3, "the warm-up is longer than the run"),
        (torch.ConstantLR(0.1, 0.5, L), L, "a phase is left without an update"),
    ],
)
def test_show_still_says_what_the_end_of_the_run_cuts(policy, total, warning):
    assert any(warning in line for line in review(policy, total)[1])


@pytest.mark.parametrize("name", ["warmup_stable_decay", "cosine_with_restarts", "linear"])
def test_show_is_content_with_the_native_length(name):
    assert review(NATIVE["transformers", name], L)[1] == ()


@pytest.mark.parametrize("spec", [{"library": "jax"}, {}, {"library": "torch", "more": 1}])
def test_a_bad_mark_is_refused(spec):
    inner = {"recipe": "constant", "rate": 0.1}
    with pytest.raises((gp.SpecError, gp.ArgumentError), match=r"library|more"):
        gp.from_spec({"version": 1, "ported": inner, **spec})


@pytest.mark.parametrize(
    ("name", "special", "message"),
    [
        ("warmup_stable_decay", {}, "missing a required argument: 'num_decay_steps'"),
        ("cosine", {"cycles": 3}, "unexpected keyword argument 'cycles'"),
        ("cosine", {"num_warmup_steps": 3}, "multiple values .*'num_warmup_steps'"),
    ],
)
def test_special_arguments_that_do_not_fit_are_named(name, special, message):
    with pytest.raises(gp.ArgumentError, match=f"{name!r}.*{message}.*scheduler_specific_kwargs"):
        hugging(name, 1.0, 5, 25, special)
