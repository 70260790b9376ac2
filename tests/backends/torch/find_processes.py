"""A search in two processes (gloo) that train one model, each on its own half of the examples.

python find_processes.py FOLDER: what each found is in FOLDER/0.json and FOLDER/1.json.
"""

import json
import sys
from pathlib import Path

import torch

import glidepath as gp
import glidepath.torch


def halves(rank, world):
    """Examples of which one process sees the small targets and the other the large ones."""
    x = torch.randn(256, 6, generator=torch.Generator().manual_seed(0))
    y = x[:, :1] + 3 * x[:, 1:2].clamp(min=0) ** 2
    mine = y[:, 0].argsort()[rank * 256 // world :][: 256 // world]
    return x[mine], y[mine]


def search(folder, rank, world):
    model = torch.nn.Linear(6, 1)
    made = torch.nn.parallel.DistributedDataParallel(model) if world > 1 else model
    start = {name: value.clone() for name, value in made.state_dict().items()}

    def fresh():
        made.load_state_dict(start)
        return made

    trainer = glidepath.torch.Task(
        fresh,
        lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
        torch.nn.functional.mse_loss,
        halves(rank, world),
        halves(rank, world),
        batch_size=32 // world,
    ).open()
    found = gp.find(trainer, gp.cosine_decay(1, "100%"), 40, effort="quick")
    told = [found.learning_rate, *found.interval, [lane.rate for lane in found.lanes]]
    (folder / f"{rank}.json").write_text(json.dumps([told, trainer.evaluate("validation")]))


def worker(rank, folder):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2
    )
    search(folder, rank, 2)
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    # Forked before torch has made any threads.
    torch.multiprocessing.start_processes(
        worker, (Path(sys.argv[1]),), nprocs=2, start_method="fork"
    )
