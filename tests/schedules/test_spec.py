"""Specs and plans: what is read, what is refused, and what a fingerprint is of."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

import glidepath as gp

WARM = gp.linear(0, 0.1, "5%") >> gp.cosine_decay(0.1, "95%")


def test_a_spec_is_readable() -> None:
    """It says what the code says."""
    assert gp.step_decay(0.1, 0.5, "10ep").to_spec() == {
        "version": 1,
        "recipe": "step_decay",
        "rate": 0.1,
        "factor": 0.5,
        "every": "10ep",
    }


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "not JSON"),
        ('{"version": 1, "recipe"', "not JSON"),
        ("[1, 2]", "JSON object"),
        ("null", "JSON object"),
        ({}, "no version"),
        ({"recipe": "constant", "rate": 1}, "no version"),
        ({"version": 2, "recipe": "constant", "rate": 1}, "version 2"),
        ({"version": "1", "recipe": "constant", "rate": 1}, "version '1'"),
        ({"version": True, "recipe": "constant", "rate": 1}, "version True"),
        ({"version": 1}, "needs one of"),
        ({"version": 1, "recipe": "cosign", "rate": 1}, "no recipe 'cosign'"),
        ({"version": 1, "recipe": ["constant"], "rate": 1}, "no recipe"),
        ({"version": 1, "recipe": "constant"}, "needs 'rate'"),
        ({"version": 1, "recipe": "constant", "rate": 1, "x": 2}, "no argument 'x'"),
        ({"version": 1, "recipe": "constant", "rate": "1"}, "rate must be"),
        ({"version": 1, "recipe": "constant", "rate": float("nan")}, "rate must be"),
        ({"version": 1, "then": [{"recipe": "constant", "rate": 1}]}, "two schedules"),
        ({"version": 1, "then": "x"}, "two schedules"),
        ({"version": 1, "take": {"recipe": "constant", "rate": 1}}, "needs the key 'over'"),
        ({"version": 1, "scale": {"recipe": "constant", "rate": 1}, "by": "2"}, "'by' must be"),
        ({"version": 1, "repeat": {"recipe": "constant", "rate": 1}, "times": 0}, "times must be"),
        ({"version": 1, "learning_rate": 0.1}, "JSON object"),
        ({"version": 1, "momentum": {"recipe": "constant", "rate": 1}}, "needs a learning_rate"),
        (
            {"version": 1, "learning_rate": {"recipe": "one_cycle", "peak": 0.1}},
            "a whole policy",
        ),
        (
            {"version": 1, "learning_rate": {"recipe": "constant", "rate": 1}, "controllers": [{}]},
            "no controller",
        ),
        (
            {"version": 1, "learning_rate": {"recipe": "constant", "rate": 1}, "extra": 1},
            "no key 'extra'",
        ),
    ],
)
def test_what_is_no_spec(spec: object, message: str) -> None:
    """Each fault has its message."""
    with pytest.raises(gp.GlidepathError, match=message):
        gp.from_spec(spec)  # type: ignore[arg-type]


def test_every_truncation_is_refused() -> None:
    """A spec that was cut off is never half read."""
    text = json.dumps(gp.one_cycle(0.1).to_spec())
    for end in range(len(text)):
        with pytest.raises(gp.SpecError):
            gp.from_spec(text[:end])


def test_every_missing_and_every_unknown_key_is_refused() -> None:
    """At every level of a nested spec."""
    spec = (0.5 * WARM.repeat(2)).clip(0.0, 1.0).take("50%").to_spec()

    def visit(node: object, path: tuple[object, ...]) -> None:
        if isinstance(node, dict):
            for key in node:
                if key not in ("staircase", "end", "power", "cycle") or path == ():
                    broken = copy.deepcopy(spec)
                    target: object = broken
                    for step in path:
                        target = target[step]  # type: ignore[index]
                    del target[key]  # type: ignore[attr-defined]
                    with pytest.raises(gp.GlidepathError):
                        gp.from_spec(broken)
                    target[key + "x"] = 1  # type: ignore[index]
                    with pytest.raises(gp.GlidepathError):
                        gp.from_spec(broken)
                visit(node[key], (*path, key))
        if isinstance(node, list):
            for index, child in enumerate(node):
                visit(child, (*path, index))

    visit(spec, ())


def test_deep_nesting_is_refused_without_recursion_errors() -> None:
    """A hostile file gets the same clear error."""
    node: dict[str, object] = {"recipe": "constant", "rate": 1}
    for _ in range(200):
        node = {"scale": node, "by": 1.0}
    with pytest.raises(gp.SpecError, match="deep"):
        gp.from_spec({"version": 1, **node})
    with pytest.raises(gp.SpecError):
        gp.from_spec('{"scale":' * 100_000)


def test_a_recipe_may_leave_defaults_out() -> None:
    """A hand-written spec is as short as the call."""
    assert gp.from_spec({"version": 1, "recipe": "one_cycle", "peak": 0.1}) == gp.one_cycle(0.1)


def test_one_cycle_round_trips() -> None:
    """A policy comes back as the policy."""
    policy = gp.one_cycle(0.1, momentum=(0.9, 0.8), anneal="cosine")
    assert gp.from_spec(json.dumps(policy.to_spec())) == policy


def test_plans_round_trip() -> None:
    """A plan's spec holds the run's length, and its fingerprint is of spec and length."""
    plan = WARM.plan("9ep", steps_per_epoch=37)
    again = gp.plan_from_spec(json.dumps(plan.to_spec()))
    assert again.table().tolist() == plan.table().tolist()
    assert again.fingerprint == plan.fingerprint
    assert WARM.plan("10ep", steps_per_epoch=37).fingerprint != plan.fingerprint
    assert WARM.fingerprint != (0.5 * WARM).fingerprint


def test_a_fingerprint_is_of_the_spec_and_not_of_the_values() -> None:
    """Two ways to write the same rates are two specs."""
    assert gp.constant(1).fingerprint == gp.constant(1.0).fingerprint
    assert gp.constant(1).fingerprint != (1.0 * gp.constant(1)).fingerprint


def test_a_function_has_no_spec() -> None:
    """Code is never written into a spec."""
    with pytest.raises(gp.SpecError, match="no spec"):
        gp.from_function(lambda k: 0.1).to_spec()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, "x", None])
def test_a_function_must_return_rates(value: object) -> None:
    """The first update at which it does not is named."""
    schedule = gp.from_function(lambda k: value if k == 7 else 0.1)  # type: ignore[arg-type,return-value]
    with pytest.raises(gp.ArgumentError, match="step 7"):
        schedule.plan(10).table()


def test_a_function_s_own_errors_are_its_own() -> None:
    """Nothing is swallowed."""

    def broken(k: int) -> float:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        gp.from_function(broken).plan(10).table()


@pytest.mark.parametrize("bad", [-1, 1.5, "3", [1.0], [-1], None])
def test_plan_of_what_is_no_update(bad: object) -> None:
    """Updates are integers from 0."""
    with pytest.raises(gp.ArgumentError, match=r"plan\(k\)"):
        gp.constant(0.1).plan(10)(bad)  # type: ignore[call-overload]


def test_a_plan_without_end() -> None:
    """It has values everywhere and no table."""
    plan = gp.power_decay(1.0, 10).plan()
    assert plan(10) == 0.5
    assert plan(10**9) == pytest.approx(1e-8, rel=1e-6)
    scattered = plan(np.array([[10**9, 10], [0, 5000]]))
    assert scattered.shape == (2, 2)
    assert scattered.tolist() == [[float(plan(10**9)), 0.5], [1.0, float(plan(5000))]]
    with pytest.raises(gp.PlanError, match="without an end"):
        plan.table()


def test_tables_cannot_be_changed_by_accident() -> None:
    """The cached table is read-only."""
    plan = gp.constant(0.1).plan(10)
    with pytest.raises(ValueError, match="read-only"):
        plan.table()[0] = 1.0


def test_an_overflow_is_an_error_and_not_an_infinity() -> None:
    """A rate that float64 cannot hold is refused when it is first needed."""
    with pytest.raises(gp.PlanError, match="too large"):
        gp.step_decay(1.0, 10.0, 1).plan(1000).table()
    with pytest.raises(gp.PlanError, match="too large"):
        (gp.constant(1e200) * gp.constant(1e200)).plan(10).table()


ARGUMENTS = [
    (gp.constant, "rate"),
    (lambda v: gp.linear(v, 1, 10), "start"),
    (lambda v: gp.linear(1, v, 10), "end"),
    (lambda v: gp.exponential_decay(v, 0.9, 10), "rate"),
    (lambda v: gp.exponential_decay(0.1, v, 10), "decay"),
    (lambda v: gp.step_decay(0.1, v, 10), "factor"),
    (lambda v: gp.inverse_time_decay(0.1, v, 10), "decay"),
    (lambda v: gp.power_decay(0.1, 10, v), "exponent"),
    (lambda v: gp.polynomial_decay(0.1, v, 10), "end"),
    (lambda v: gp.polynomial_decay(0.1, 0, 10, v), "power"),
    (lambda v: gp.cosine_decay(v, 10), "rate"),
    (lambda v: gp.cosine_restarts(0.1, 10, v), "stretch"),
    (lambda v: gp.cosine_restarts(0.1, 10, 2.0, v), "decay"),
    (lambda v: gp.piecewise_constant([0.1, v], [10]), r"rates\[1\]"),
    (lambda v: gp.triangular(v, 1, 10), "low"),
    (lambda v: gp.triangular(0.1, v, 10), "high"),
    (lambda v: gp.triangular(0.1, 1, 10, "exp_range", v), "gamma"),
    (gp.one_cycle, "peak"),
    (lambda v: gp.one_cycle(1, momentum=(0.9, v)), "momentum"),
    (lambda v: gp.wsd(v, 10, 10), "peak"),
    (lambda v: gp.inverse_sqrt(v, 10), "peak"),
    (lambda v: gp.exponential_ramp(v, 1, 10), "start"),
    (lambda v: gp.constant(1).clip(v, 2), "low"),
    (lambda v: v * gp.constant(1), "factor"),
    (gp.Policy, "learning_rate"),
    (lambda v: gp.Policy(0.1, momentum=v), "momentum"),
]


@pytest.mark.parametrize(("build", "name"), ARGUMENTS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), -1, 10**400])
def test_no_rate(build: object, name: str, value: float) -> None:
    """NaN, infinite and negative numbers are refused at construction, and named."""
    with pytest.raises(gp.ArgumentError, match=name):
        build(value)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: gp.piecewise_constant([1, 2], [10, 20]), "3 rates"),
        (lambda: gp.piecewise_constant([1, 2, 3], [20, 10]), "must rise"),
        (lambda: gp.piecewise_constant([1, 2, 3], ["9ep", "9ep"]), "must rise"),
        (lambda: gp.piecewise_constant([1], []), "boundaries"),
        (lambda: gp.piecewise_constant("12", [10]), "rates"),
        (lambda: gp.triangular(1, 0.1, 10), "swap"),
        (lambda: gp.triangular(0.1, 1, 10, "square"), "mode"),
        (lambda: gp.triangular(0.1, 1, 10, gamma=0.9), "gamma"),
        (lambda: gp.one_cycle(1, anneal="exp"), "anneal"),
        (lambda: gp.one_cycle(1, momentum=(0.9,)), "pair"),
        (lambda: gp.one_cycle(1, momentum=(1.0, 0.9)), "below 1"),
        (lambda: gp.wsd(1, 10, 10, shape="exponential"), "above 0"),
        (lambda: gp.wsd(1, 10, 10, shape="x"), "shape"),
        (lambda: gp.exponential_ramp(0, 1, 10), "above 0"),
        (lambda: gp.exponential_ramp(1e-300, 1e300, 10), "float64"),
        (lambda: gp.cosine_restarts(1, 10, 0.5), "at least 1"),
        (lambda: gp.exponential_decay(1, 0.9, 10, staircase=1), "True or False"),
        (lambda: gp.from_function(3), "function"),
        (lambda: gp.from_function(abs, by="batch"), "by"),
        (lambda: gp.constant(1).then(0.1), "needs a schedule"),
        (lambda: gp.constant(1).repeat(0), "times"),
        (lambda: gp.constant(1).clip(2, 1), "swap"),
        (lambda: gp.Policy(0.1, controllers=[3]), "controllers"),
        (lambda: gp.Policy(gp.one_cycle(0.1)), "its .learning_rate"),
        (lambda: gp.reduce_on_plateau(factor=1.0), "factor"),
        (lambda: gp.reduce_on_plateau(patience=0), "patience"),
        (lambda: gp.reduce_on_plateau(mode="up"), "mode"),
        (lambda: gp.reduce_on_plateau(monitor=""), "monitor"),
    ],
)
def test_what_construction_refuses(build: object, message: str) -> None:
    """A clear error at once, naming the argument."""
    with pytest.raises(gp.ArgumentError, match=message):
        build()  # type: ignore[operator]


def test_momentum_must_stay_below_one() -> None:
    """A plan whose momentum reaches 1 would never train."""
    with pytest.raises(gp.PlanError, match="momentum must stay below 1"):
        gp.Policy(0.1, momentum=gp.linear(0.9, 1.0, 50)).plan(100)


def test_numbers_cannot_be_joined_or_multiplied_by_strings() -> None:
    """Python's own TypeError, as for numbers."""
    with pytest.raises(TypeError):
        gp.constant(1) >> 3  # type: ignore[operator]
    with pytest.raises(TypeError):
        gp.constant(1) * "2"  # type: ignore[operator]


def test_a_key_that_is_there_twice_is_refused() -> None:
    """JSON readers keep the last one; a rate that nobody meant would be flown."""
    with pytest.raises(gp.SpecError, match="the key 'rate' twice in one object"):
        gp.from_spec('{"version": 1, "recipe": "constant", "rate": 0.1, "rate": 1}')


def test_arrays_are_lists() -> None:
    """Rates and boundaries may come as arrays; a spec never holds one."""
    made = gp.piecewise_constant(np.array([0.1, 0.01]), np.array([5]))  # type: ignore[arg-type]
    assert made == gp.piecewise_constant([0.1, 0.01], [5])
    with pytest.raises(gp.ArgumentError, match="must be a list"):
        gp.piecewise_constant(np.ones((2, 2)), [5])  # type: ignore[arg-type]
