"""PyTorch's part of `finders.py speed`: small models on scikit-learn's data and on characters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from finders_data import Split, characters, digit_rows, digits
from torch import nn

import glidepath.torch


class Former(nn.Module):
    """A transformer of one layer and two heads, on characters."""

    def __init__(self, width: int = 16, length: int = 8, letters: int = 65) -> None:
        super().__init__()
        self.letters = nn.Embedding(letters, width)
        self.places = nn.Parameter(0.25 * torch.randn(length, width))
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(3)])
        self.heads, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.out = nn.Linear(width, letters)

    def forward(self, given: Any) -> Any:
        x = self.letters(given) + self.places
        count, length, width = x.shape
        heads = self.heads(self.norms[0](x)).view(count, length, 3, 2, width // 2)
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.mix(mixed.transpose(1, 2).reshape(count, length, width))
        x = x + self.down(nn.functional.gelu(self.up(self.norms[1](x))))
        return self.out(self.norms[2](x)).transpose(1, 2)


def mlp(*sizes: int) -> nn.Module:
    layers: list[nn.Module] = []
    for size, following in pairwise(sizes):
        layers += [nn.Linear(size, following), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def cnn(normalised: bool) -> nn.Module:
    """Two convolutions on 8 × 8 images."""
    norms = [nn.BatchNorm2d(size) if normalised else nn.Identity() for size in (8, 16)]
    return nn.Sequential(
        nn.Unflatten(1, (1, 8)), nn.Conv2d(1, 8, 3, 2, 1), norms[0], nn.ReLU(),
        nn.Conv2d(8, 16, 3, 2, 1), norms[1], nn.ReLU(), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip


def trainers(folder: Path | None) -> Iterator[tuple[str, Any]]:
    """By name, under AdamW; the transformer only where the characters are given."""
    yield "torch, MLP", _opened(partial(mlp, 64, 32, 32, 10), digits(), 32)
    yield "torch, wide MLP", _opened(partial(mlp, 64, 512, 512, 10), digits(), 128)
    yield "torch, CNN", _opened(partial(cnn, False), digit_rows(), 16)
    yield "torch, CNN and BN", _opened(partial(cnn, True), digit_rows(), 16)
    if folder is not None:
        yield "torch, transformer", _opened(Former, characters(folder), 8)


def _opened(model: Callable[[], Any], split: Split, batch: int) -> Any:
    pairs = [(torch.tensor(x), torch.tensor(y).long()) for x, y in (split.train, split.validation)]
    count = len(pairs[0][0]) // batch * batch
    train = tuple(part[:count] for part in pairs[0])
    return glidepath.torch.Task(
        model,
        lambda parameters: torch.optim.AdamW(parameters, lr=0.001),
        nn.functional.cross_entropy,
        train,
        pairs[1],
        batch_size=batch,
    ).open()
