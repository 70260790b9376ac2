"""What a learning rate does, computed: small problems on which it can be seen, in NumPy alone.

Each function here computes one demonstration and returns its numbers; `glidepath demo` draws them.
Everything is seeded, takes seconds, and is real: gradient descent on a bowl and on a saddle,
mini-batches of a regression, and a small network on scikit-learn's digits.
"""

from glidepath.demos.batches import Noise, Wander, noise
from glidepath.demos.bowl import Descent, Regimes, regimes
from glidepath.demos.drops import Decay, Drop, Flown, decay
from glidepath.demos.gallery import Entry, policies
from glidepath.demos.network import Trained
from glidepath.demos.race import Race, Raced, optimizers
from glidepath.demos.saddle_point import Escape, Saddle, saddle

__all__ = [
    "Decay",
    "Descent",
    "Drop",
    "Entry",
    "Escape",
    "Flown",
    "Noise",
    "Race",
    "Raced",
    "Regimes",
    "Saddle",
    "Trained",
    "Wander",
    "decay",
    "noise",
    "optimizers",
    "policies",
    "regimes",
    "saddle",
]
