"""A loop of one's own with accelerate: the rate is stepped once per applied update.

`python examples/accelerate_loop.py` trains scikit-learn's digits with gradient accumulation, in as
many processes as `accelerate launch` starts; the length of the plan is in updates all the same.
"""

import math

import torch
from accelerate import Accelerator
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import glidepath as gp
from glidepath.torch import Scheduler

EPOCHS, BATCH, ACCUMULATE = 5, 35, 2


def main(prepare: bool = True) -> list[float]:
    """Train, and return the rate of every update; the scheduler may be prepared or not."""
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=ACCUMULATE)
    torch.manual_seed(0)
    x, y = (torch.as_tensor(part) for part in load_digits(return_X_y=True))
    x = (x / 16).float()
    loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=BATCH, shuffle=True)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)

    updates = math.ceil(len(loader) / ACCUMULATE)  # in an epoch, of this many processes
    policy = gp.linear(0.0, 1e-2, "10%") >> gp.cosine_decay(1e-2, "rest")
    scheduler = Scheduler(optimizer, policy, f"{EPOCHS}ep", updates, follow=True)
    if prepare:
        scheduler = accelerator.prepare(scheduler)

    rates = []
    for _ in range(EPOCHS):
        for inputs, targets in loader:
            with accelerator.accumulate(model):
                rate = scheduler.get_last_lr()[0]
                loss = nn.functional.cross_entropy(model(inputs), targets)
                accelerator.backward(loss)
                optimizer.step()
                scheduler.step()  # with every batch: only applied updates move the clock
                optimizer.zero_grad()
            if accelerator.sync_gradients:
                rates.append(rate)

    right = (model(x[1400:]).argmax(dim=1) == y[1400:]).float().mean().item()
    accelerator.print(f"{len(rates)} updates, last rate {rates[-1]:.3g}, {right:.1%} right")
    return rates


if __name__ == "__main__":
    main()
