"""A real training that a test kills: it saves a checkpoint after every epoch, and resumes.

python keras_killed.py FOLDER model|backup: appends a line to FOLDER/log at every update, and
writes FOLDER/weights.npz when it comes to its end.
"""

import os
import sys
from pathlib import Path
from zipfile import BadZipFile

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
from keras_models import X, Y, regressor, weights

import glidepath as gp
import glidepath.keras as gk

sys.path.append(str(Path(__file__).parents[1]))
from killing import wait

EPOCHS, STEPS, BATCH = 8, 6, 10
POLICY = gp.Policy(
    gp.linear(0.001, 0.03, "10%") >> gp.cosine_decay(0.03, "rest"),
    momentum=gp.linear(0.95, 0.85, "100%"),
    weight_decay=gp.linear(0.0, 0.01, "100%"),
    controllers=[
        gp.reduce_on_plateau("loss", factor=0.8, patience=2, min_delta=1e9, restore_best=True)
    ],
)


class Log(keras.callbacks.Callback):
    def __init__(self, file):
        super().__init__()
        self.file = file

    def on_train_batch_end(self, batch, logs=None):
        self.file.write(f"{batch}\n")
        self.file.flush()
        wait(Path(self.file.name).parent, 0.002)


def newest(folder):
    """The newest model that can be loaded: the kill may have cut the last one short."""
    for path in sorted(folder.glob("*.keras"), reverse=True):
        try:
            return keras.models.load_model(path), path
        except (OSError, ValueError, KeyError, BadZipFile):
            path.unlink()
    return None, None


def train(folder, kind, *callbacks, epochs=EPOCHS):
    """All of the run, or what is left of it after the newest checkpoint in the folder."""
    keras.utils.set_random_seed(3)
    model, path, first = regressor(), None, 0
    if kind == "backup":
        saver = keras.callbacks.BackupAndRestore(folder / "backup", double_checkpoint=True)
    else:
        saver = keras.callbacks.ModelCheckpoint(str(folder / "{epoch:02d}.keras"))
        found, path = newest(folder)
        if found is not None:
            model, first = found, int(path.stem)
    flight = gk.Flight(POLICY, record=folder / "run.jsonl", state=path)
    model.fit(
        X,
        Y,
        batch_size=BATCH,
        epochs=epochs,
        initial_epoch=first,
        shuffle=False,
        verbose=0,
        callbacks=[flight, saver, *callbacks],
    )
    return model


if __name__ == "__main__":
    where = Path(sys.argv[1])
    with (where / "log").open("a") as file:
        trained = train(where, sys.argv[2], Log(file))
    np.savez(where / "weights.npz", *weights(trained))
