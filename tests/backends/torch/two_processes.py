"""A training in one process or in two (gloo), on the same examples; it saves and resumes.

python two_processes.py FOLDER: two processes go on from FOLDER/one.pt, save FOLDER/two.pt, and
write what each of them applied to FOLDER/0.json and FOLDER/1.json.
"""

import json
import sys
from pathlib import Path

import torch
from torch_loop import Loop

import glidepath as gp
from glidepath.torch import Scheduler

TOTAL, EPOCH = 60, 5
PLATEAU = gp.reduce_on_plateau("loss", factor=0.5, patience=2, restore_best=True)
POLICY = gp.Policy(gp.linear(0.1, 0.02, "100%"), controllers=[PLATEAU])


class Half(Loop):
    """Every second example of each batch, from this process's number on."""

    def __init__(self, rank=0, world=1):
        super().__init__(lambda p: torch.optim.SGD(p, lr=1.0, momentum=0.9))
        self.inner = self.model
        if world > 1:
            self.x, self.y = self.x[rank::2], self.y[rank::2]
            self.model = torch.nn.parallel.DistributedDataParallel(self.inner)
        self.size = 16 // world

    def loss(self):
        at = self.size * (self.count % 4)
        self.count += 1
        rows = slice(at, at + self.size)
        return ((self.model(self.x[rows]) - self.y[rows]) ** 2).mean()


def metric(epoch, rank, world):
    """By its own, process 0 improves at every epoch, and process 1 at none."""
    mine = [1.0 - 0.01 * epoch, 1.0 + (0.03 if epoch % 4 else -0.1) * epoch]
    if epoch == 7:  # one process evaluates for all
        return {"loss": 5.0} if rank == 0 else {}
    return {"loss": sum(mine) / 2 if world == 1 else mine[rank]}


def train(loop, scheduler, stop, rank=0, world=1):
    """The rates as they were applied, up to an update."""
    rates = []
    while scheduler.last_epoch < stop:
        rates.append(loop.step()[0]["learning_rate"])
        scheduler.step()
        if scheduler.last_epoch % EPOCH == 0:
            epoch = scheduler.last_epoch // EPOCH - 1
            scheduler.epoch_end(metric(epoch, rank, world), model=loop.inner)
    return rates


def make(rank=0, world=1):
    loop = Half(rank, world)
    return loop, Scheduler(loop.optimizer, POLICY, TOTAL, EPOCH)


def save(path, loop, scheduler):
    parts = (loop.inner, loop.optimizer, scheduler)
    torch.save([*(part.state_dict() for part in parts), loop.count], path)


def load(path, loop, scheduler):
    *states, loop.count = torch.load(path, weights_only=True)
    for part, state in zip((loop.inner, loop.optimizer, scheduler), states, strict=True):
        part.load_state_dict(state)


def budgeted(rank):
    """The length that a budget of 200 s gives, where an update takes one second, or five."""
    loop, now = Loop(torch.optim.SGD), [0.0]
    scheduler = Scheduler(loop.optimizer, gp.constant(0.1), 1000)
    scheduler.cooldown_by("200s", clock=lambda: now[0])
    for _ in range(300):
        now[0] += 1.0 + 4.0 * rank
        scheduler.step()
    return scheduler.plan.total_steps


def worker(rank, folder):
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2
    )
    loop, scheduler = make(rank, 2)
    load(folder / "one.pt", loop, scheduler)
    rates = train(loop, scheduler, 40, rank, 2)
    if rank == 0:
        save(folder / "two.pt", loop, scheduler)
    found = {"rates": rates, "length": budgeted(rank)}
    (folder / f"{rank}.json").write_text(json.dumps(found))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    # Forked before torch has made any threads.
    torch.multiprocessing.start_processes(
        worker, (Path(sys.argv[1]),), nprocs=2, start_method="fork"
    )
