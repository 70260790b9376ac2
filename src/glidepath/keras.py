"""Keras 3: what Glidepath gives its users there, on JAX, TensorFlow and torch."""

from glidepath.backends.keras.task import Task
from glidepath.backends.keras.trainer import KerasTrainer

__all__ = ["KerasTrainer", "Task"]
