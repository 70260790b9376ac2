"""What a learning rate does, computed: small problems on which it can be seen, in NumPy alone.

Each function here computes one demonstration and returns its numbers; `glidepath demo` draws them.
Everything is seeded, takes seconds, and is real: gradient descent on a bowl and on a saddle,
mini-batches of a regression, and a small network on scikit-learn's digits.
"""

from glidepath.demos.bowl import Descent, Regimes, regimes

__all__ = ["Descent", "Regimes", "regimes"]
