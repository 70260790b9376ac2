"""A module as users write it, its data, and a trainer; what each update used is read back."""

import lightning.pytorch as lightning
import torch

import glidepath as gp

BATCHES, EPOCHS = 6, 3
POLICY = gp.linear(0.0, 0.1, "25%") >> gp.linear(0.1, 0.01, "rest")
PLATEAU = gp.reduce_on_plateau(monitor="val_loss", factor=0.5, patience=1, min_delta=100.0)


class Module(lightning.LightningModule):
    """A module as users write it; `applied` is what each update used, group by group."""

    def __init__(self, configured=None, groups=False, overflow_at=()):
        super().__init__()
        torch.manual_seed(0)
        self.layers = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 1))
        self.configured, self.groups, self.overflow_at = configured, groups, overflow_at
        self.applied, self.count = [], 0

    def configure_optimizers(self):
        named = list(self.named_parameters())
        split = [{"params": named[:2]}, {"params": named[2:]}] if self.groups else named
        optimizer = torch.optim.SGD(split, lr=0.1, momentum=0.9)
        optimizer.register_step_pre_hook(self._read)
        return optimizer if self.configured is None else self.configured(self, optimizer)

    def _read(self, optimizer, args, kwargs):
        self.applied.append([group["lr"] for group in optimizer.param_groups])

    def training_step(self, batch, index):
        self.count += 1
        factor = float("inf") if self.count - 1 in self.overflow_at else 1.0
        return self.layers(batch[0]).square().mean() * factor

    def validation_step(self, batch, index):
        self.log("val_loss", self.layers(batch[0]).square().mean())

    def rates(self):
        return [row[0] for row in self.applied]


def loader():
    rows = torch.randn(2 * BATCHES, 3, generator=torch.Generator().manual_seed(1))
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(rows), batch_size=2)


def trainer(folder, *callbacks, **arguments):
    settings = {
        "max_epochs": EPOCHS,
        "accelerator": "cpu",
        "devices": 1,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "limit_val_batches": 0,
    }
    return lightning.Trainer(
        default_root_dir=folder, callbacks=list(callbacks), **{**settings, **arguments}
    )


def fit(module, made, checkpoint=None):
    made.fit(module, loader(), loader(), ckpt_path=checkpoint)
    return module


def planned(total, policy=POLICY, per_epoch=None):
    return policy.plan(total, per_epoch).table()[:total].tolist()
