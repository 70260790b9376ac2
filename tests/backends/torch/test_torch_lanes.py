"""PyTorch's lanes side by side: what one by one gives, wherever they can be had."""

import copy
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

import torch
from torch import nn

import glidepath as gp
import glidepath.torch
from glidepath.backends.torch import lanes
from glidepath.backends.torch.elementwise import is_elementwise
from glidepath.backends.torch.groups import GroupValues
from glidepath.errors import LanesError
from glidepath.finding.finder import lanes as flying
from glidepath.finding.finder.effort import EFFORTS
from glidepath.training import Laner, LaneTrier

COSINE = gp.linear(0, 1, "10%") >> gp.cosine_decay(1, "90%")
LOSS = nn.functional.binary_cross_entropy_with_logits
RATES = np.array([[0.3], [0.1], [0.02]])


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    """A search of 254 updates at most, of which a trial leaves all lanes whole."""
    monkeypatch.setitem(EFFORTS, "quick", replace(EFFORTS["quick"], least=254))


def data(count, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 6, generator=generator)
    return x, (x[:, :1] * x[:, 1:2] > 0).float()


def mlp():
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1))


def normalised():
    return nn.Sequential(
        nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1)
    )


def frozen():
    model = mlp()
    model[0].weight.requires_grad_(False)
    return model


def half(count):
    return tuple(part.half() for part in data(count, 0))


