"""The example loops run, learn, and fly what they say; those of torch and Optax have tests too."""

import importlib.util
from pathlib import Path

import pytest

import glidepath as gp

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name, monkeypatch, **arguments):
    """What the example's main() returns."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main(**arguments)


@pytest.fixture
def one_thread():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.keras
def test_keras(monkeypatch, capsys):
    pytest.importorskip("keras", reason="keras is not installed")
    assert run("keras_loop", monkeypatch) > 0.8
    assert "120 updates, last rate 0.001" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore")
def test_lightning(monkeypatch, capsys, one_thread):
    pytest.importorskip("lightning", reason="lightning is not installed")
    assert run("lightning_loop", monkeypatch) > 0.85
    assert "240 updates" in capsys.readouterr().out


def test_transformers(monkeypatch, capsys, one_thread):
    pytest.importorskip("accelerate", reason="accelerate is not installed")
    pytest.importorskip("transformers", reason="transformers is not installed")
    assert run("transformers_loop", monkeypatch) < 0.5
    assert "24 updates" in capsys.readouterr().out


def test_accelerate(monkeypatch, capsys, one_thread):
    """Prepared or not, every update applies the plan."""
    accelerate = pytest.importorskip("accelerate", reason="accelerate is not installed")
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    policy = gp.linear(0.0, 1e-2, "10%") >> gp.cosine_decay(1e-2, "rest")
    for prepare in (True, False):
        rates = run("accelerate_loop", monkeypatch, prepare=prepare)
        assert rates == policy.plan(100).table().tolist()
        said = capsys.readouterr().out
        assert "100 updates" in said
        assert float(said.split()[-2].rstrip("%")) > 85
        accelerate.state.AcceleratorState._reset_state(reset_partial_state=True)
        accelerate.state.GradientState._reset_state()


def test_every_framework_has_its_loop():
    loops = {path.name for path in EXAMPLES.glob("*_loop.py")}
    frameworks = ("accelerate", "keras", "lightning", "optax", "torch", "transformers")
    assert loops == {f"{name}_loop.py" for name in frameworks}
