"""One of two processes of JAX that go on with a run of one process, in Keras and in Optax.

python keras_processes.py FOLDER RANK PORT: goes on with FOLDER/RANK/ by Keras's own distribution,
and with FOLDER/one.npz by Optax, and writes FOLDER/RANK.json.
"""

import json
import sys
from pathlib import Path

if __name__ == "__main__":  # what Keras imports where it is there, and nothing here needs
    sys.modules.update(dict.fromkeys(("pandas", "sklearn", "tensorflow", "torch")))

import jax
import keras
import keras_killed as killed
import numpy as np
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import glidepath as gp
from glidepath.backends.keras import processes as keras_processes
from glidepath.backends.optax import processes
from glidepath.optax import Flight

sys.path.append(str(Path(__file__).parents[1] / "optax"))
import optax_killed

STOPS = 3, 6
"""The epochs after which Keras's run changes hands."""
UPDATES = 40, 80
"""The updates after which Optax's does."""


class Stop(keras.callbacks.Callback):
    """Leaves the fit as if it had been killed after so many epochs."""

    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch + 1 == self.epochs


def halves(rank):
    """Each batch's first or second half, for numpy data are each process's own."""
    size = killed.BATCH // 2
    starts = np.arange(killed.STEPS)[:, None] * killed.BATCH + rank * size
    rows = (starts + np.arange(size)).ravel()
    killed.X, killed.Y, killed.BATCH = killed.X[rows], killed.Y[rows], size


def with_keras(folder, rank):
    halves(rank)
    spread = keras.distribution.DataParallel(
        devices=keras.distribution.list_devices(), auto_shard_dataset=False
    )
    keras.distribution.set_distribution(spread)
    killed.train(folder / str(rank), "model", Stop(STOPS[1]))
    keras.distribution.set_distribution(None)


class Halves:
    """The batches of the other process's run, of which each has a half."""

    def __init__(self, mesh, rank):
        self.place, self.rank, self.all = NamedSharding(mesh, PartitionSpec("data")), rank, None
        self.all = optax_killed.X

    def __getitem__(self, k):
        half = np.array_split(self.all[k], 2)[self.rank]
        return jax.make_array_from_process_local_data(self.place, half)


def with_optax(folder, rank):
    mesh = Mesh(np.array(jax.devices()), ("data",))
    run, rates = optax_killed.Run(), []
    run.load(folder / "one.npz")
    run.weights, run.state = jax.device_put(
        (run.weights, run.state), NamedSharding(mesh, PartitionSpec())
    )
    told, optax_killed.X = run.flight.epoch_end, Halves(mesh, rank)
    # One process evaluates for all.
    run.flight.epoch_end = lambda state, metrics, weights: told(
        state, {} if rank else metrics, weights
    )
    run.train(UPDATES[1], lambda k, values: rates.append(values))
    if rank == 0:
        run.save(folder / "two.npz")
    return rates, run.traces


def budgeted(rank):
    """The length that a budget of 200 s gives, where an update takes one second, or five."""
    flight, now = Flight(gp.constant(0.1), 1000), [0.0]
    state = flight.inject(optax.sgd).init(np.ones(1, np.float32))
    flight.cooldown_by("200s", clock=lambda: now[0])
    for k in range(0, 300, 10):
        now[0] += 10 * (1.0 + 4.0 * rank)
        places = state.hyperparams_states["learning_rate"]._replace(count=np.int32(k + 10))
        state = flight.tick(state._replace(hyperparams_states={"learning_rate": places}))
    return flight.plan.total_steps


if __name__ == "__main__":
    where, number = Path(sys.argv[1]), int(sys.argv[2])
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.config.update("jax_disable_most_optimizations", True)  # compiles sooner
    keras.distribution.initialize(f"127.0.0.1:{sys.argv[3]}", 2, number)
    with_keras(where, number)
    rates, traces = with_optax(where, number)
    given = {"a": 0.1 + 2 * number} | ({} if number else {"b": 0.1}) | {"c": -number}
    found = {
        "rates": rates,
        "traces": traces,
        "length": budgeted(number),
        "averaged": processes.averaged(given, {"a", "b", "d"}) | {"c": 0},
        "first": [each.of_first((number + 7, 3)) for each in (processes, keras_processes)],
        "none": [each.of_first(None) for each in (processes, keras_processes)],
    }
    (where / f"{number}.json").write_text(json.dumps(found))
