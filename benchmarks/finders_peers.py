"""What the real packages suggest on scripted losses, for the test of `glidepath.finding.peers`.

    python benchmarks/finders_peers.py --out tests/finding/peers.json

It wants fastai, torch-lr-finder, pytorch-ignite, lightning and torch installed; Lightning's old
rule wants a run of its own with `--only lightning-old` under lightning < 2.5.3. Each package trains
a model whose loss is the next number of a list, so that its rates, its smoothing, its stop and its
suggestion can be compared number for number.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch

STEPS = 100


def scripts() -> dict[str, list[float]]:
    """Curves of all kinds: a valley, noise alone, negative, slow, spiky, not finite at the end."""
    rng = np.random.default_rng(0)
    x = np.linspace(0, 1, STEPS + 1)
    valley = 2.3 - 1.8 * np.exp(-(((x - 0.7) / 0.2) ** 2)) + 40 * np.maximum(x - 0.88, 0)
    curves = {
        "valley": valley + 0.05 * rng.normal(size=x.size),
        "noise": 1 + 0.2 * rng.normal(size=x.size),
        "negative": valley - 3 + 0.05 * rng.normal(size=x.size),
        "slow": 5 - 2 * x + 0.01 * rng.normal(size=x.size),
        "rising": 1 + 6 * x**3 + 0.02 * rng.normal(size=x.size),
        "spiky": np.where(rng.random(x.size) < 0.05, 8.0, valley) + 0.1 * rng.normal(size=x.size),
        "nan": np.where(x > 0.9, np.nan, 2.3 - x + 0.05 * rng.normal(size=x.size)),
    }
    return {name: np.float32(values).astype(float).tolist() for name, values in curves.items()}


class Scripted(torch.nn.Module):
    """A model with one parameter and a list of losses."""

    def __init__(self, losses: list[float]) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.losses = iter([*losses, *losses])

    def forward(self, x: Any) -> Any:
        return self.weight * 0 * x.sum()

    def next(self) -> Any:
        return torch.tensor(next(self.losses)) + 0 * self.weight.sum()


def data(count: int = 300) -> Any:
    pairs = torch.utils.data.TensorDataset(torch.zeros(count, 1), torch.zeros(count, 1))
    return torch.utils.data.DataLoader(pairs, batch_size=1)


def fastai(losses: list[float]) -> dict[str, Any]:
    from fastai.callback.schedule import minimum, slide, steep, valley
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner

    model = Scripted(losses)
    loaders = DataLoaders(data(), data())
    learner = Learner(
        loaders, model, loss_func=lambda output, target: model.next() + output.sum(),
        opt_func=__import__("fastai.optimizer", fromlist=["SGD"]).SGD, path=Path(".fastai"),
    )  # fmt: skip
    learner.recorder.train_metrics = False
    rules = {"valley": valley, "slide": slide, "minimum": minimum, "steep": steep}
    found: dict[str, Any] = {}
    with learner.no_bar():
        suggested = learner.lr_find(show_plot=False, suggest_funcs=tuple(rules.values()))
    for name, rate in zip(rules, suggested, strict=True):
        found[name] = float(rate)
    recorder = learner.recorder
    return {
        "rates": list(map(float, recorder.lrs)),
        "smoothed": [float(loss) for loss in recorder.losses],
        "suggestions": found,
    }


def torch_lr_finder(losses: list[float]) -> dict[str, Any]:
    import matplotlib as mpl

    mpl.use("Agg")
    from torch_lr_finder import LRFinder

    model = Scripted(losses)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-7)
    finder = LRFinder(model, optimizer, lambda output, target: model.next(), device="cpu")
    with contextlib.redirect_stdout(io.StringIO()):
        finder.range_test(data(), end_lr=10, num_iter=STEPS)
        rate = finder.plot()[1] if len(finder.history["lr"]) >= 17 else None
    return {
        "rates": finder.history["lr"],
        "smoothed": finder.history["loss"],
        "suggestions": {"steepest": rate},
    }


def ignite(losses: list[float]) -> dict[str, Any]:
    from ignite.engine import create_supervised_trainer
    from ignite.handlers import FastaiLRFinder

    model = Scripted(losses)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-7)
    trainer = create_supervised_trainer(model, optimizer, lambda output, target: model.next())
    finder = FastaiLRFinder()
    options = {"optimizer": optimizer, "model": model}
    with finder.attach(trainer, options, num_iter=STEPS, end_lr=10.0) as attached:
        attached.run(data())
    try:
        rate = finder.lr_suggestion()
    except RuntimeError:
        rate = None
    history = finder.get_results()
    return {
        "rates": list(map(float, history["lr"])),
        "smoothed": history["loss"],
        "suggestions": {"steepest": rate and float(rate)},
    }


def lightning(losses: list[float]) -> dict[str, Any]:
    import lightning as pl
    from lightning.pytorch.tuner import Tuner

    class Module(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model, self.lr = Scripted(losses), 0.1

        def training_step(self, batch: Any, index: int) -> Any:
            return self.model.next()

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=self.lr)

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    trainer = pl.Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, max_epochs=1,
    )  # fmt: skip
    finder = Tuner(trainer).lr_find(Module(), train_dataloaders=data())
    assert finder is not None
    rate = finder.suggestion()
    return {
        "rates": finder.results["lr"],
        "smoothed": finder.results["loss"],
        "suggestions": {"steepest": rate},
    }


PACKAGES = {
    "fastai": fastai,
    "torch-lr-finder": torch_lr_finder,
    "ignite": ignite,
    "lightning": lightning,
    "lightning-old": lightning,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    packages = [name for name in PACKAGES if name != "lightning-old"]
    parser.add_argument("--only", nargs="*", default=packages)
    arguments = parser.parse_args()
    found = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
    found["losses"] = scripts()
    for package in arguments.only:
        found[package] = {}
        for name, losses in scripts().items():
            try:
                found[package][name] = PACKAGES[package](losses)
            except Exception as error:  # noqa: BLE001 - what a package cannot do is a result
                found[package][name] = {"fails": f"{type(error).__name__}: {error}"}
    plain = json.loads(json.dumps(found), parse_constant=lambda _: None)
    arguments.out.write_text(json.dumps(plain) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
