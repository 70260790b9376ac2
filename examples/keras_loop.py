"""model.fit with a policy: one callback sets rate and momentum at every update, on any engine.

`KERAS_BACKEND=jax python examples/keras_loop.py` (or `tensorflow`, or `torch`) trains
scikit-learn's digits under 1cycle.
"""

import keras
from sklearn.datasets import load_digits

import glidepath as gp
from glidepath.keras import Flight

EPOCHS = 3


def main() -> float:
    """Train, and return the accuracy on the validation data."""
    keras.utils.set_random_seed(0)
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.SGD(momentum=0.9),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )

    flight = Flight(gp.one_cycle(peak=0.2))  # planned for the run that fit is asked for

    seen = model.fit(
        x[:1400],
        y[:1400],
        batch_size=35,
        epochs=EPOCHS,
        validation_data=(x[1400:], y[1400:]),
        callbacks=[flight],
        verbose=0,
    )
    accuracy = float(seen.history["val_accuracy"][-1])
    rate = float(model.optimizer.learning_rate)
    print(f"{int(model.optimizer.iterations)} updates, last rate {rate:.4g}, {accuracy:.1%} right")
    return accuracy


if __name__ == "__main__":
    main()
