"""A real training that a test kills: it saves a checkpoint after every few updates, and resumes.

python optax_killed.py FOLDER: appends "update rate momentum" to FOLDER/log as it goes.
"""

import json
import os
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import glidepath as gp
from glidepath.optax import Flight

sys.path.append(str(Path(__file__).parents[1]))
from killing import wait

TOTAL, EPOCH = 120, 10
POLICY = gp.Policy(
    gp.linear(0.001, 0.05, "10%") >> gp.cosine_decay(0.05, "rest"),
    momentum=gp.linear(0.95, 0.85, "100%"),
    controllers=[
        gp.reduce_on_plateau("loss", factor=0.8, patience=2, min_delta=1e9, restore_best=True)
    ],
)
X = np.random.default_rng(0).normal(size=(TOTAL, 8, 3)).astype(np.float32)


class Run:
    def __init__(self, policy=POLICY, total=TOTAL, **more):
        self.flight, self.traces = Flight(policy, total, EPOCH, **more), 0
        self.optimizer = self.flight.inject(optax.sgd, nesterov=True)
        self.start()
        self.step = jax.jit(self._step)

    def start(self):
        self.weights = jnp.zeros(3)
        self.state = self.optimizer.init(self.weights)

    def _step(self, weights, state, x):
        self.traces += 1
        loss, gradient = jax.value_and_grad(lambda w: ((x @ w - x.sum(-1)) ** 2).mean())(weights)
        changes, state = self.optimizer.update(gradient, state, weights)
        return optax.apply_updates(weights, changes), state, loss

    def train(self, stop, seen=lambda k, values: None):
        """Train on, giving `seen` each update and the rate and momentum that it applied."""
        for k in range(self.flight.step(self.state), stop):
            self.weights, self.state, loss = self.step(self.weights, self.state, X[k % TOTAL])
            applied = self.state.hyperparams
            names = [name for name in ("learning_rate", "momentum") if name in applied]
            seen(k, [float(applied[name]) for name in names])
            if (k + 1) % EPOCH == 0:
                self.state, self.weights = self.flight.epoch_end(
                    self.state, {"loss": float(loss)}, self.weights
                )

    def save(self, path):
        leaves = [*jax.tree.leaves((self.weights, self.state)), *self.flight.best]
        arrays = dict(enumerate(leaves))
        new = path.with_suffix(".new.npz")
        text = json.dumps(self.flight.state_dict())
        np.savez(new, flight=text, **{str(index): array for index, array in arrays.items()})
        os.replace(new, path)

    def load(self, path, on_change=None):
        with np.load(path) as saved:
            self.flight.load_state_dict(json.loads(str(saved["flight"])), on_change)
            self.start()
            places = jax.tree.structure((self.weights, self.state))
            leaves = [jnp.asarray(saved[str(index)]) for index in range(len(saved) - 1)]
        self.weights, state = jax.tree.unflatten(places, leaves[: places.num_leaves])
        self.flight.best = leaves[places.num_leaves :]
        self.state = self.flight.into(state)


def main(folder):
    run, path = Run(), folder / "checkpoint.npz"
    if path.exists():
        run.load(path)
    with (folder / "log").open("a") as log:

        def seen(k, values):
            log.write(f"{k} {values[0]!r} {values[1]!r}\n")
            log.flush()
            wait(folder, 0.002)

        while (now := run.flight.step(run.state)) < TOTAL:
            run.train(min(now + 7, TOTAL), seen)
            run.save(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
