"""Keras runs on one engine per process: `KERAS_BACKEND=torch pytest -m keras`."""

import os

import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")


def pytest_ignore_collect(collection_path, config):
    """Where Keras is left out, its tests are not even imported."""
    if "not keras" in (config.getoption("markexpr") or "") and collection_path.suffix == ".py":
        return True
    return None


@pytest.fixture(autouse=True)
def _seeded():
    """The same weights and the same order in every run of a test."""
    import keras

    keras.utils.set_random_seed(7)
