"""JAX and Optax: what Glidepath gives its users there.

`schedule` is a policy's rate as an Optax schedule, `inject` an optimizer that flies all of a
policy, and `Flight` the same with controllers, resume, and plans that change in flight. `Task`
describes a loss, parameters and data for `find`, `compare` and `tune`; `OptaxTrainer` trains it.
"""

from glidepath.backends.optax.flight import Flight
from glidepath.backends.optax.schedule import inject, schedule
from glidepath.backends.optax.task import Task
from glidepath.backends.optax.trainer import OptaxTrainer

__all__ = ["Flight", "OptaxTrainer", "Task", "inject", "schedule"]
