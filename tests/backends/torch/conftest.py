"""One thread: the models are tiny, and the tests share the machine."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    torch.set_num_threads(1)
