"""TorchTrainer keeps the trainer's contract with what real tasks have in them."""

import numpy as np
import pytest

import glidepath as gp
from glidepath.testing import check_trainer

torch = pytest.importorskip("torch", reason="torch is not installed")

from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, Dataset, TensorDataset  # noqa: E402

from glidepath.torch import Task, TorchTrainer  # noqa: E402

X = torch.randn(75, 4, generator=torch.Generator().manual_seed(0))
Y = X.sum(dim=1, keepdim=True)
CLASSES = (X.sum(dim=1) > 0).long()


def model():
    return nn.Sequential(
        nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 1)
    )


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9)


def adamw(parameters):
    return torch.optim.AdamW(parameters, lr=torch.tensor(0.1), weight_decay=0.01)


class Augmented(Dataset):
    """Draws from all three generators, as augmentation does."""

    def __len__(self):
        return 40

    def __getitem__(self, index):
        noise = torch.randn(4) + float(np.random.normal())
        return X[index] + 0.1 * noise, Y[index]


def loader(generator=None):
    return DataLoader(Augmented(), batch_size=16, shuffle=True, generator=generator)


def task(**given):
    defaults = {"train": (X[:40], Y[:40]), "validation": (X[40:60], Y[40:60]), "batch_size": 16}
    return Task(
        **{"model": model, "optimizer": sgd, "loss": nn.functional.mse_loss, **defaults, **given}
    )


TASKS = {
    "tensors": task,
    "test split": lambda: task(test=(X[60:], Y[60:]), metric="mean_absolute_error"),
    "adamw, tensor rate": lambda: task(optimizer=adamw),
    "loader": lambda: task(train=loader(), batch_size=None),
    "loader with a generator": lambda: task(train=loader(torch.Generator()), batch_size=None),
    "validation loader": lambda: task(
        validation=DataLoader(TensorDataset(X[40:], Y[40:]), batch_size=7, shuffle=True)
    ),
    "clip and accumulate": lambda: task(clip=0.5, accumulate=2),
    "accumulated loader": lambda: task(train=loader(), batch_size=None, accumulate=2),
    "bfloat16": lambda: task(amp="bfloat16"),
    "float16 with a scaler": lambda: task(amp="float16", clip=1.0),
    "arrays": lambda: task(train=(X[:40].numpy(), Y[:40].numpy())),
    "workers": lambda: task(
        train=DataLoader(Augmented(), batch_size=16, shuffle=True, num_workers=1), batch_size=None
    ),
}


@pytest.mark.parametrize("name", [name for name in TASKS if name != "workers"])
def test_the_contract_holds(name):
    trainer = TASKS[name]().open()
    assert isinstance(trainer, TorchTrainer)
    check_trainer(trainer, rate=0.01)


def test_a_loaders_workers_change_nothing():
    alone, helped = task(train=loader(), batch_size=None).open(), TASKS["workers"]().open()
    rates = {"learning_rate": np.full(3, 0.01)}
    first = helped.advance(rates).losses
    helped.reset(0)
    assert np.array_equal(helped.advance(rates).losses, first)
    assert alone.steps_per_epoch == helped.steps_per_epoch == 3


def by_hand(seed, plan, clip=None, accumulate=1):
    """The loop that a user would write, on the same order of examples."""
    torch.manual_seed(seed)
    net = model()
    optimizer = sgd(net.parameters())
    batches = []
    for epoch in range(30):
        order = np.random.default_rng([seed, epoch]).permutation(40)
        batches += [torch.from_numpy(order[at : at + 16]) for at in (0, 16, 32)]
    losses = []
    for k in range(plan.total_steps):
        group = optimizer.param_groups[0]
        group["lr"], group["momentum"] = float(plan(k)), float(plan.momentum(k))
        optimizer.zero_grad()
        parts = []
        for _ in range(accumulate):
            rows = batches.pop(0)
            loss = nn.functional.mse_loss(net(X[rows]), Y[rows])
            (loss / accumulate).backward()
            parts.append(loss.detach())
        if clip is not None:
            nn.utils.clip_grad_norm_(net.parameters(), clip)
        optimizer.step()
        losses.append(float(torch.stack(parts).mean()))
    return losses, net


