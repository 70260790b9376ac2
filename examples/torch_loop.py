"""A plain PyTorch loop: 1cycle on rate and momentum, checked at every step, saved and resumed."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import glidepath as gp
from glidepath.torch import Scheduler

EPOCHS = 5


def main() -> float:
    """Train, and return the last loss."""
    torch.manual_seed(0)
    x = torch.randn(512, 10)
    loader = DataLoader(TensorDataset(x, x.sum(dim=1, keepdim=True)), batch_size=32, shuffle=True)
    model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    policy = gp.one_cycle(peak=0.05)
    scheduler = Scheduler(optimizer, policy, total=f"{EPOCHS}ep", steps_per_epoch=len(loader))

    for epoch in range(EPOCHS):
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(inputs), targets)
            loss.backward()
            optimizer.step()
            scheduler.step()  # once after every optimizer.step()
        print(f"epoch {epoch + 1}: loss {loss.item():.4f}, rate {scheduler.get_last_lr()[0]:.4g}")
    return loss.item()


if __name__ == "__main__":
    main()