class Sparse(nn.Module):
    """Draws for every example and lane by itself."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(6, 1)

    def forward(self, x):
        if torch._C._functorch.is_batchedtensor(self.out(x)):
            torch.rand(3)
        return self.out(x)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.out = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 1)
        self.two.weight = self.one.weight

    def forward(self, x):
        return self.out(torch.relu(self.two(torch.relu(self.one(x)))))


class Asking(nn.Module):
    """From the update `after` on it looks at its numbers."""

    after = 0

    def __init__(self):
        super().__init__()
        self.out, self.calls = nn.Linear(6, 1), 0

    def forward(self, x):
        self.calls += 1
        found = self.out(x)
        return found + (0 * found.sum().item() if self.calls > self.after else 0)


def hooked():
    model = mlp()
    model[0].weight.register_hook(lambda gradient: gradient.clamp(-0.01, 0.01))
    return model


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3)


def adamw(parameters):
    return torch.optim.AdamW(parameters, lr=0.001)


def grouped(parameters):
    """By axes, as is usual; with lanes in front every parameter has one more."""
    given = list(parameters)
    wide = [each for each in given if each.ndim > 1]
    flat = {"params": [each for each in given if each.ndim < 2], "lr": 0.01, "weight_decay": 0.0}
    return torch.optim.AdamW([{"params": wide}, flat], lr=0.1, weight_decay=0.1)


def clipped_inside(parameters):
    class Clipped(torch.optim.SGD):
        def step(self, closure=None):
            inside = [each for group in self.param_groups for each in group["params"]]
            nn.utils.clip_grad_norm_(inside, 5.0)
            super().step()

    return Clipped(parameters, lr=0.1)


def trainer(model=mlp, optimizer=sgd, loss=LOSS, **options):
    whole = {"train": data(120, 0), "batch_size": 32, "validation": data(96, 1)}
    return glidepath.torch.Task(model, optimizer, loss, **{**whole, **options}).open()


def again(each, rates):
    """The weights are where they were; dropout draws from generators that all trainers share."""
    torch.manual_seed(0)
    return each.advance(rates).losses


def augmented():
    class Noisy(torch.utils.data.TensorDataset):
        def __getitem__(self, index):
            x, y = super().__getitem__(index)
            return x + 0.1 * torch.randn(6), y

    loader = torch.utils.data.DataLoader(Noisy(*data(120, 0)), 32, shuffle=True)
    return {"train": loader, "batch_size": None}


POSSIBLE = {
    "momentum": dict,
    "adamw": lambda: {"optimizer": adamw},
    "adam": lambda: {"optimizer": lambda p: torch.optim.Adam(p, weight_decay=0.1, amsgrad=True)},
    "rmsprop": lambda: {"optimizer": lambda p: torch.optim.RMSprop(p, momentum=0.5)},
    "groups": lambda: {"optimizer": grouped},
    "batch norm, dropout": lambda: {"model": normalised},
    "frozen": lambda: {"model": frozen},
    "tied": lambda: {"model": Tied},
    "clipping": lambda: {"clip": 0.2},
    "accumulation": lambda: {"accumulate": 2},
    "augmentation": augmented,
}


@pytest.mark.parametrize("case", POSSIBLE)
def test_lanes_side_by_side_are_the_lanes_one_by_one(case):
    """Losses, weights, statistics and slots, also where they go on from slots of their own."""
    mine = trainer(**POSSIBLE[case]())
    assert isinstance(mine, Laner)
    assert isinstance(mine, LaneTrier)
    mine.reset(3)
    start = mine.snapshot()
    trial = mine.try_lanes([start] * 3, {"learning_rate": RATES * np.ones(3)})
    assert (trial.obstacle, trial.lane_updates, trial.sequential_updates) == (None, 15, 9)
    assert trial.faster > 0
    rates = {"learning_rate": RATES * 0.3 * np.linspace(1, 0, 6)}
    first, halfway = mine.advance_lanes([start] * 3, rates)
    then, ends = mine.advance_lanes(halfway, rates)
    for lane, state in enumerate(ends):
        mine.restore(start)
        values = {"learning_rate": np.tile(rates["learning_rate"][lane], 2)}
        losses = mine.advance(values).losses
        np.testing.assert_allclose([*first[lane], *then[lane]], losses, rtol=1e-4)
        alone = copy.deepcopy(mine.model.state_dict())
        slots = copy.deepcopy(mine.optimizer.state_dict()["state"])
        after = mine.advance(values).losses
        mine.restore(state)
        for name, value in mine.model.state_dict().items():
            if case != "batch norm, dropout" or name != "0.bias":
                torch.testing.assert_close(value, alone[name], rtol=1e-3, atol=1e-5)
        for number, kept in mine.optimizer.state_dict()["state"].items():
            assert kept.keys() == slots[number].keys()
            for name, value in kept.items():
                if isinstance(value, torch.Tensor) and number > 0:
                    torch.testing.assert_close(value, slots[number][name], rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(mine.advance(values).losses, after, rtol=1e-3)


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({}, COSINE),
        ({"optimizer": adamw}, gp.constant(1.0)),
        ({"model": normalised, "clip": 1.0}, gp.one_cycle(1.0)),
    ],
    ids=["momentum", "adamw, constant", "batch norm, 1cycle"],
)
def test_the_answer_is_the_same(options, shape):
    torch.manual_seed(0)
    fresh = trainer(**options)
    mine = trainer(**options)
    alone = gp.find(mine, shape, 80, effort="quick", low=1e-4, side_by_side="never")
    together = gp.find(mine, shape, 80, effort="quick", low=1e-4, side_by_side="always")
    assert together.learning_rate == pytest.approx(alone.learning_rate, rel=0.01)
    assert [lane.rate for lane in together.lanes] == [lane.rate for lane in alone.lanes]
    assert together.warnings == alone.warnings
    tried = together.cost.lane_updates - alone.cost.lane_updates
    assert tried in (15, 21)
    assert together.cost.sequential_updates < alone.cost.sequential_updates
    rates = {"learning_rate": np.full(4, 0.05)}
    assert np.array_equal(*(again(each, rates) for each in (mine, fresh)))


def penalised():
    held = []

    def model():
        held.append(mlp())
        return held[-1]

    def loss(outputs, targets):
        return LOSS(outputs, targets) + 1e-6 * held[-1][0].weight.square().sum()

    return {"model": model, "loss": loss}


class Idle(nn.Sequential):
    """Its last part takes no part."""

    def forward(self, x):
        return self[0](x)


def idle():
    return Idle(mlp(), nn.Linear(1, 1))


OBSTACLES = {
    "each weight by itself": lambda: {"optimizer": clipped_inside},
    "item()": lambda: {"model": Asking},
    "amp": lambda: {"amp": "bfloat16"},
    "hooks": lambda: {"model": hooked},
    "past the outputs": penalised,
    "no gradient": lambda: {"model": idle},
    "float32 or float64": lambda: {"model": lambda: mlp().half(), "train": half(120)},
    "other random numbers": lambda: {"model": Sparse},
}


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_what_cannot_be_flown_side_by_side_says_why(obstacle):
    mine = trainer(**OBSTACLES[obstacle]())
    start = mine.snapshot()
    trial = mine.try_lanes([start] * 2, {"learning_rate": RATES[:2] * np.ones(3)})
    assert obstacle in trial.obstacle
    assert trial.faster == 0


def test_one_by_one_is_the_answer_where_side_by_side_cannot_be():
    mine = trainer(Asking)
    alone = gp.find(mine, COSINE, 40, effort="quick", side_by_side="never")
    together = gp.find(mine, COSINE, 40, effort="quick", side_by_side="always")
    assert together.learning_rate == alone.learning_rate
    assert together.lanes == alone.lanes
    assert together.cost.lane_updates == alone.cost.lane_updates + 6
    (said,) = set(together.warnings) - set(alone.warnings)
    assert said.startswith("lanes flew one by one, not side by side: RuntimeError: vmap")


def test_lanes_that_fail_on_their_way_are_flown_one_by_one(monkeypatch):
    """After the trial's three updates and six of their own, which are counted."""
    mine = trainer(Asking)
    alone = gp.find(mine, COSINE, 40, effort="quick", side_by_side="never")
    monkeypatch.setattr(Asking, "after", 10**6)
    update, calls = lanes.Lanes._update, []

    def failing(self, *arguments):
        calls.append(1)
        if len(calls) == 10:
            raise RuntimeError("out of memory")
        return update(self, *arguments)

    monkeypatch.setattr(lanes.Lanes, "_update", failing)
    together = gp.find(mine, COSINE, 40, effort="quick", side_by_side="always")
    assert together.lanes == alone.lanes
    assert together.cost.lane_updates == alone.cost.lane_updates + 15 + 6 * 3
    assert together.cost.sequential_updates == alone.cost.sequential_updates + 9 + 6
    (said,) = set(together.warnings) - set(alone.warnings)
    assert said.endswith("RuntimeError: out of memory")
    assert len(calls) == 10


