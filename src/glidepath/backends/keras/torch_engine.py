"""The trainer's engine on torch: Keras's own eager step, with hyperparameters as floats."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from keras import ops

from glidepath.backends.keras.engine import Rows
from glidepath.backends.keras.variables_engine import VariablesEngine


class TorchEngine(VariablesEngine):
    """See `Engine`. Nothing is compiled, so nothing is traced."""

    def step_on(self, batch: Any, values: Rows) -> Any:
        self.fresh_metrics()
        self.model.train()
        ready = self.batch(batch)
        logs = self.source.run(values.tolist(), lambda: self.model.train_step(ready))
        self.model.eval()
        return self.row(logs)

    def evaluate_on(self, batch: Any) -> dict[str, Any]:
        with torch.no_grad():
            logs: dict[str, Any] = self.model.test_step(batch)
        return logs

    def row(self, logs: dict[str, Any]) -> Any:
        used = self.source.used
        self.columns = (*used, *logs)
        applied = [np.float32(value) for value in used.values()]
        return np.asarray(applied + [ops.convert_to_numpy(value) for value in logs.values()])
