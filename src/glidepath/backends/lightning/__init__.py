"""Lightning. The public names are in `glidepath.lightning`."""

import importlib

from glidepath.errors import MissingExtraError

for _name in ("torch", "lightning"):
    try:
        importlib.import_module(_name)
    except ModuleNotFoundError as error:
        if error.name != _name:
            raise
        raise MissingExtraError(_name, "lightning") from error
