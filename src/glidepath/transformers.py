"""Transformers: what Glidepath gives its users there.

`fly` lets a `transformers.Trainer` fly a policy, and returns the `Flight` in which it does.
"""

from glidepath.backends.transformers.flight import Flight, fly

__all__ = ["Flight", "fly"]
