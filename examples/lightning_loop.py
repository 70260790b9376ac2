"""A LightningModule that knows nothing of schedules, flown by a callback.

`python examples/lightning_loop.py` trains scikit-learn's digits: warm-up, then half the rate when
the validation loss stalls, from the best epoch's weights on.
"""

import lightning.pytorch as pl
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import glidepath as gp
from glidepath.lightning import Flight

EPOCHS = 6


class Digits(pl.LightningModule):
    """A small MLP; the rate of its optimizer is a placeholder."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))

    def training_step(self, batch, index):
        return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

    def validation_step(self, batch, index):
        outputs = self.net(batch[0])
        self.log("val_loss", nn.functional.cross_entropy(outputs, batch[1]))
        self.log("val_accuracy", (outputs.argmax(dim=1) == batch[1]).float().mean())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)


def main() -> float:
    """Train, and return the accuracy on the validation data."""
    pl.seed_everything(0)
    x, y = (torch.as_tensor(part) for part in load_digits(return_X_y=True))
    x = (x / 16).float()
    train = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=35, shuffle=True)
    validation = DataLoader(TensorDataset(x[1400:], y[1400:]), batch_size=397)

    plateau = gp.reduce_on_plateau("val_loss", factor=0.5, patience=1, restore_best=True)
    policy = gp.Policy(gp.linear(0.0, 0.2, "1ep") >> gp.constant(0.2), controllers=[plateau])
    flight = Flight(policy)

    trainer = pl.Trainer(
        max_epochs=EPOCHS,
        callbacks=[flight],
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Digits(), train, validation)
    accuracy = float(trainer.callback_metrics["val_accuracy"])
    rate = flight.scheduler.get_last_lr()[0]
    print(f"{trainer.global_step} updates, last rate {rate:.4g}, {accuracy:.1%} right")
    return accuracy


if __name__ == "__main__":
    main()
