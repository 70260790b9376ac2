"""`check` in a JAX loop: each new state says what was applied; each mistake is named."""

import jax
import jax.numpy as jnp
import optax
import pytest

import glidepath as gp
from glidepath.backends.check import check
from glidepath.errors import CheckError
from glidepath.optax import Flight, inject

TOTAL, EPOCH = 24, 6
COSINE = gp.cosine_decay(0.1, "100%").plan(TOTAL, EPOCH)
INJECTED = optax.inject_hyperparams(optax.sgd)


def native(scale=1):
    return optax.cosine_decay_schedule(0.1, TOTAL // scale)


def loop(optimizer, checked, steps=TOTAL, before=lambda state, k: state, bad=()):
    """A jitted loop; `before` changes the state as users do, and some gradients are not finite."""
    weights = jnp.ones(3)
    state = optimizer.init(weights)

    @jax.jit
    def step(weights, state, factor):
        gradient = jax.grad(lambda w: (w**2).sum())(weights) * factor
        changes, state = optimizer.update(gradient, state, weights)
        return optax.apply_updates(weights, changes), state

    for k in range(steps):
        state = before(state, k)
        weights, state = step(weights, state, jnp.inf if k in bad else 1.0)
        checked.saw(state)


def setting(rate):
    """The user sets the rate by hand, in a state without schedules."""

    def before(state, k):
        state.hyperparams["learning_rate"] = jnp.float32(rate(k))
        return state

    return before


GOOD = {
    "inject": (lambda: inject(COSINE, optax.sgd), {}),
    "flight": (lambda: Flight(COSINE).inject(optax.adamw), {}),
    "native": (lambda: INJECTED(native()), {}),
    "by hand": (lambda: INJECTED(0.1), {"before": setting(COSINE)}),
    "accumulated": (lambda: optax.MultiSteps(inject(COSINE, optax.sgd), 3), {"steps": 3 * TOTAL}),
    "not finite": (
        lambda: optax.apply_if_finite(inject(COSINE, optax.sgd), 5),
        {"steps": TOTAL + 2, "bad": (0, 7)},
    ),
    "chained": (lambda: optax.chain(optax.clip(1.0), inject(COSINE, optax.sgd)), {}),
}


@pytest.mark.parametrize("name", GOOD)
def test_it_is_quiet_where_the_plan_is_applied(name):
    make, how = GOOD[name]
    optimizer = make()
    with check(optimizer, COSINE) as checked:
        loop(optimizer, checked, **how)
    assert checked.updates == TOTAL


MISTAKES = {
    "stepped twice per update": (INJECTED, 0.1, {"before": setting(lambda k: COSINE(2 * k))}, 1),
    r"once per epoch \(6 updates\)": (
        INJECTED,
        0.1,
        {"before": setting(lambda k: COSINE(k // EPOCH))},
        1,
    ),
    "one update ahead": (INJECTED, 0.1, {"before": setting(lambda k: COSINE(k + 1))}, 0),
    "never stepped: give inject_hyperparams a schedule": (INJECTED, 0.1, {}, 1),
    "nothing flies the learning_rate": (INJECTED, 0.7, {}, 0),
    "once per batch under accumulation: 3 batches": (
        optax.inject_hyperparams(
            lambda learning_rate: optax.MultiSteps(
                optax.sgd(learning_rate), 3
            ).gradient_transformation()
        ),
        native(),
        {"steps": 3 * TOTAL},
        0,
    ),
    "no update was applied": (
        optax.inject_hyperparams(
            lambda learning_rate: optax.apply_if_finite(optax.sgd(learning_rate), 5)
        ),
        native(),
        {"bad": (4,)},
        4,
    ),
}


@pytest.mark.parametrize("cause", MISTAKES)
def test_each_mistake_is_named(cause):
    make, rate, how, first = MISTAKES[cause]
    optimizer = make(rate)
    with pytest.raises(CheckError, match=cause) as caught, check(optimizer, COSINE) as checked:
        loop(optimizer, checked, **how)
    assert str(caught.value).startswith(f"update {first} applies the learning_rate")
    assert checked.updates == first


def test_momentum_and_a_resumed_run():
    policy = gp.Policy(COSINE.policy.learning_rate, momentum=gp.linear(0.95, 0.85, "100%"))
    plan = policy.plan(TOTAL, EPOCH)
    optimizer = inject(plan, optax.adam)
    with check(optimizer, plan) as checked:
        loop(optimizer, checked)
    with (
        pytest.raises(CheckError, match="began again at update 0"),
        check(optimizer, plan, start=10) as checked,
    ):
        loop(optimizer, checked)
    with (
        pytest.raises(gp.ArgumentError, match="flies the momentum, and the state's"),
        check(optimizer, plan) as checked,
    ):
        loop(inject(COSINE, optax.sgd), checked)


def test_what_cannot_be_checked_says_what_to_do():
    plain = optax.sgd(native())
    with (
        pytest.raises(gp.ArgumentError, match=r"glidepath\.optax\.inject"),
        check(plain, COSINE) as checked,
    ):
        loop(plain, checked)
    optimizer = inject(COSINE, optax.sgd)
    with (
        pytest.raises(CheckError, match=r"checked\.saw\(state\)"),
        check(optimizer, COSINE),
    ):
        pass
    states = [optimizer.init(jnp.ones(3))]
    for _ in range(6):
        states.append(optimizer.update(jnp.ones(3), states[-1])[1])
    with (
        pytest.raises(gp.ArgumentError, match="5 updates were made since"),
        check(optimizer, COSINE) as checked,
    ):
        checked.saw(states[1]), checked.saw(states[6])
    with pytest.raises(gp.ArgumentError, match="Optax has no parameter groups"):
        check(optimizer, COSINE, groups={0: COSINE})
