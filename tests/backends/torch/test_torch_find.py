"""The finder on PyTorch: what it needs of a trainer, and that nothing of it stays behind."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

import find_processes
import torch

import glidepath as gp
import glidepath.torch
from glidepath.training import Prober

COSINE = gp.linear(0, 1, "10%") >> gp.cosine_decay(1, "90%")


def data(count, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 6, generator=generator)
    return x, (x[:, :1] * x[:, 1:2] > 0).float()


def model():
    return torch.nn.Sequential(
        torch.nn.Linear(6, 16),
        torch.nn.BatchNorm1d(16),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.2),
        torch.nn.Linear(16, 1),
    )


def trainer(**options):
    whole = {
        "train": data(256, 0),
        "validation": data(160, 1),
        "test": data(160, 2),
        "batch_size": None if "train" in options else 32,
    }
    return glidepath.torch.Task(
        model,
        lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
        torch.nn.functional.binary_cross_entropy_with_logits,
        **{**whole, **options},
    ).open()


class Noisy(torch.utils.data.Dataset):
    """A data set with augmentation from torch's global generator."""

    def __init__(self):
        self.x, self.y = data(256, 0)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        return self.x[index] + 0.01 * torch.randn(6), self.y[index]


class Stream(torch.utils.data.IterableDataset):
    """Examples as they come: what has been read does not come again."""

    def __init__(self):
        self.x, self.y = data(4096, 0)
        self.read = 0

    def __len__(self):
        return 256

    def __iter__(self):
        while True:
            self.read += 1
            yield self.x[self.read % 4096], self.y[self.read % 4096]


CASES = {
    "tensors": dict,
    "loader": lambda: {"train": torch.utils.data.DataLoader(Noisy(), 32, shuffle=True)},
    "accumulation": lambda: {"accumulate": 2},
    "float16": lambda: {"amp": "float16"},
    "bfloat16": lambda: {"amp": "bfloat16"},
    "clipping": lambda: {"clip": 1.0},
}


@pytest.mark.parametrize("case", CASES)
def test_fit_after_find_is_fit(case):
    """With batch normalisation and dropout, whatever feeds the updates."""
    mine, fresh = (trainer(**CASES[case]()) for _ in range(2))
    rates = {"learning_rate": np.full(10, 0.05)}
    for each in (mine, fresh):
        each.reset(4)
        each.advance(rates)
    fresh_state = torch.get_rng_state()
    fresh_losses, fresh_judged = fresh.advance(rates).losses, fresh.evaluate("validation")
    torch.set_rng_state(fresh_state)
    found = gp.find(mine, COSINE, 12, effort="quick")
    assert np.array_equal(mine.advance(rates).losses, fresh_losses)
    assert mine.evaluate("validation") == fresh_judged
    assert 1e-7 <= found.learning_rate <= 100
    assert not any("parts" in line for line in found.warnings)


def test_restoring_restores_the_gradient_scaler():
    """Powers of two hardly show in losses, so it is looked at itself."""
    mine = trainer(amp="float16")
    mine.advance({"learning_rate": np.full(2, 0.05)})
    kept, before = mine.snapshot(), mine._scaler.state_dict()
    mine._scaler.update(2.0)
    mine.restore(kept)
    assert mine._scaler.state_dict() == before


def test_a_stream_that_cannot_be_read_again_feeds_every_lane_the_same():
    mine = trainer(train=torch.utils.data.DataLoader(Stream(), 32))
    mine.advance({"learning_rate": np.full(3, 0.05)})
    before = {name: value.clone() for name, value in mine.model.state_dict().items()}
    found = gp.find(mine, COSINE, 12, effort="quick")
    assert len({lane.losses[0] for lane in found.lanes}) == 1
    assert len({lane.losses[-1] for lane in found.lanes}) > 1
    assert all(torch.equal(before[name], value) for name, value in mine.model.state_dict().items())


def test_two_processes_that_train_one_model_find_the_same(tmp_path):
    """Alone, each would see another loss, and they would wait for each other for ever."""
    subprocess.run(
        [sys.executable, find_processes.__file__, str(tmp_path)], check=True, timeout=180
    )
    both = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    assert both[0] == both[1]


def test_the_probe_is_the_validation_loss_in_parts():
    mine = trainer()
    assert isinstance(mine, Prober)
    parts = mine.probe(160)
    assert parts.shape == (8,)
    assert parts.mean() == pytest.approx(mine.evaluate("validation")["loss"], rel=1e-6)
    assert np.array_equal(mine.probe(160), parts)
    assert mine.model.training
    assert len(mine.probe(32)) == 8
    assert not math.isclose(mine.probe(32).mean(), parts.mean())


def test_the_probe_of_a_loader_is_its_whole_batches():
    pairs = torch.utils.data.TensorDataset(*data(100, 1))
    mine = trainer(validation=torch.utils.data.DataLoader(pairs, 32))
    parts = mine.probe(1024)
    assert parts.shape == (3,)
    alone = trainer(validation=tuple(part[:96] for part in data(100, 1)))
    assert parts.mean() == pytest.approx(alone.evaluate("validation")["loss"], rel=1e-6)
    assert mine.probe(40).shape == (2,)
