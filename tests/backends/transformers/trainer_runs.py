"""Real trainings that are killed, and that two processes (gloo) share; what resumes them is
Trainer's own checkpoint.

python trainer_runs.py FOLDER KILLS SEED PORT CHECKPOINT: a training in FOLDER/killed is killed
(SIGKILL) so often, each time at a random update, and started again until it comes to its end; then
two processes go on from CHECKPOINT, and write what each applied to FOLDER/0.json and FOLDER/1.json.
"""

import json
import os
import sys
from pathlib import Path

import torch
from trainer_model import POLICY, Read, model, trainer

import glidepath as gp
from glidepath.transformers import fly

sys.path.append(str(Path(__file__).parents[1]))
from killing import forked, killed, lines, wait  # noqa: F401

UPDATES, EVERY, SHARED = 24, 5, 6
PLATEAU = gp.reduce_on_plateau(
    "eval_loss", factor=0.8, patience=2, min_delta=1e9, restore_best=True
)
KILLED = gp.Policy(POLICY, momentum=gp.linear(0.95, 0.85, "100%"), controllers=[PLATEAU])


class Logged(Read):
    """Writes a line with each update and its rate, and takes its time."""

    def __init__(self, path, pause):
        super().__init__()
        self.path, self.pause = path, pause

    def on_train_begin(self, args, state, control, **kwargs):
        self.state = state
        super().on_train_begin(args, state, control, **kwargs)

    def _read(self, optimizer, args, kwargs):
        super()._read(optimizer, args, kwargs)
        with self.path.open("a") as log:
            log.write(f"{self.state.global_step} {self.rates[-1]!r}\n")
        wait(self.path.parent, self.pause)


def newest(folder):
    """The newest checkpoint that was written to its end; what is written last is the state."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    for path in reversed(found):
        try:
            json.loads((path / "trainer_state.json").read_text())
        except (OSError, ValueError):
            continue
        return str(path)
    return None


def train(folder, pause=0.0):
    """All of the run, or what is left of it after the newest checkpoint in the folder."""
    folder.mkdir(exist_ok=True)
    settings = {"save_strategy": "steps", "save_steps": EVERY, "eval_strategy": "steps"}
    made, _ = trainer(folder, eval_steps=EVERY, **settings)
    made.add_callback(Logged(folder / "log", pause))
    fly(made, KILLED)
    made.train(resume_from_checkpoint=newest(folder))
    torch.save(made.model.state_dict(), folder / "weights.new")
    os.replace(folder / "weights.new", folder / "weights.pt")


def share(folder, checkpoint=None, processes=1):
    """One process, or two that take the batches by turns; the updates are of the same examples."""
    made, read = trainer(
        folder,
        network=model(seed=0 if checkpoint is None else 1),
        gradient_accumulation_steps=4 // processes,
        save_strategy="steps",
        save_steps=2,
    )
    fly(made, POLICY)
    made.train(resume_from_checkpoint=checkpoint)
    return read.rates, made.model.state_dict()


def worker(folder, checkpoint, rank, port):
    """One of two processes, as torchrun starts them."""
    given = {"WORLD_SIZE": 2, "RANK": rank, "LOCAL_RANK": rank, "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in given.items()})
    os.environ["MASTER_ADDR"] = "127.0.0.1"
    rates, _ = share(folder, checkpoint, processes=2)
    (folder / f"{rank}.json").write_text(json.dumps(rates))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    torch.set_num_threads(1)
    where, kills, seed, port, checkpoint = sys.argv[1:]
    where = Path(where)
    to_kill = where / "killed"
    done = killed(lambda: train(to_kill, 0.002), to_kill, int(kills), int(seed), UPDATES)
    (where / "kills").write_text(str(done))
    children = [
        forked(lambda rank=rank: worker(where, checkpoint, rank, port)) for rank in range(2)
    ]
    sys.exit(max(os.waitpid(child, 0)[1] for child in children) > 0)
