"""Optax and JAX. The public names are in `glidepath.optax`."""

from glidepath.errors import MissingExtraError

for _package in ("jax", "optax"):
    try:
        __import__(_package)
    except ModuleNotFoundError as error:
        if error.name != _package:
            raise
        raise MissingExtraError(_package, "optax") from error
