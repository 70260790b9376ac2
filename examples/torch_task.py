"""Handwritten digits with a small PyTorch network: `glidepath tune examples/torch_task.py:task`.

1,797 images of 8 × 8 pixels come with scikit-learn. A fifth is kept for the test, a fifth of the
rest for validation.
"""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from glidepath.torch import Task


def model() -> nn.Module:
    """Two hidden layers."""
    return nn.Sequential(
        nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)
    )


def optimizer(parameters) -> torch.optim.Optimizer:
    """The rate and the momentum are what Glidepath flies; these are only the start."""
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9, nesterov=True)


def task() -> Task:
    """The data, split the same way each time."""
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.2, stratify=y, random_state=0)
    x, x_val, y, y_val = train_test_split(x, y, test_size=0.2, stratify=y, random_state=0)
    return Task(
        model,
        optimizer,
        nn.functional.cross_entropy,
        train=(x, y),
        validation=(x_val, y_val),
        test=(x_test, y_test),
        batch_size=40,
        metric="accuracy",
    )
