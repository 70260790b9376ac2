"""From `examples/torch_task.py:task` to a trainer, and the code that a report offers."""

import importlib.util
import json
import pickle
from pathlib import Path

import pytest

import glidepath as gp
from glidepath.tasks import code_for, load_task

torch = pytest.importorskip("torch", reason="torch is not installed")

from torch_loop import Loop  # noqa: E402

from glidepath.torch import TorchTrainer  # noqa: E402

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def test_the_example_task_opens_and_learns():
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    task = pickle.loads(pickle.dumps(load_task(f"{EXAMPLES}/torch_task.py:task")))  # noqa: S301
    assert (task.name, task.framework) == ("torch_task.task", "torch")
    trainer = task.open()
    assert isinstance(trainer, TorchTrainer)
    record = gp.drive(trainer, gp.one_cycle(0.3), "5ep", task=task.name)
    assert record.evaluations[-1].values["accuracy"] > 0.9
    assert "glidepath.torch.Scheduler" in task.code_for(gp.one_cycle(0.3), gp.constant(1).plan(5))


def test_the_example_loop_runs():
    spec = importlib.util.spec_from_file_location("torch_example", EXAMPLES / "torch_loop.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.main() < 0.1


@pytest.mark.parametrize(
    "policy",
    [
        gp.one_cycle(0.1),
        gp.Policy(gp.constant(0.1), controllers=[gp.reduce_on_plateau(patience=1)]),
    ],
    ids=["one_cycle", "plateau"],
)
def test_the_code_of_a_report_trains(policy):
    loop = Loop(lambda p: torch.optim.SGD(p, lr=1.0, momentum=0.9))
    space = {
        "optimizer": loop.optimizer,
        "model": loop.model,
        "loss_function": torch.nn.functional.mse_loss,
        "train_loader": [(loop.x, loop.y)] * 4,
        "validate": lambda model: 1.0,
    }
    exec(code_for(policy, "torch", 3), space)
    flown = space["scheduler"]
    assert flown.plan.policy == gp.as_policy(policy)
    assert [each[0]["learning_rate"] for each in loop.seen[:4]] == flown.plan.table()[:4].tolist()
    assert flown.last_epoch == 12
    assert bool(json.dumps(flown.state_dict()))


def test_what_is_no_task_is_said_without_keras(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("import glidepath.torch\ndef task(): return 3\n")
    with pytest.raises(gp.TaskError, match=r"glidepath\.torch.*, got int"):
        load_task(f"{file}:task").open()
    file.write_text("def task(: pass")
    assert load_task(f"{file}:task").framework == "keras"
