"""Tensor rates change without recompilation; floats do not."""

import numpy as np
import pytest

import glidepath as gp

torch = pytest.importorskip("torch", reason="torch is not installed")

from glidepath.torch import Scheduler  # noqa: E402

TOTAL = 6
POLICY = gp.linear(0.1, 0.01, "100%")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def compiled_run(rate, follow=False, add_at=None):
    """How often the update is compiled over a run, and the rates that it applied.

    With `add_at` a parameter group is added after so many updates: the rates are its from then on,
    and what is compiled for it is not counted.
    """
    torch._dynamo.reset()
    graphs, rates = [], []

    def counting(module, inputs):
        graphs.append(module)
        return module.forward

    model = torch.nn.Linear(3, 1)
    groups = [{"params": [model.weight]}, {"params": [model.bias]}]
    optimizer = torch.optim.Adam(groups, lr=rate, foreach=False)
    scheduler = Scheduler(optimizer, POLICY, TOTAL, follow=follow)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()  # makes the slots, outside of what is counted
    scheduler.step()
    update = torch.compile(lambda: optimizer.step(), backend=counting)  # noqa: PLW0108
    watched, compiled = model.bias, None
    for k in range(TOTAL - 1):
        if k == add_at:
            compiled = len(graphs)
            watched = torch.nn.Parameter(torch.zeros(1))
            watched.grad = torch.ones(1)
            optimizer.add_param_group({"params": [watched], "lr": torch.tensor(0.7)})
        before = watched.detach().clone()
        update()
        # Adam under constant gradients moves by the rate.
        rates.append((before - watched.detach()).item())
        scheduler.step()
    return len(graphs) if compiled is None else compiled, rates


@pytest.mark.parametrize(
    ("rate", "follow", "wanted"),
    [("tensor", False, 1), ("tensor", True, 1), ("float", False, 3)],
)
def test_a_tensor_rate_is_compiled_once_and_a_float_is_not(rate, follow, wanted):
    """A group that is added between two updates flies the plan at the second."""
    tensor = rate == "tensor"
    add_at = TOTAL - 2 if tensor and not follow else None
    graphs, rates = compiled_run(torch.tensor(1.0) if tensor else 1.0, follow, add_at)
    assert graphs == wanted
    assert np.allclose(rates, POLICY.plan(TOTAL).table()[1:], rtol=1e-4)
