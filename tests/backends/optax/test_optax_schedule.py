"""schedule and inject: exact tables, traced formulas, real training read back, no retracing."""

from __future__ import annotations

import numpy as np
import pytest

import glidepath as gp

jax = pytest.importorskip("jax", reason="jax is not installed")
optax = pytest.importorskip("optax", reason="optax is not installed")

import jax.numpy as jnp  # noqa: E402

from glidepath.optax import inject, schedule  # noqa: E402

POLICIES = {
    "warm-up and cosine": gp.linear(0, 0.1, 13) >> gp.cosine_decay(0.1, "rest"),
    "steps": gp.step_decay(0.1, 0.3, 7),
    "piecewise": gp.piecewise_constant([0.1, 0.05, 0.2], [10, "50%"]),
    "restarts": gp.cosine_restarts(0.1, 5, 1.7, 0.9, 0.01),
    "1cycle": gp.one_cycle(0.1),
    "function": gp.from_function(lambda k: 1 / (1 + k)),
    "product": gp.triangular(0.5, 1, 9) * gp.exponential_decay(0.1, 0.9, 10),
    "torch's 1cycle": gp.compat.torch.OneCycleLR(0.1, 100, pct_start=0.234),
}
LENGTH = 100
PAST = np.array([0, 3, LENGTH - 1, LENGTH, LENGTH + 1, 2**24 + 1, 2**31 - 1])


@pytest.mark.parametrize("name", POLICIES)
def test_it_is_the_table_under_jit_vmap_and_scan(name):
    policy = gp.as_policy(POLICIES[name])
    plan = policy.plan(LENGTH)
    flown = schedule(policy, total=LENGTH)
    table, counts = plan.table().astype(np.float32), jnp.arange(LENGTH)
    assert np.array_equal(jax.vmap(flown)(counts), table)
    assert np.array_equal(jax.jit(flown)(counts), table)
    assert np.array_equal(jax.jit(jax.vmap(flown))(counts), table)
    scanned = jax.lax.scan(lambda k, _: (k + 1, flown(k)), jnp.int32(0), length=LENGTH)[1]
    assert np.array_equal(scanned, table)
    assert [float(flown(k)) for k in PAST.tolist()] == plan(PAST).astype(np.float32).tolist()
    assert flown(3).dtype == jnp.float32
    assert float(flown(10**12)) == np.float32(plan(10**12))


def test_a_plan_and_a_schedule_with_an_end_of_its_own_need_no_total():
    warmup = gp.linear(0.2, 0.1, 50)
    flown = schedule(warmup.plan(50))
    without = schedule(warmup)
    table = warmup.plan(50).table().astype(np.float32)
    assert np.array_equal(flown(jnp.arange(50)), table)
    assert np.array_equal(without(jnp.arange(50)), table)
    assert float(without(10**6)) == np.float32(0.1)


def test_boundaries_above_two_to_the_24_are_exact():
    edge = 2**24 + 1
    flown = schedule(gp.exponential_decay(0.1, 0.9, edge, staircase=True))
    assert [float(flown(k)) for k in (edge - 1, edge)] == pytest.approx([0.1, 0.09], rel=1e-6)
    native = optax.exponential_decay(0.1, edge, 0.9, staircase=True)
    assert float(native(jnp.int32(edge - 1))) == pytest.approx(0.09)  # Optax is early


def test_a_formula_traces_under_vmap_and_scan_and_is_used_above_the_table(monkeypatch):
    flown = schedule(gp.inverse_sqrt(0.1, 40))
    wanted = np.asarray(jax.vmap(flown)(jnp.arange(90)))
    scanned = jax.lax.scan(lambda k, _: (k + 1, flown(k)), jnp.int32(0), length=90)[1]
    np.testing.assert_allclose(scanned, wanted, rtol=1e-6)
    long = gp.cosine_decay(0.1, "100%")
    flown = schedule(long, total=2**24 + 2)
    assert float(flown(2**24 + 2)) == float(flown(2**30)) == 0.0
    assert float(flown(2**23 + 1)) == pytest.approx(0.05, rel=1e-5)
    assert float(schedule(0.1, total=2**40)(7)) == np.float32(0.1)


