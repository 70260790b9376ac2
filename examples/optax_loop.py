"""A loop of one's own in JAX: the policy is the learning rate of any Optax optimizer.

`python examples/optax_loop.py` trains the digits of `optax_task.py` under 1cycle and prints the
rate that was applied.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from optax_task import accuracy, loss, parameters, task

import glidepath as gp
import glidepath.optax

EPOCHS = 10


def main(epochs: int = EPOCHS) -> list[float]:
    """Trains, and returns the applied rate of every update."""
    digits = task()
    x, y = digits.train
    batch = digits.batch_size
    steps_per_epoch = len(y) // batch

    policy = gp.one_cycle(0.3)  # the rate up and down, the momentum the other way
    optimizer = glidepath.optax.inject(
        policy, optax.sgd, total=f"{epochs}ep", steps_per_epoch=steps_per_epoch, nesterov=True
    )

    @jax.jit
    def update(weights, state, inputs, targets):
        gradients = jax.grad(loss)(weights, inputs, targets)
        changes, state = optimizer.update(gradients, state, weights)
        return optax.apply_updates(weights, changes), state

    weights = parameters(jax.random.key(0))
    state, rates = optimizer.init(weights), []
    order = np.random.default_rng(0)
    for _ in range(epochs):
        rows = order.permutation(len(y))[: steps_per_epoch * batch].reshape(-1, batch)
        for chosen in rows:
            weights, state = update(weights, state, x[chosen], y[chosen])
            rates.append(state.hyperparams["learning_rate"])
    applied = [float(rate) for rate in jax.device_get(rates)]
    score = float(accuracy(weights, *map(jnp.asarray, digits.test)))
    print(f"{len(applied)} updates, peak rate {max(applied):.3g}, test accuracy {score:.3f}")
    return applied


if __name__ == "__main__":
    main()
