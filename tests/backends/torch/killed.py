"""A real training that a test kills: it saves a checkpoint after every few updates, and resumes.

python killed.py FOLDER [FOLLOW]: appends "update rate" to FOLDER/log as it goes.
"""

import os
import sys
from pathlib import Path

import torch
from torch_loop import Loop

import glidepath as gp
from glidepath.torch import Scheduler

sys.path.append(str(Path(__file__).parents[1]))
from killing import wait

TOTAL, EPOCH = 300, 20
POLICY = gp.Policy(
    gp.linear(0.001, 0.05, "10%") >> gp.cosine_decay(0.05, "rest"),
    momentum=gp.linear(0.95, 0.85, "100%"),
    controllers=[gp.reduce_on_plateau("loss", factor=0.8, patience=2, min_delta=1e9)],
)


def make(follow=False):
    loop = Loop(lambda p: torch.optim.SGD(p, lr=1.0, momentum=0.9))
    return loop, Scheduler(loop.optimizer, POLICY, TOTAL, EPOCH, follow=follow)


def save(path, loop, scheduler):
    states = {
        "model": loop.model.state_dict(),
        "optimizer": loop.optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "batches": loop.count,
    }
    torch.save(states, path.with_suffix(".new"))
    os.replace(path.with_suffix(".new"), path)


def load(path, loop, scheduler):
    states = torch.load(path, weights_only=True)
    loop.model.load_state_dict(states["model"])
    loop.optimizer.load_state_dict(states["optimizer"])
    scheduler.load_state_dict(states["scheduler"])
    loop.count = states["batches"]


def run(loop, scheduler, seen, stop=TOTAL):
    """Train on, giving `seen` each update and the rate that it applied."""
    while scheduler.last_epoch < stop:
        k = scheduler.last_epoch
        seen(k, loop.step()[0]["learning_rate"])
        scheduler.step()
        if (k + 1) % EPOCH == 0:
            scheduler.epoch_end({"loss": loop.losses[-1]})


def main(folder, follow):
    loop, scheduler = make(follow)
    path = folder / "checkpoint.pt"
    if path.exists():
        load(path, loop, scheduler)
    with (folder / "log").open("a") as log:

        def seen(k, rate):
            log.write(f"{k} {rate!r}\n")
            log.flush()
            wait(folder, 0.001)

        while scheduler.last_epoch < TOTAL:
            run(loop, scheduler, seen, min(scheduler.last_epoch + 7, TOTAL))
            save(path, loop, scheduler)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]), len(sys.argv) > 2)
