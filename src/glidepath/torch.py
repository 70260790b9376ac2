"""PyTorch: what Glidepath gives its users there.

`Scheduler` is the `LRScheduler` that flies a policy in a training loop; `Task` describes a model
and its data for `find`, `compare` and `tune`, and `TorchTrainer` trains it. `CooldownAdvice` says
what a cool-down begun now would give, from earlier runs or from `GradientNoise`.
"""

from glidepath.backends.torch.advice import CooldownAdvice, GradientNoise
from glidepath.backends.torch.scheduler import Scheduler
from glidepath.backends.torch.task import Task
from glidepath.backends.torch.trainer import TorchTrainer

__all__ = ["CooldownAdvice", "GradientNoise", "Scheduler", "Task", "TorchTrainer"]