def quadratic(weights):
    return ((weights - 3.0) ** 2).sum()


def fly(optimizer, steps, weights):
    """Real training; what was applied at each update, and how often the update was traced."""
    traces = []

    @jax.jit
    def update(weights, state):
        traces.append(1)
        changes, state = optimizer.update(jax.grad(quadratic)(weights), state, weights)
        return optax.apply_updates(weights, changes), state

    state, applied = optimizer.init(weights), []
    for _ in range(steps):
        weights, state = update(weights, state)
        applied.append(state.hyperparams)
    columns = {name: np.array([float(row[name]) for row in applied]) for name in applied[0]}
    return columns, len(traces), weights


@pytest.mark.parametrize(("optimizer", "momentum"), [(optax.sgd, "momentum"), (optax.adamw, "b1")])
def test_inject_flies_every_hyperparameter_without_compiling_again(optimizer, momentum):
    policy = gp.Policy(gp.cosine_decay(0.1, "100%"), momentum=gp.linear(0.95, 0.85, "100%"))
    names = {"learning_rate": "learning_rate", "momentum": momentum}
    if optimizer is optax.adamw:
        policy = gp.Policy(**policy.schedules, weight_decay=gp.step_decay(0.1, 0.5, 9))
        names["weight_decay"] = "weight_decay"
    plan = policy.plan(60)
    applied, traces, _ = fly(inject(policy, optimizer, total=60), 60, jnp.ones(4))
    assert traces == 1
    assert set(applied) == set(names.values())
    for name, native in names.items():
        assert np.array_equal(applied[native], plan.table(name).astype(np.float32)), name


def test_inject_trains_as_the_optimizer_with_the_schedule_does():
    policy = gp.linear(0.0, 0.1, 20)
    flown = inject(policy, optax.adam, total=30, b2=0.9)
    _, _, weights = fly(flown, 30, jnp.ones(4))
    native = optax.adam(schedule(policy, total=30), b2=0.9)
    state, other = native.init(jnp.ones(4)), jnp.ones(4)
    for _ in range(30):
        changes, state = native.update(jax.grad(quadratic)(other), state, other)
        other = optax.apply_updates(other, changes)
    np.testing.assert_allclose(weights, other, rtol=1e-5)


def test_a_checkpointed_state_goes_on_with_the_table():
    plan = gp.cosine_decay(0.1, "100%").plan(40)
    optimizer = inject(plan, optax.sgd)
    weights, state = jnp.ones(2), optimizer.init(jnp.ones(2))
    for _ in range(17):
        _, state = optimizer.update(weights, state, weights)
    saved = jax.tree.map(np.asarray, state)  # what a checkpoint holds
    _, state = inject(plan, optax.sgd).update(weights, jax.tree.map(jnp.asarray, saved), weights)
    assert float(state.hyperparams["learning_rate"]) == np.float32(plan.table()[17])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: schedule(gp.constant(1), name="momentum"), "flies .*, got 'momentum'"),
        (lambda: schedule(gp.constant(1).plan(3), total=3), "a plan has its own length"),
        (
            lambda: schedule(gp.Policy(1, controllers=[gp.reduce_on_plateau()]), total=3),
            "has controllers",
        ),
        (lambda: schedule(gp.from_function(lambda k: 1.0)), "cannot run inside JAX"),
        (
            lambda: schedule(gp.from_function(lambda k: 1.0, by="epoch"), steps_per_epoch=3),
            "cannot run inside JAX",
        ),
        (lambda: schedule(gp.step_decay(0.1, 0.5, 2**40)), "does not fit into JAX's int32"),
        (lambda: inject(gp.one_cycle(0.1), optax.adagrad, total=9), "has no argument momentum"),
        (lambda: inject(gp.constant(1), optax.sgd(0.1)), "needs an optimizer's factory"),
        (lambda: inject(gp.constant(1), optax.sgd, learning_rate=1), "leave it out of the arg"),
        (lambda: schedule(gp.linear(0, 1, "50%")), "share of the run"),
    ],
)
def test_what_cannot_be_flown_is_refused(call, message):
    with pytest.raises((gp.ArgumentError, gp.PlanError), match=message):
        call()
