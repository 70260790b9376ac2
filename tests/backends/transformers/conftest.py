"""accelerate's state is the process's; more threads than one only slow a small model down."""

import pytest


@pytest.fixture(autouse=True)
def _fresh_state():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("accelerate", reason="accelerate is not installed")
    pytest.importorskip("transformers", reason="transformers is not installed")
    from trainer_model import reset

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield reset()
    reset()
    torch.set_num_threads(before)
