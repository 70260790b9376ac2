"""accelerate: the clock is the applied update, prepared or not, whoever else counts."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import glidepath as gp

torch = pytest.importorskip("torch", reason="torch is not installed")
accelerate = pytest.importorskip("accelerate", reason="accelerate is not installed")

from accelerate.scheduler import AcceleratedScheduler  # noqa: E402

from glidepath.torch import Scheduler  # noqa: E402

TOTAL = 12
POLICY = gp.linear(0.1, 0.01, "100%")
PLAN = POLICY.plan(TOTAL)


@pytest.fixture(autouse=True)
def fresh_state():
    """accelerate keeps its state for the whole process; another test's is not wanted here."""
    yield reset()
    reset()


def reset():
    accelerate.state.AcceleratorState._reset_state(reset_partial_state=True)
    accelerate.state.GradientState._reset_state()


def ours(optimizer):
    return Scheduler(optimizer, POLICY, total=TOTAL, follow=True)


def native(optimizer):
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: PLAN(min(k, TOTAL)) / 0.1)


class Loop:
    """A training loop as accelerate's users write it; `applied` is what each update used."""

    def __init__(self, make, prepare=True, accumulate=1, scaler=None, split_batches=False):
        config = accelerate.DataLoaderConfiguration(split_batches=split_batches)
        self.accelerator = accelerate.Accelerator(
            cpu=True, gradient_accumulation_steps=accumulate, dataloader_config=config
        )
        self.accelerator.scaler = scaler
        torch.manual_seed(0)
        optimizer = torch.optim.SGD(torch.nn.Linear(3, 1).parameters(), lr=0.1)
        optimizer.register_step_pre_hook(self._read)
        self.applied = []
        scheduler = make(optimizer)
        self.optimizer = self.accelerator.prepare(optimizer)
        self.scheduler = self.accelerator.prepare(scheduler) if prepare else scheduler
        assert isinstance(self.scheduler, AcceleratedScheduler) == prepare
        self.parameters = [p for group in optimizer.param_groups for p in group["params"]]

    def _read(self, optimizer, args, kwargs):
        self.applied.append(float(optimizer.param_groups[0]["lr"]))

    def run(self, batches, overflow_at=()):
        for batch in range(batches):
            with self.accelerator.accumulate():
                loss = sum(p.square().sum() for p in self.parameters)
                loss = loss * (float("inf") if batch in overflow_at else 1.0)
                self.accelerator.backward(loss)
                self.optimizer.step()
                self.scheduler.step()
                self.optimizer.zero_grad()
        return self


def planned(updates=TOTAL):
    return PLAN.table()[:updates].tolist()


@pytest.fixture
def two_processes(monkeypatch):
    """A prepared scheduler is told that two processes train."""
    monkeypatch.setattr(
        accelerate.scheduler, "AcceleratorState", lambda: SimpleNamespace(num_processes=2)
    )


@pytest.mark.parametrize("prepare", [True, False], ids=["prepared", "not prepared"])
@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("split_batches", [False, True])
@pytest.mark.usefixtures("two_processes")
def test_every_update_applies_the_plan(prepare, accumulate, split_batches):
    loop = Loop(ours, prepare, accumulate, split_batches=split_batches).run(TOTAL * accumulate)
    assert loop.applied == planned()
    assert loop.scheduler.get_last_lr() == [PLAN(TOTAL)]


@pytest.mark.usefixtures("two_processes")
def test_the_native_schedule_runs_twice_as_fast_in_two_processes():
    assert Loop(native, split_batches=True).run(TOTAL).applied == pytest.approx(planned())
    applied = Loop(native).run(TOTAL // 2).applied
    assert applied == pytest.approx(planned()[::2])
    assert applied != pytest.approx(planned(TOTAL // 2))


@pytest.mark.filterwarnings("ignore:Detected call of")
def test_the_native_schedule_counts_batches_where_it_is_not_prepared():
    loop = Loop(native, prepare=False, accumulate=3).run(TOTAL)
    assert loop.applied == pytest.approx(planned()[2::3])


@pytest.mark.parametrize("prepare", [True, False], ids=["prepared", "not prepared"])
def test_an_update_that_amp_skips_is_not_counted(prepare):
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    loop = Loop(ours, prepare, scaler=scaler).run(TOTAL, overflow_at=(0, 4, 5))
    assert loop.applied == planned(TOTAL - 3)


@pytest.mark.filterwarnings("ignore:Detected call of")
def test_the_native_schedule_counts_skipped_updates_where_it_is_not_prepared():
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    loop = Loop(native, prepare=False, scaler=scaler).run(TOTAL, overflow_at=(4,))
    assert loop.applied == pytest.approx(planned()[:4] + planned()[5:])


def test_a_checkpoint_of_accelerate_carries_the_clock(tmp_path):
    first = Loop(ours, accumulate=2).run(8)
    first.accelerator.save_state(tmp_path)
    resumed = Loop(ours, accumulate=2)
    resumed.accelerator.load_state(tmp_path)
    assert first.applied + resumed.run(2 * TOTAL - 8).applied == planned()


def test_a_checkpoint_of_another_plan_is_refused(tmp_path):
    def longer(optimizer):
        return Scheduler(optimizer, POLICY, total=2 * TOTAL, follow=True)

    Loop(ours).run(4).accelerator.save_state(tmp_path)
    with pytest.raises(gp.ResumeError, match=f"saved {TOTAL}, now {2 * TOTAL}"):
        Loop(longer).accelerator.load_state(tmp_path)


WORKER = """
import json, sys
sys.path.insert(0, sys.argv[1])
from test_torch_accelerate import Loop, TOTAL, native, ours
loops = {
    "ours": Loop(ours, accumulate=2).run(2 * TOTAL),
    "native": Loop(native, accumulate=2).run(TOTAL),
}
assert loops["ours"].accelerator.num_processes == 2
print(json.dumps({name: loop.applied for name, loop in loops.items()}))
"""


def test_two_processes_follow_one_plan():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(Path(__file__).parent)],
            env={
                **os.environ,
                **shared,
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "OMP_NUM_THREADS": "1",
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    printed = [process.communicate(timeout=120)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    for output in printed:
        applied = json.loads(output.splitlines()[-1])
        assert applied["ours"] == planned()
        assert applied["native"] == pytest.approx(planned()[::2])
