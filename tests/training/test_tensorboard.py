"""Event files: TensorBoard reads back the values, steps and times; nothing heavy is imported."""

import math
import subprocess
import sys
import time

import numpy as np
import pytest

import glidepath as gp
from glidepath.testing import ToyTrainer
from glidepath.training import Outputs, ScalarWriter, drive

pytest.importorskip("tensorboard", reason="tensorboard is not installed")

READER = """
import json, sys
sys.modules["tensorflow"] = None  # the reader's own, without its weight
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0})
events.Reload()
found = {tag: [[e.step, e.value, e.wall_time] for e in events.Scalars(tag)]
         for tag in events.Tags()["scalars"]}
print(json.dumps(found))
"""


def read(folder):
    """Tag to arrays of steps, values and wall times, as TensorBoard sees them."""
    import json

    done = subprocess.run(
        [sys.executable, "-c", READER, str(folder)], capture_output=True, text=True, check=True
    )
    return {tag: np.array(rows).T for tag, rows in json.loads(done.stdout).items()}


def test_tensorboard_reads_what_was_written(tmp_path):
    before = time.time()
    rates, losses = np.linspace(0.1, 1, 300), np.arange(300.0)
    losses[7], losses[8], losses[9] = math.nan, math.inf, -math.inf
    with ScalarWriter(tmp_path / "run") as writer:
        writer.add_many(0, {"learning_rate": rates[:200], "loss": losses[:200]})
        writer.add(200, {"validation/loss": 0.5, "validation/accuracy": 1})
        writer.add_many(200, {"learning_rate": rates[200:], "loss": losses[200:]})
    after = time.time()
    found = read(tmp_path / "run")
    assert set(found) == {"learning_rate", "loss", "validation/loss", "validation/accuracy"}
    steps, values, times = found["learning_rate"]
    np.testing.assert_array_equal(steps, np.arange(300))
    np.testing.assert_array_equal(values, rates.astype(np.float32))
    assert (np.diff(times) >= 0).all()
    assert before <= times[0] <= times[-1] <= after
    np.testing.assert_array_equal(found["loss"][1], losses)
    np.testing.assert_array_equal(found["validation/loss"][:2, 0], [200, 0.5])


def test_a_run_can_be_written_again_and_writers_do_not_collide(tmp_path):
    other = tmp_path / "events.out.tfevents.1.other"
    other.write_bytes(b"")
    for _ in range(3):
        with ScalarWriter(tmp_path) as writer:
            writer.add(1, {"loss": 1.0})
    assert len(list(tmp_path.glob("*.glidepath"))) == 3
    with ScalarWriter(tmp_path, replace=True) as writer:
        writer.add(2, {"loss": 2.0})
    assert len(list(tmp_path.glob("*.glidepath"))) == 1
    assert other.exists()
    assert read(tmp_path)["loss"][0].tolist() == [2]


def test_it_can_be_read_while_it_is_written(tmp_path):
    with ScalarWriter(tmp_path) as writer:
        writer.add_many(0, {"loss": np.ones(3)})
        assert read(tmp_path)["loss"].shape == (3, 3)


def test_empty_series_write_nothing(tmp_path):
    with ScalarWriter(tmp_path) as writer:
        writer.add_many(0, {})
        writer.add_many(0, {"loss": np.empty(0)})
    assert read(tmp_path) == {}


def test_uneven_series_are_refused(tmp_path):
    with ScalarWriter(tmp_path) as writer, pytest.raises(gp.ArgumentError, match="one length"):
        writer.add_many(0, {"loss": np.ones(3), "rate": np.ones(2)})


def test_drive_writes_its_record_to_the_board(tmp_path):
    record = drive(
        ToyTrainer("classification"), gp.one_cycle(0.1), "3ep", outputs=Outputs(board=tmp_path)
    )
    found = read(tmp_path)
    for name, series in record.series.items():
        np.testing.assert_array_equal(found[name][0], np.arange(60))
        np.testing.assert_array_equal(found[name][1], series.astype(np.float32))
    steps, values = record.curve("validation", "accuracy")
    np.testing.assert_array_equal(found["validation/accuracy"][:2], [steps, np.float32(values)])
    assert found["test/accuracy"][0].tolist() == [60]


def test_no_framework_is_imported(tmp_path):
    code = (
        "import sys; from glidepath.training import ScalarWriter\n"
        "assert 'tensorboard' not in sys.modules\n"
        "with ScalarWriter(sys.argv[1]) as writer: writer.add(1, {'loss': 1.0})\n"
        "print([name for name in ('tensorflow', 'torch', 'jax', 'keras') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("package", ["tensorboard", "google_crc32c"])
def test_a_missing_package_names_the_extra(tmp_path, monkeypatch, package):
    for name in [n for n in sys.modules if n == package or n.startswith(f"{package}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(gp.MissingExtraError, match=r"glidepath\[tensorboard\]"):
        ScalarWriter(tmp_path)


@pytest.mark.speed
def test_three_values_take_microseconds(tmp_path):
    series = {name: np.random.default_rng(0).random(2_000) for name in ("a", "b", "c")}
    with ScalarWriter(tmp_path) as writer:
        best = math.inf
        for _ in range(30):
            began = time.process_time()
            writer.add_many(0, series)
            best = min(best, time.process_time() - began)
    assert best / 2_000 < 10e-6
