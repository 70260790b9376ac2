"""Flight in JAX: exact under controllers, resumed after kills, changed without compiling again."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import glidepath as gp
from glidepath.errors import ArgumentError, ResumeError

jax = pytest.importorskip("jax")
optax = pytest.importorskip("optax")

import jax.numpy as jnp  # noqa: E402
import optax_killed as killed  # noqa: E402

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
    log, stop = tmp_path / "log", random.randrange(9, 90)
    running = subprocess.Popen([sys.executable, str(SCRIPT), str(tmp_path)])
    while running.poll() is None and (not log.exists() or log.read_text().count("\n") < stop):
        time.sleep(0.002)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    killed.main(tmp_path)
    lines = [line.split() for line in log.read_text().splitlines()]
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
    assert (longer(45), cooled(75)) == (before(45), longer(75))
    # Until the end of the epoch, when the factor may fall.
    for rates, plan, share, start in ((second, longer, at_45, 45), (third, cooled, at_75, 75)):
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
    monitoring = killed.Run()
    with pytest.raises(ArgumentError, match="monitors 'loss'"):
        monitoring.flight.epoch_end(monitoring.state, {"val_loss": 1.0})
    best = gp.Policy(0.1, controllers=[gp.reduce_on_plateau("loss", restore_best=True)])
    with pytest.raises(ArgumentError, match="restore_best"):
        Flight(best, 10).epoch_end(None, {"loss": 1.0})
