"""Keras 3: what Glidepath gives its users there, on JAX, TensorFlow and torch.

`Flight` is the callback that flies a policy in `model.fit`; `schedule` and `PlanSchedule` give the
learning rate alone as a Keras schedule, saved with the model; `EpochFunction` sets it by a function
of the epoch; `CooldownAdvice` says what a cool-down begun now would give, from earlier runs or from
`GradientNoise`; `Task` describes a model and its data for `find`, `compare` and `tune`.
"""

from glidepath.backends.keras.advice import CooldownAdvice
from glidepath.backends.keras.epoch import EpochFunction
from glidepath.backends.keras.flight import Flight
from glidepath.backends.keras.noise import GradientNoise
from glidepath.backends.keras.schedule import PlanSchedule, schedule
from glidepath.backends.keras.task import Task
from glidepath.backends.keras.trainer import KerasTrainer

__all__ = [
    "CooldownAdvice",
    "EpochFunction",
    "Flight",
    "GradientNoise",
    "KerasTrainer",
    "PlanSchedule",
    "Task",
    "schedule",
]
