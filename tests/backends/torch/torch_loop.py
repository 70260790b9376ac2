"""A small real training that reads the optimizer's values back at the moment they are used."""

import torch


def build(seed=0):
    torch.manual_seed(seed)
    layers = {"first": torch.nn.Linear(4, 8, bias=False), "act": torch.nn.Tanh()}
    layers["last"] = torch.nn.Linear(8, 1, bias=False)
    model = torch.nn.Sequential()
    for name, layer in layers.items():
        model.add_module(name, layer)
    return model


def two_groups(model):
    named = list(model.named_parameters())
    return [{"params": named[:1]}, {"params": named[1:]}]


class Loop:
    """A model, an optimizer and batches; `step` is one update and what it was applied with."""

    def __init__(self, optimizer, named=False, model=None, seed=0):
        self.model = build(seed) if model is None else model
        parameters = self.model.named_parameters() if named else self.model.parameters()
        self.optimizer = optimizer(list(parameters))
        generator = torch.Generator().manual_seed(seed)
        self.x = torch.randn(64, 4, generator=generator)
        self.y = self.x.sum(dim=1, keepdim=True)
        self.count, self.losses, self.seen = 0, [], []
        self.optimizer.register_step_pre_hook(self._read)

    def _read(self, optimizer, args, kwargs):
        self.seen.append(
            [
                {
                    name: float(self.stored(name, index))
                    for name in ("learning_rate", "momentum", "weight_decay")
                }
                for index in range(len(optimizer.param_groups))
            ]
        )

    def stored(self, name, index=0):
        group = self.optimizer.param_groups[index]
        if name == "learning_rate":
            return group["lr"]
        if name == "momentum":
            return group["betas"][0] if "betas" in group else group["momentum"]
        return group[name]

    def loss(self):
        at = 16 * (self.count % 4)
        self.count += 1
        loss = ((self.model(self.x[at : at + 16]) - self.y[at : at + 16]) ** 2).mean()
        self.losses.append(loss.item())
        return loss

    def step(self):
        self.optimizer.zero_grad()
        self.loss().backward()
        self.optimizer.step()
        return self.seen[-1]

    def loss_fell(self):
        return self.losses[-1] < self.losses[0]
