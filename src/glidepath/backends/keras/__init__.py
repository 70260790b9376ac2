"""Keras 3, on JAX, TensorFlow and torch. The public names are in `glidepath.keras`."""

from glidepath.errors import MissingExtraError

try:
    import keras as _keras
except ModuleNotFoundError as error:
    if error.name != "keras":
        raise
    raise MissingExtraError("keras", "keras") from error

ENGINE: str = _keras.backend.backend()
"""What Keras runs on in this process: "jax", "tensorflow" or "torch"."""
