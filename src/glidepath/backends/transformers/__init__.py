"""Transformers' `Trainer`. The public names are in `glidepath.transformers`."""

import importlib

from glidepath.errors import MissingExtraError

for _name in ("torch", "accelerate", "transformers"):
    try:
        importlib.import_module(_name)
    except ModuleNotFoundError as error:
        if error.name != _name:
            raise
        raise MissingExtraError(_name, "transformers") from error
