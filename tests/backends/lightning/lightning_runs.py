"""Real trainings that are killed, and that two processes (gloo) share; what resumes them is
Lightning's own checkpoint.

python lightning_runs.py FOLDER KILLS SEED [CHECKPOINT]: a training in FOLDER/killed is killed
(SIGKILL) so often, each time at a random update, and started again until it comes to its end; then
two processes go on from CHECKPOINT, and write what each applied to FOLDER/0.json and FOLDER/1.json.
"""

import json
import os
import sys
from pathlib import Path

import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning_module import PLATEAU, Module, fit, loader, trainer
from torch.utils.data import DataLoader, DistributedSampler

import glidepath as gp
from glidepath.lightning import Flight

sys.path.append(str(Path(__file__).parents[1]))
from killing import killed, lines, wait  # noqa: F401

SHARED = gp.Policy(gp.linear(0.1, 0.01, "100%"), controllers=[PLATEAU])
EPOCHS, PER_EPOCH = 8, 3
KILLED = gp.Policy(
    gp.linear(0.001, 0.05, "10%") >> gp.cosine_decay(0.05, "rest"),
    momentum=gp.linear(0.95, 0.85, "100%"),
    controllers=[
        gp.reduce_on_plateau("val_loss", factor=0.8, patience=2, min_delta=1e9, restore_best=True)
    ],
)


class Logged(Module):
    """Writes a line with each update and its rate, and takes its time."""

    def __init__(self, path, pause):
        super().__init__()
        self.path, self.pause = path, pause

    def _read(self, optimizer, args, kwargs):
        super()._read(optimizer, args, kwargs)
        with self.path.open("a") as log:
            log.write(f"{self.global_step} {self.applied[-1][0]!r}\n")
        wait(self.path.parent, self.pause)


def saver(folder):
    return ModelCheckpoint(folder, save_top_k=-1, filename="{epoch}")


def newest(folder):
    """The newest checkpoint that was written to its end."""
    found = sorted(folder.glob("epoch=*.ckpt"), key=lambda path: path.stat().st_mtime)
    for path in reversed(found):
        try:
            torch.load(path, weights_only=True)
        except (RuntimeError, EOFError):
            path.unlink()
        else:
            return path
    return None


def train(folder, pause=0.0):
    """All of the run, or what is left of it after the newest checkpoint in the folder."""
    folder.mkdir(exist_ok=True)
    settings = {"max_epochs": EPOCHS, "limit_val_batches": 1.0, "enable_checkpointing": True}
    made = trainer(folder, Flight(KILLED), saver(folder), accumulate_grad_batches=2, **settings)
    module = fit(Logged(folder / "log", pause), made, newest(folder))
    torch.save(module.state_dict(), folder / "weights.new")
    os.replace(folder / "weights.new", folder / "weights.pt")


class Differing(Module):
    """Process 0 alone would see no improvement; by the mean every validation improves."""

    def train_dataloader(self):
        """Lightning's own sampler of several processes would shuffle."""
        data, world = loader().dataset, self.trainer.world_size
        mine = DistributedSampler(data, world, self.global_rank, shuffle=False)
        return DataLoader(data, batch_size=2, sampler=mine)

    def validation_step(self, batch, index):
        share = self.global_rank if self.trainer.world_size > 1 else 0.5
        self.log("val_loss", torch.tensor(-300.0 * self.current_epoch * share))


def share(folder, checkpoint=None, processes=1):
    """One process, or two that see every second example; the updates are of the same examples."""
    settings = {"devices": 2, "strategy": "ddp_fork"} if processes == 2 else {}
    made = trainer(
        folder,
        Flight(SHARED),
        saver(folder),
        accumulate_grad_batches=2 // processes,
        max_epochs=6,
        num_sanity_val_steps=0,
        limit_val_batches=1.0,
        enable_checkpointing=True,
        use_distributed_sampler=False,
        **settings,
    )
    module = Writing(folder) if processes == 2 else Differing()
    made.fit(module, val_dataloaders=loader(), ckpt_path=checkpoint)
    return module


class Writing(Differing):
    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def on_train_end(self):
        (self.folder / f"{self.global_rank}.json").write_text(json.dumps(self.rates()))


if __name__ == "__main__":
    torch.set_num_threads(1)
    where, kills, seed, *checkpoint = sys.argv[1:]
    to_kill = Path(where, "killed")
    done = killed(lambda: train(to_kill, 0.002), to_kill, int(kills), int(seed), EPOCHS * PER_EPOCH)
    Path(where, "kills").write_text(str(done))
    if checkpoint:
        share(Path(where), checkpoint[0], processes=2)
