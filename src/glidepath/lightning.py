"""Lightning: what Glidepath gives its users there.

`configure` makes what `configure_optimizers` returns; `Flight` is a callback that flies a policy in
a module that knows nothing of it.
"""

from glidepath.backends.lightning.configure import configure
from glidepath.backends.lightning.flight import Flight

__all__ = ["Flight", "configure"]
