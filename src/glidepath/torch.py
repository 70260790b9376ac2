"""PyTorch: what Glidepath gives its users there.

`Scheduler` is the `LRScheduler` that flies a policy in a training loop; `Task` describes a model
and its data for `find`, `compare` and `tune`.
"""

from glidepath.backends.torch.scheduler import Scheduler

__all__ = ["Scheduler"]
