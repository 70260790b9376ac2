"""Flight in JAX: exact under controllers, resumed after kills, changed without compiling again."""

import json
import random
import sys
from pathlib import Path

import numpy as np
import pytest

import glidepath as gp
from glidepath.errors import ArgumentError, ResumeError

jax = pytest.importorskip("jax", reason="jax is not installed")
optax = pytest.importorskip("optax", reason="optax is not installed")

import jax.numpy as jnp  # noqa: E402
import optax_killed as killed  # noqa: E402
from killing import kill  # noqa: E402

from glidepath.optax import Flight  # noqa: E402

SCRIPT = Path(killed.__file__)
EPOCH, TOTAL = killed.EPOCH, killed.TOTAL
COSINE = gp.linear(0.001, 0.05, "10%") >> gp.cosine_decay(0.05, "rest")


def flown(run, stop=TOTAL):
    """The rates that a run applies from where it stands."""
    rates = {}
    run.train(stop, lambda k, values: rates.__setitem__(k, values[0]))
    return rates


def float32(values):
    return [float(np.float32(value)) for value in values]


def test_real_training_applies_the_plan_under_its_controllers_without_compiling_again():
    run, seen = killed.Run(), {}
    run.train(TOTAL, seen.__setitem__)
    plan = killed.POLICY.plan(TOTAL, EPOCH)
    # Keras's counting with patience 2 on what never improves: after epochs 2, 4, 6, ...
    factors = np.repeat(
        [0.8 ** max(0, epoch // 2 - (epoch % 2 == 0) * (epoch > 0)) for epoch in range(12)], EPOCH
    )
    factors = np.repeat([0.8 ** ((epoch - 1) // 2) if epoch else 1.0 for epoch in range(12)], EPOCH)
    rates = float32(plan.table() * factors)
    assert [seen[k][0] for k in range(TOTAL)] == pytest.approx(rates, rel=1e-7)
    assert [seen[k][1] for k in range(TOTAL)] == float32(plan.table("momentum"))
    assert run.traces == 1


def test_kill_9_and_resume(tmp_path):
    whole, wanted = killed.Run(), {}
    whole.train(TOTAL, wanted.__setitem__)
    kill([sys.executable, SCRIPT, tmp_path], tmp_path, random.randrange(9, 90))
    killed.main(tmp_path)
    lines = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    seen = [(int(line[0]), [float(value) for value in line[1:]]) for line in lines]
    assert {k for k, _ in seen} == set(range(TOTAL))
    assert all(wanted[k] == values for k, values in seen)
    run = killed.Run()
    run.load(tmp_path / "checkpoint.npz")
    assert np.array_equal(run.weights, whole.weights)
    assert jax.tree.all(jax.tree.map(np.array_equal, run.state, whole.state))


def test_another_plan_is_refused_with_what_differs(tmp_path):
    old, path = killed.Run(COSINE), tmp_path / "run.npz"
    old.train(40)
    old.save(path)
    state = old.flight.state_dict()
    assert json.loads(json.dumps(state)) == state
    assert state["fingerprint"] == old.flight.plan.fingerprint
    other = gp.linear(0.001, 0.02, "10%") >> gp.cosine_decay(0.02, "rest")
    with pytest.raises(ResumeError, match=r"then\[1\]\.rate: saved 0.05, now 0.02"):
        killed.Run(other).load(path)
    kept = killed.Run(other, 200, on_change="keep")
    kept.load(path)
    assert list(flown(kept).values()) == float32(old.flight.plan.table()[40:])
    new = killed.Run(other, 400)
    new.load(path, "override")
    assert list(flown(new, 400).values()) == float32(other.plan(400, EPOCH).table()[40:])
    for bad in ({}, {"fingerprint": "a"}, {"fingerprint": "a", "size": True}):
        with pytest.raises(ResumeError, match="not what flight"):
            old.flight.load_state_dict(bad)


def test_a_run_is_lengthened_and_cooled_down_without_a_jump_or_a_compilation(tmp_path):
    run, path = killed.Run(killed.POLICY), tmp_path / "run.npz"

    def factor():
        return run.flight.state_dict()["controllers"][0]["factor"]

    flown(run, 45)
    before, at_45 = killed.POLICY.plan(TOTAL, EPOCH), factor()
    run.state = run.flight.extend(run.state, 2 * TOTAL)
    longer = run.flight.plan
    assert longer.total_steps == 2 * TOTAL
    second, at_75 = flown(run, 75), factor()
    run.state = run.flight.cooldown(run.state, "2ep", shape="sqrt")
    cooled = run.flight.plan
    assert cooled.total_steps == 75 + 2 * EPOCH
    third = flown(run, 100)
    # The cool-down is from the applied rate; the factor is in it.
    assert longer(45) == before(45)
    assert cooled(75) == pytest.approx(longer(75) * at_75)
    # Until the end of the epoch, when the factor may fall.
    for rates, plan, share, start in ((second, longer, at_45, 45), (third, cooled, 1.0, 75)):
        wanted = plan(np.arange(start, start + 5)) * share
        assert [rates[k] for k in range(start, start + 5)] == pytest.approx(wanted, rel=1e-6)
    assert list(third.values())[-5:] == [0.0] * 5
    assert run.traces == 1
    # The same program resumes the plan that was changed in flight.
    again = killed.Run(killed.POLICY)
    run.save(path)
    again.load(path)
    assert again.flight.plan.fingerprint == run.flight.plan.fingerprint
    assert again.flight.step(again.state) == 100
    assert jax.tree.all(jax.tree.map(np.array_equal, again.state, run.state))


@pytest.mark.parametrize("kind", ["chain", "steps", "groups"])
def test_it_is_found_wherever_it_stands_in_the_state(kind):
    flight = Flight(gp.linear(0.1, 0.05, "100%"), 20)
    inner, tree = flight.inject(optax.adamw), {"a": jnp.ones(2), "b": jnp.ones(2)}
    optimizer = {
        "chain": optax.chain(optax.clip(1.0), inner),
        "steps": optax.MultiSteps(inner, 2).gradient_transformation(),
        "groups": optax.partition(
            {"x": inner, "y": flight.inject(optax.sgd)}, {"a": "x", "b": "y"}
        ),
    }[kind]
    update, state = jax.jit(optimizer.update), optimizer.init(tree)
    for _ in range(10):
        _, state = update(tree, state, tree)
    applied = 5 if kind == "steps" else 10
    assert flight.step(state) == applied
    state = flight.cooldown(state, 4)
    rates = [
        leaf for path, leaf in jax.tree_util.tree_leaves_with_path(state) if "values" in str(path)
    ]
    for values in rates:
        assert values[applied] == np.float32(flight.plan(applied))
        assert values[applied + 4] == 0
    assert len(rates) == 1 + (kind == "groups")
    assert update._cache_size() == 1


def learned(weights, state):
    """The weights, and Adam's moments and count wherever they stand."""
    nodes = jax.tree.leaves(state, is_leaf=lambda node: isinstance(node, optax.ScaleByAdamState))
    adam = next(node for node in nodes if isinstance(node, optax.ScaleByAdamState))
    return [np.array(leaf) for leaf in jax.tree.leaves((weights, adam))]


def same(left, right):
    return all(np.array_equal(*pair) for pair in zip(left, right, strict=True))


def test_the_best_epoch_comes_back_where_the_rate_falls_but_not_the_clock():
    """Best after the epochs 1 and 4; reduced after 3 and 6; under wrappers, with donated arrays."""
    back = gp.reduce_on_plateau("loss", factor=0.5, patience=2, min_delta=0.0, restore_best=True)
    policy = gp.Policy(gp.linear(0.1, 0.01, "100%"), controllers=[back])
    flight, traced = Flight(policy, 40, 2), []
    other = optax.scale_by_schedule(lambda count: 1.0)  # another clock, which goes on too
    inner = optax.chain(other, optax.apply_if_finite(flight.inject(optax.adamw), 3))
    optimizer = optax.MultiSteps(inner, 2).gradient_transformation()
    weights = {"a": jnp.ones(2), "b": jnp.zeros(())}
    state = optimizer.init(weights)

    def step(weights, state, size):
        traced.append(1)
        gradient = jax.tree.map(lambda leaf: jnp.full_like(leaf, size), weights)
        changes, state = optimizer.update(gradient, state, weights)
        return optax.apply_updates(weights, changes), state

    step, ends = jax.jit(step, donate_argnums=(0, 1)), {}
    for epoch, value in enumerate([3.0, 2.0, 2.5, 2.5, 1.0, 1.5, 1.5]):
        for _ in range(4 + (epoch == 0)):  # from then on a gradient is held at an epoch's end
            weights, state = step(weights, state, value)
        ends[epoch], held = learned(weights, state), jax.tree.map(np.array, state.acc_grads)
        assert flight.step(state) == 2 * (epoch + 1)
        state, weights = flight.epoch_end(state, {"loss": value}, weights)
        assert flight.step(state) == state.inner_opt_state[0].count == 2 * (epoch + 1)
        assert same(jax.tree.leaves(held), jax.tree.leaves(state.acc_grads))
        assert np.all(held["a"] == value)
        went_to = {3: 1, 6: 4}.get(epoch, epoch)
        assert same(learned(weights, state), ends[went_to])
        assert went_to == epoch or not same(ends[epoch], ends[went_to])
    assert len(traced) == step._cache_size() == 1


def test_a_best_epoch_that_was_not_resumed_is_said(tmp_path):
    run, path = killed.Run(), tmp_path / "run.npz"
    run.train(20)
    run.save(path)
    again = killed.Run()
    again.load(path)
    kept, again.flight.best = again.flight.best, []
    with pytest.raises(ResumeError, match=r"save flight\.best"):
        again.train(30)
    again.load(path)
    again.flight.best = kept[1:]
    with pytest.raises(ResumeError, match="have the shapes"):
        again.train(30)


def test_a_budget_of_time_begins_the_cooldown_in_time(tmp_path):
    """115 s are 95 updates, the last 19 of which cool down, also where the run is resumed.

    The first 20 updates take twice as long. The first process tells the time at each update, the
    second at each epoch's end, and the cool-down begins in the middle of an epoch.
    """
    now, path = [0.0], tmp_path / "run.npz"

    def begin():
        run = killed.Run(0.1, 1000)
        run.flight.cooldown_by("115s", over=19, clock=lambda: now[0])
        return run

    def train(run, stop, every_update):
        def seen(k, values):
            now[0] += 1.0 + (k < 20)
            rates[k] = values[0]

        while not run.flight.done(run.state) and run.flight.step(run.state) < stop:
            run.train(run.flight.step(run.state) + 1, seen)
            if every_update:
                run.state = run.flight.tick(run.state)

    rates, run = {}, begin()
    train(run, 45, every_update=True)
    run.save(path)
    now[0] += 1000.0  # between two processes
    again = begin()
    again.load(path)
    train(again, 1000, every_update=False)
    plan = gp.constant(0.1).plan(1000, EPOCH).cooldown_from(76, 19)
    assert again.flight.plan.total_steps == 95
    assert [rates[k] for k in range(95)] == float32(plan.table())
    assert again.traces == 1
    # Once it has begun it is resumed as it was begun.
    again.save(path)
    third = begin()
    third.load(path)
    assert third.flight.done(third.state)


def test_stopping_early_with_a_high_rate_is_said(recwarn):
    run = killed.Run(gp.linear(0.1, 0.0, "100%"))
    run.train(7)
    with pytest.warns(
        UserWarning,
        match=r"update 7 of 120 .* at 95% .* train 1 more .*state = flight\.cooldown\(state, 1\)",
    ):
        run.flight.finish(run.state)
    run.train(TOTAL)
    assert run.flight.done(run.state)
    run.flight.finish(run.state)
    assert not recwarn.list


def test_bad_arguments():
    with pytest.raises(ArgumentError, match="give total"):
        Flight(gp.constant(0.1))
    with pytest.raises(ArgumentError, match="a plan has its own length"):
        Flight(gp.constant(0.1).plan(5), 5)
    with pytest.raises(ArgumentError, match="on_change"):
        Flight(gp.constant(0.1), 5, on_change="ignore")
    flight = Flight(gp.one_cycle(0.1), 10)
    with pytest.raises(ArgumentError, match="flies momentum, and adagrad has no argument"):
        flight.inject(optax.adagrad)
    with pytest.raises(ArgumentError, match="leave it out"):
        flight.inject(optax.sgd, momentum=0.9)
    with pytest.raises(ArgumentError, match="nothing of a flight"):
        flight.into(optax.sgd(0.1).init(jnp.ones(2)))
    run = killed.Run()
    with pytest.raises(ArgumentError, match="monitors 'loss'"):
        run.flight.epoch_end(run.state, {"val_loss": 1.0}, run.weights)
    with pytest.raises(ArgumentError, match="restore_best=True needs the parameters"):
        run.flight.epoch_end(run.state, {"loss": 1.0})
    with pytest.raises(ArgumentError, match="must be a time"):
        flight.cooldown_by("soon")
