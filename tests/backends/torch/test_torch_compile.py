"""Tensor rates change without recompilation; floats do not."""

import numpy as np
import pytest

import glidepath as gp

torch = pytest.importorskip("torch", reason="torch is not installed")

from glidepath.torch import Scheduler  # noqa: E402

TOTAL = 6
POLICY = gp.linear(0.1, 0.01, "100%")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def compiled_run(rate, follow=False):
    """How often the update is compiled over a run, and the rates that it applied."""
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
    for _ in range(TOTAL - 1):
        before = model.bias.detach().clone()
        update()
        # Adam under constant gradients moves by the rate.
        rates.append((before - model.bias.detach()).item())
        scheduler.step()
    return len(graphs), rates


@pytest.mark.parametrize(
    ("rate", "follow", "wanted"),
    [("tensor", False, 1), ("tensor", True, 1), ("float", False, 2)],
)
def test_a_tensor_rate_is_compiled_once_and_a_float_is_not(rate, follow, wanted):
    graphs, rates = compiled_run(torch.tensor(1.0) if rate == "tensor" else 1.0, follow)
    assert graphs == wanted
    assert np.allclose(rates, POLICY.plan(TOTAL).table()[1:], rtol=1e-4)
