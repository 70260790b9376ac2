"""Keras and Optax on JAX: a run of one process goes on in two, and ends in one."""

import json
import shutil
import socket
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("keras", reason="keras is not installed")
pytest.importorskip("jax", reason="jax is not installed")
pytest.importorskip("optax", reason="optax is not installed")

from glidepath.backends.keras import ENGINE

pytestmark = [
    pytest.mark.keras,
    pytest.mark.skipif(ENGINE != "jax", reason="Keras starts processes on JAX alone"),
    pytest.mark.filterwarnings("ignore:training stopped at"),
]


@pytest.fixture(scope="module")
def handed_on(tmp_path_factory):
    """The folder of a run that was begun in one process, and went on in two."""
    import keras_processes as parts
    from keras_killed import train

    folder = tmp_path_factory.mktemp("processes")
    (folder / "0").mkdir()
    train(folder / "0", "model", parts.Stop(parts.STOPS[0]))
    shutil.copytree(folder / "0", folder / "1")
    run, rates = parts.optax_killed.Run(), []
    run.train(parts.UPDATES[0], lambda k, values: rates.append(values))
    run.save(folder / "one.npz")
    (folder / "one.json").write_text(json.dumps(rates))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    both = [
        subprocess.Popen([sys.executable, parts.__file__, str(folder), str(rank), str(port)])
        for rank in range(2)
    ]
    try:
        assert [each.wait(timeout=300) for each in both] == [0, 0]
    finally:
        for each in both:
            each.kill()
    return folder


def test_keras_goes_on_in_another_number_of_processes(handed_on, tmp_path):
    """Epochs 1 to 3 in one process, 4 to 6 in two, the rest in one; the first writes the record."""
    from keras_killed import train, weights
    from keras_processes import STOPS

    from glidepath.training import read_record

    whole = train(tmp_path, "model")
    wanted = read_record(tmp_path / "run.jsonl").series
    begun, both = (read_record(handed_on / name / "run.jsonl") for name in ("1", "0"))
    assert [each.steps * 8 / len(wanted["loss"]) for each in (begun, both)] == list(STOPS)
    last = train(handed_on / "0", "model")
    found = read_record(handed_on / "0" / "run.jsonl").series
    for name, column in wanted.items():
        if name == "loss":
            assert np.allclose(found[name], column, rtol=1e-4)
        else:
            assert np.array_equal(found[name], column), name
    assert np.min(wanted["learning_rate"]) < 0.01  # the plateau's factors are in it
    for mine, theirs in zip(weights(last), weights(whole), strict=True):
        assert np.allclose(mine, theirs, rtol=1e-4, atol=1e-6)


def test_optax_goes_on_in_another_number_of_processes(handed_on):
    """Updates 0 to 40 in one process, 40 to 80 in two, the rest in one."""
    import optax_killed

    whole, wanted = optax_killed.Run(), []
    whole.train(optax_killed.TOTAL, lambda k, values: wanted.append(values))
    both = [json.loads((handed_on / f"{rank}.json").read_text()) for rank in range(2)]
    assert both[0] == both[1]
    assert both[0]["traces"] == 1  # what the plateau changed was not compiled
    rates = json.loads((handed_on / "one.json").read_text()) + both[0]["rates"]
    last = optax_killed.Run()
    last.load(handed_on / "two.npz")
    last.train(optax_killed.TOTAL, lambda k, values: rates.append(values))
    assert rates == wanted
    assert np.allclose(last.weights, whole.weights, rtol=1e-4, atol=1e-6)


def test_processes_agree_on_metrics_and_on_the_clock(handed_on):
    """Metrics are the mean over those that give them; time is the first's."""
    found = json.loads((handed_on / "1.json").read_text())
    assert found["averaged"] == {"a": (0.1 + 2.1) / 2, "b": 0.1, "c": 0}
    assert found["length"] == pytest.approx(200, abs=20)
    assert (found["first"], found["none"]) == ([[7, 3]] * 2, [None] * 2)
