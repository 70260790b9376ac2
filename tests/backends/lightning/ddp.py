"""Two processes of Lightning's (gloo) whose validation losses differ; the same rates in both.

python ddp.py FOLDER: writes what each process applied to FOLDER/0.json and FOLDER/1.json.
"""

import json
import sys
from pathlib import Path

import torch
from lightning_module import PLATEAU, Module, fit, trainer

import glidepath as gp
from glidepath.lightning import Flight

POLICY = gp.Policy(gp.linear(0.1, 0.01, "100%"), controllers=[PLATEAU])


class Differing(Module):
    """Process 0 alone would see no improvement, process 1 one at every validation."""

    def __init__(self):
        super().__init__()
        self.epochs = 0

    def validation_step(self, batch, index):
        self.log("val_loss", torch.tensor(-300.0 * self.epochs * self.global_rank))

    def on_validation_epoch_end(self):
        self.epochs += 1

    def on_train_end(self):
        Path(sys.argv[1], f"{self.global_rank}.json").write_text(json.dumps(self.rates()))


if __name__ == "__main__":
    torch.set_num_threads(1)
    settings = {"devices": 2, "strategy": "ddp_fork", "max_epochs": 6, "num_sanity_val_steps": 0}
    made = trainer(sys.argv[1], Flight(POLICY), limit_val_batches=1.0, **settings)
    fit(Differing(), made)
