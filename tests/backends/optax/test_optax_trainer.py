"""OptaxTrainer: the contract of trainers, the applied values, restore and resume, and tracing."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import glidepath as gp
from glidepath.testing import check_trainer

jax = pytest.importorskip("jax", reason="jax is not installed")
optax = pytest.importorskip("optax", reason="optax is not installed")

import jax.numpy as jnp  # noqa: E402

from glidepath.optax import OptaxTrainer, Task  # noqa: E402
from glidepath.tasks import load_task  # noqa: E402

EXAMPLE = Path(__file__).parents[3] / "examples" / "optax_task.py"
X = np.random.default_rng(0).normal(size=(70, 3)).astype(np.float32)
Y = X @ np.float32([1.0, -2.0, 0.5])


def loss(parameters, x, y):
    return ((x @ parameters["w"] + parameters["b"] - y) ** 2).mean()


def parameters(key):
    return {"w": jax.random.normal(key, (3,)), "b": jnp.zeros(())}


def mean_absolute_error(parameters, x, y):
    return jnp.abs(x @ parameters["w"] + parameters["b"] - y).mean()


def make(optimizer=optax.adamw, **options):
    options = {"metric": mean_absolute_error, "batch_size": 16, **options}
    return Task(loss, parameters, optimizer, (X, Y), (X[:20], Y[:20]), **options)


OPTIMIZERS = {
    "sgd": optax.sgd,
    "momentum": partial(optax.sgd, momentum=0.9),
    "adamw": optax.adamw,
    "lion": optax.lion,
    "chain": lambda learning_rate: optax.chain(
        optax.clip_by_global_norm(1.0), optax.adam(learning_rate)
    ),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_it_keeps_the_contract_of_trainers(name):
    check_trainer(OptaxTrainer(make(OPTIMIZERS[name])))


def test_nested_inputs_and_a_key_keep_the_contract_too():
    def dropped(parameters, x, y, key):
        kept = 1.0 if key is None else jax.random.bernoulli(key, 0.5, (3,))
        return loss(parameters, x["x"] * kept, y)

    data = ({"x": X}, Y)
    task = Task(dropped, parameters, optax.adam, data, data, batch_size=16, keyed=True)
    check_trainer(OptaxTrainer(task))


def test_the_example_keeps_the_contract_and_is_read_from_its_file():
    reference = load_task(f"{EXAMPLE}:task")
    assert reference.framework == "optax"
    trainer = reference.open()
    check_trainer(trainer)
    assert trainer.metric.name == "accuracy" and trainer.metric.rising
    record = gp.drive(trainer, gp.one_cycle(0.3), "6ep", seed=3)
    assert record.evaluations[-1].values["accuracy"] > 0.85
    assert trainer.traces == 2  # a whole batch and the partial last one of an epoch


def test_what_is_flown_depends_on_the_factory():
    flown = {name: OptaxTrainer(make(made)).hyperparameters for name, made in OPTIMIZERS.items()}
    assert flown["sgd"] == flown["chain"] == {"learning_rate"}
    assert flown["momentum"] == {"learning_rate", "momentum"}
    assert flown["adamw"] == flown["lion"] == {"learning_rate", "momentum", "weight_decay"}


def test_the_applied_values_are_the_table_at_every_update():
    trainer = OptaxTrainer(make())
    policy = gp.Policy(
        gp.linear(0, 0.1, 7) >> gp.cosine_decay(0.1, "rest"),
        momentum=gp.linear(0.95, 0.85, "100%"),
        weight_decay=gp.exponential_decay(0.1, 0.5, 9),
    )
    plan = policy.plan("8ep", trainer.steps_per_epoch)
    record = gp.drive(trainer, plan)
    assert trainer.traces == 2
    for name in plan.tracks:
        applied = np.asarray(record.series[name])
        assert np.array_equal(applied, plan.table(name).astype(np.float32)), name


def test_the_rate_moves_the_parameters():
    trainer = OptaxTrainer(make(optax.sgd, batch_size=70))
    for rate in (0.1, 0.0, 0.025):
        before = trainer.parameters
        gradients = jax.grad(loss)(before, X, Y)
        trainer.advance({"learning_rate": np.array([rate])})
        wanted = jax.tree.map(lambda w, g, rate=rate: w - rate * g, before, gradients)
        for got, want in zip(*map(jax.tree.leaves, (trainer.parameters, wanted)), strict=True):
            np.testing.assert_allclose(got, want, rtol=2e-5, atol=1e-7)


def test_momentum_and_weight_decay_change_the_training():
    trainer = OptaxTrainer(make())
    losses = {}
    for name in ("none", "momentum", "weight_decay"):
        trainer.reset(0)
        values = {"learning_rate": np.full(9, 0.05)}
        if name != "none":
            values[name] = np.full(9, 0.3)
        losses[name] = trainer.advance(values).losses.tolist()
    assert len({tuple(column) for column in losses.values()}) == 3


def test_a_run_that_is_resumed_goes_on_bit_for_bit():
    plan = gp.one_cycle(0.1).plan(40)
    trainer = OptaxTrainer(make())
    trainer.reset(5)
    whole = trainer.advance({name: plan.table(name) for name in plan.tracks})
    last = trainer.parameters
    trainer.reset(6)
    assert trainer.advance({"learning_rate": plan.table()}).losses[0] != whole.losses[0]
    trainer.reset(5)
    trainer.advance({name: plan.table(name)[:23] for name in plan.tracks})
    saved = trainer.snapshot()
    other = OptaxTrainer(make())  # another trainer, as after a restart
    other.restore(saved)
    rest = other.advance({name: plan.table(name)[23:] for name in plan.tracks})
    assert rest.losses.tolist() == whole.losses[23:].tolist()
    for got, want in zip(*map(jax.tree.leaves, (other.parameters, last)), strict=True):
        assert np.array_equal(got, want)


def test_a_controller_is_told_and_obeyed():
    controller = gp.reduce_on_plateau("val_loss", 0.5, patience=1, min_delta=1e9)
    record = gp.drive(OptaxTrainer(make()), gp.Policy(0.01, controllers=[controller]), "4ep")
    rates = record.series["learning_rate"][::5].tolist()
    assert rates == [np.float32(0.01 * factor) for factor in (1, 1, 0.5, 0.25)]


def test_without_a_metric_the_loss_judges():
    trainer = OptaxTrainer(make(metric=None))
    assert trainer.metric.name == "loss" and not trainer.metric.rising
    values = trainer.evaluate("test")
    assert values["loss"] == pytest.approx(float(loss(trainer.parameters, X[:20], Y[:20])))


def test_a_large_split_is_evaluated_in_pieces_by_its_examples():
    x = np.random.default_rng(1).normal(size=(1500, 3)).astype(np.float32)
    y = x[:, 0]
    trainer = OptaxTrainer(Task(loss, parameters, optax.sgd, (x, y), (x, y)))
    wanted = float(loss(trainer.parameters, x, y))
    assert trainer.evaluate("validation")["loss"] == pytest.approx(wanted, rel=1e-5)


def test_parameters_that_the_user_keeps_stay_good():
    kept = {"w": jnp.ones(3), "b": jnp.zeros(())}
    task = Task(loss, lambda key: kept, optax.sgd, (X, Y), (X, Y))
    trainer = OptaxTrainer(task)
    trainer.advance({"learning_rate": np.full(3, 0.1)})
    assert np.array_equal(kept["w"], np.ones(3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loss": 3}, "loss must be a function"),
        ({"parameters": [1]}, "parameters must be a function"),
        ({"optimizer": optax.sgd(0.1)}, "needs an optimizer's factory"),
        ({"optimizer": optax.scale_by_adam}, "must take learning_rate"),
        ({"batch_size": 0}, "batch_size must be a positive integer"),
        ({"train": X}, r"train must be arrays \(inputs, targets\)"),
        ({"train": (X, Y[:3])}, "same, positive number of rows"),
        ({"test": (np.array(["a"]), Y[:1])}, "must hold numbers"),
        ({"metric": lambda p, x, y: 0}, "metric must be a named function"),
        ({"metric": ("f", 3, True)}, "metric must be a named function"),
    ],
)
def test_what_is_not_a_task_is_refused(change, message):
    given = {
        "loss": loss,
        "parameters": parameters,
        "optimizer": optax.sgd,
        "train": (X, Y),
        "validation": (X, Y),
    }
    with pytest.raises(gp.TaskError, match=message):
        Task(**{**given, **change})


def test_wrong_calls_are_refused():
    trainer = OptaxTrainer(make(optax.sgd))
    for values in ({}, {"learning_rate": [0.1], "momentum": [0.9]}):
        with pytest.raises(gp.ArgumentError, match="must name the learning_rate"):
            trainer.advance({name: np.array(column) for name, column in values.items()})
    with pytest.raises(gp.ArgumentError, match="array of the same length"):
        trainer.advance({"learning_rate": np.array(0.1)})
    with pytest.raises(gp.ArgumentError, match="split must be"):
        trainer.evaluate("training")
    with pytest.raises(gp.ArgumentError, match=r"what snapshot\(\) returned"):
        trainer.restore({})
    with pytest.raises(gp.TaskError, match=r"needs a glidepath\.optax\.Task"):
        OptaxTrainer(loss)


def test_parameters_of_other_shapes_are_refused():
    sizes = iter((3, 4))
    task = Task(loss, lambda key: {"w": jnp.ones(next(sizes)), "b": 0.0}, optax.sgd, (X, Y), (X, Y))
    trainer = OptaxTrainer(task)
    with pytest.raises(gp.TaskError, match="the same shapes each time"):
        trainer.reset(1)


def test_neither_keras_nor_torch_is_imported():
    import subprocess

    code = (
        "import sys\nfrom glidepath.tasks import load_task\n"
        f"load_task({str(EXAMPLE)!r} + ':task').open()\n"
        "assert not {'keras', 'torch', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