@pytest.mark.parametrize("more", [{}, {"clip": 0.3}, {"clip": 0.3, "accumulate": 2}])
def test_it_trains_as_the_loop_that_a_user_would_write(more):
    plan = gp.one_cycle(0.05).plan(14)
    trainer = task(**more).open()
    trainer.reset(3)
    updates = trainer.advance({name: plan.table(name) for name in plan.tracks})
    losses, net = by_hand(3, plan, **more)
    assert updates.losses.tolist() == losses
    for name in plan.tracks:
        assert np.array_equal(updates.applied[name], plan.table(name))
    for mine, theirs in zip(trainer.model.parameters(), net.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    with torch.no_grad():
        wanted = nn.functional.mse_loss(net.eval()(X[40:60]), Y[40:60])
    assert trainer.evaluate("validation") == {"loss": float(wanted)}
    assert trainer.model.training


@pytest.mark.parametrize("generator", [None, torch.Generator()], ids=["global", "own"])
def test_a_restored_loader_goes_on_past_what_was_drawn(generator):
    rates = {"learning_rate": np.full(11, 0.01)}
    trainer = task(train=loader(generator), batch_size=None).open()
    trainer.reset(7)
    wanted = trainer.advance(rates).losses
    trainer.reset(7)
    trainer.advance({"learning_rate": np.full(4, 0.01)})
    state = trainer.snapshot()
    trainer.reset(8)
    trainer.advance(rates)
    trainer.restore(state)
    assert np.array_equal(trainer.advance({"learning_rate": np.full(7, 0.01)}).losses, wanted[4:])


def test_hyperparameters_that_are_not_named_are_the_optimizers_own():
    trainer = task().open()
    assert trainer.hyperparameters == {"learning_rate", "momentum", "weight_decay"}
    two = np.full(2, 0.01)
    trainer.advance({"learning_rate": two, "momentum": two})
    assert trainer.optimizer.param_groups[0]["momentum"] == 0.01
    trainer.advance({"learning_rate": two})
    assert trainer.optimizer.param_groups[0]["momentum"] == 0.9


def test_groups_keep_their_ratios_and_those_without_decay_stay_without():
    def grouped(parameters):
        *body, head = parameters
        groups = [{"params": body, "weight_decay": 0.0}, {"params": [head], "lr": 0.01}]
        return torch.optim.AdamW(groups, lr=0.1, weight_decay=0.02)

    trainer = task(optimizer=grouped).open()
    asked = {"learning_rate": np.array([0.5]), "weight_decay": np.array([0.3])}
    applied = trainer.advance(asked).applied
    assert {name: float(column[0]) for name, column in applied.items()} == {
        "learning_rate": 0.5,
        "weight_decay": 0.3,
    }
    body, head = trainer.optimizer.param_groups
    assert (body["lr"], body["weight_decay"]) == (0.5, 0.0)
    assert (head["lr"], head["weight_decay"]) == (pytest.approx(0.05), 0.3)


def test_an_update_that_the_scaler_skips_is_made_up_for():
    trainer = task(amp="float16").open()
    updates = trainer.advance({"learning_rate": np.full(20, 0.01)})
    assert len(updates.losses) == 20
    state = trainer.optimizer.state[next(iter(trainer.model.parameters()))]
    assert "momentum_buffer" in state

    def overflows(outputs, targets):
        return nn.functional.mse_loss(outputs, targets) * float("inf")

    broken = task(amp="float16", loss=overflows).open()
    assert np.isnan(broken.advance({"learning_rate": np.array([0.01])}).losses).all()


def test_gradients_are_clipped_at_their_own_scale_and_not_the_scalers():
    losses = [
        task(amp="float16", clip=clip).open().advance({"learning_rate": np.full(6, 0.01)}).losses
        for clip in (None, 1000.0, 0.01)
    ]
    assert np.array_equal(losses[0], losses[1])
    assert not np.array_equal(losses[0], losses[2])


def test_an_evaluation_that_draws_leaves_training_alone():
    def drawing(outputs, targets):
        return torch.rand(()) + np.random.random()

    rates, found = {"learning_rate": np.full(3, 0.01)}, []
    for evaluations in (0, 2):
        trainer = task(loss=nn.functional.mse_loss, metric=("drawn", drawing, False)).open()
        trainer.advance(rates)
        for _ in range(evaluations):
            trainer.evaluate("validation")
        found.append(trainer.advance(rates).losses.tolist())
    assert found[0] == found[1]


def test_accuracy_and_a_metric_of_ones_own():
    def share(outputs, targets):
        assert len(outputs) in (16, 8, 20)
        return (outputs.argmax(dim=1) == targets).float().mean().item()

    def classifier():
        return nn.Linear(4, 2)

    data = {"train": (X[:40], CLASSES[:40]), "validation": (X[40:60], CLASSES[40:60])}
    found = []
    for metric in ("accuracy", ("share", share, True)):
        each = task(model=classifier, loss=nn.functional.cross_entropy, metric=metric, **data)
        trainer = each.open()
        trainer.reset(1)
        updates = trainer.advance({"learning_rate": np.full(60, 0.2)})
        found.append((updates.metrics[trainer.metric.name], trainer.evaluate("validation")))
        assert trainer.metric.rising
    assert np.array_equal(found[0][0], found[1][0])
    assert found[0][1]["accuracy"] == found[1][1]["share"] > 0.8
    logits, wanted = torch.tensor([[2.0], [-1.0], [0.5]]), torch.tensor([[1.0], [0.0], [0.0]])
    from glidepath.backends.torch.metric import accuracy

    assert float(accuracy(logits, wanted)) == pytest.approx(2 / 3)


def test_several_inputs_are_called_as_arguments():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.line = nn.Linear(4, 1)

        def forward(self, a, b):
            return self.line(a - b)

    pair = ((X[:40], 0.5 * X[:40]), Y[:40])
    named = ({"a": X[:40], "b": 0.5 * X[:40]}, Y[:40])
    losses = [
        task(model=Two, train=data, validation=data)
        .open()
        .advance({"learning_rate": np.full(5, 0.01)})
        .losses.tolist()
        for data in (pair, named)
    ]
    assert losses[0] == losses[1]


def test_drive_flies_a_policy_and_a_controller():
    policy = gp.Policy(
        gp.constant(0.01), controllers=[gp.reduce_on_plateau(patience=1, min_delta=100.0)]
    )
    record = gp.drive(task().open(), policy, "4ep")
    assert record.outcome == "finished"
    rates = record.series["learning_rate"].reshape(4, 3)
    assert np.array_equal(rates, rates[:, :1] * np.ones((1, 3)))
    assert rates[-1, 0] < 0.01 == rates[0, 0]


def wrong():
    pair = (X, Y)
    return {
        "model must be a function": lambda: task(model=model()),
        "optimizer must be a function of": lambda: task(optimizer=sgd(model().parameters())),
        "loss must be a function": lambda: task(loss="mse"),
        "batch_size must be a positive": lambda: task(batch_size=0),
        "accumulate must be a positive": lambda: task(accumulate=True),
        "clip must be": lambda: task(clip=-1),
        "amp must be": lambda: task(amp="float8"),
        "metric must be one of": lambda: task(metric="f1"),
        r"must be a pair \(inputs, targets\) of tensors": lambda: task(train=3),
        "a tuple of 3": lambda: task(train=(X, Y, Y)),
        "number of rows": lambda: task(train=(X[:3], Y[:4])),
        "used up after one pass": lambda: task(train=iter([pair])),
        "batches of its own": lambda: task(train=[pair]),
        "must be known": lambda: task(train=[], batch_size=None),
        "arrays of numbers": lambda: task(train=(np.array([None] * 40), Y[:40])),
        r"model\(\) must return a torch.nn.Module": lambda: task(model=lambda: None).open(),
        "must return a torch optimizer": lambda: task(optimizer=lambda p: p).open(),
        "LBFGS": lambda: task(optimizer=torch.optim.LBFGS).open(),
        "an epoch has 3 batches": lambda: task(accumulate=4).open(),
        "must yield batches": lambda: (
            task(train=[X], batch_size=None).open().advance({"learning_rate": np.ones(1)})
        ),
        "must return one number": lambda: (
            task(loss=lambda o, t: o - t).open().advance({"learning_rate": np.ones(1)})
        ),
        "needs a glidepath.torch.Task": lambda: TorchTrainer(model),
        "must name the learning_rate": lambda: task().open().advance({"momentum": np.ones(1)}),
        "array of the same length": lambda: (
            task().open().advance({"learning_rate": np.ones(1), "momentum": np.ones(2)})
        ),
        "split must be": lambda: task().open().evaluate("validate"),
        r"needs what snapshot\(\) returned": lambda: task().open().restore({}),
    }


@pytest.mark.parametrize("message", list(wrong()))
def test_what_is_wrong_is_said(message):
    with pytest.raises(gp.GlidepathError, match=message):
        wrong()[message]()