@pytest.mark.parametrize("faster", [0.9, 2.0])
def test_auto_flies_side_by_side_what_is_long_enough_and_was_faster(faster, monkeypatch):
    mine = trainer()
    alone = gp.find(mine, COSINE, 40, effort="quick")
    assert alone.cost.sequential_updates == alone.cost.lane_updates
    kind = glidepath.torch.TorchTrainer
    tried = kind.try_lanes
    monkeypatch.setattr(kind, "try_lanes", lambda *g: replace(tried(*g), faster=faster))
    monkeypatch.setattr(flying, "_WORTH_TRYING", 0.0)
    together = gp.find(mine, COSINE, 40, effort="quick")
    assert together.learning_rate == pytest.approx(alone.learning_rate, rel=0.01)
    assert together.cost.lane_updates == alone.cost.lane_updates + 15
    saved = together.cost.lane_updates - together.cost.sequential_updates
    assert (saved > 6) == (faster > 1)


def test_an_interrupt_in_the_midst_of_lanes_leaves_nothing_behind(monkeypatch):
    mine, fresh = trainer(), trainer()

    def interrupted(self, *arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(lanes.Fleet, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        gp.find(mine, COSINE, 40, effort="quick", side_by_side="always")
    rates = {"learning_rate": np.full(4, 0.05)}
    assert np.array_equal(mine.advance(rates).losses, fresh.advance(rates).losses)


def test_a_lane_that_dies_leaves_the_others_alone():
    mine = trainer(loss=lambda outputs, targets: (outputs - targets).square().mean(), clip=1e9)
    mine.reset(0)
    start = mine.snapshot()
    rates = {"learning_rate": np.array([[0.1], [1e6], [0.01]]) * np.ones(30)}
    with pytest.raises(LanesError, match="try_lanes first"):
        mine.advance_lanes([start] * 3, rates)
    assert mine.try_lanes([start] * 3, {"learning_rate": RATES * np.ones(3)}).obstacle is None
    losses, ends = mine.advance_lanes([start] * 3, rates)
    assert not np.isfinite(losses[1]).all()
    for lane in (0, 2):
        mine.restore(start)
        alone = mine.advance({"learning_rate": rates["learning_rate"][lane]}).losses
        np.testing.assert_allclose(losses[lane], alone, rtol=1e-4)
    with pytest.raises(gp.ArgumentError, match="same place"):
        mine.advance_lanes([start, ends[0]], {"learning_rate": RATES[:2]})
    different = {"learning_rate": RATES[:2], "momentum": np.array([[0.9], [0.5]])}
    with pytest.raises(gp.ArgumentError, match="same momentum"):
        mine.advance_lanes([start, start], different)


class Ahead(torch.optim.SGD):
    """Goes half-way back to where it was six steps ago."""

    @torch.no_grad()
    def step(self, closure=None):
        super().step()
        for each in self.param_groups[0]["params"]:
            slots = self.state[each]
            slots["count"] = slots.get("count", 0) + 1
            slow = slots.setdefault("slow", each.clone())
            if slots["count"] % 6 == 0:
                each.copy_(slow.lerp_(each, 0.5))


ELEMENTWISE = [
    *("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "NAdam", "RAdam", "Adamax", "Adadelta")
]


@pytest.mark.parametrize("name", [*ELEMENTWISE, "Adafactor", "Ahead"])
def test_optimizers_that_change_each_weight_by_itself_are_known_by_what_they_do(name):
    kind = Ahead if name == "Ahead" else getattr(torch.optim, name)
    optimizer = kind(mlp().parameters(), lr=0.01)
    assert is_elementwise(optimizer, GroupValues(optimizer)) == (name in ELEMENTWISE)
