"""Keras runs on one engine per process: `KERAS_BACKEND=torch pytest -m keras`."""

import atexit
import os
import shutil
import tempfile

import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    # Many tests compile the same small model: each compilation is done once per run.
    folder = os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp()
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


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
