"""Which logs of a folder are runs, runs in several parts, and the length of their epochs."""

import json

import numpy as np
import pytest
from synthetic import run
from test_reading import LOSS, RATE, STEPS, event_file, record, rows, write_csv

import glidepath as gp
from glidepath.analysis import find_runs
from glidepath.analysis.reading import find
from glidepath.analysis.reading.events import read_events
from glidepath.analysis.reading.parts import epoch_length
from glidepath.analysis.reading.table import cells
from glidepath.errors import ArgumentError, RecordError

HEADER = ("step", "lr", "loss")


def names(folder):
    return [path.relative_to(folder).as_posix() for path in find_runs(folder)]


def test_every_kind_of_log_is_found_once(tmp_path):
    write_csv(tmp_path / "a.csv", HEADER, rows(STEPS, RATE, LOSS))
    record(tmp_path / "sub" / "run.jsonl")
    event_file(tmp_path / "board" / "train" / "events.out.tfevents.1")
    event_file(tmp_path / "board" / "validation" / "events.out.tfevents.2")
    lightning = tmp_path / "lightning_logs" / "version_0"
    event_file(lightning / "events.out.tfevents.3")
    write_csv(lightning / "metrics.csv", HEADER, rows(STEPS, RATE, LOSS))
    (tmp_path / ".hidden").mkdir()
    write_csv(tmp_path / ".hidden" / "b.csv", HEADER, rows(STEPS, RATE, LOSS))
    (tmp_path / "model.bin").write_bytes(b"123")
    assert names(tmp_path) == [
        "a.csv",
        "board",
        "lightning_logs/version_0/metrics.csv",
        "sub/run.jsonl",
    ]
    assert find_runs(tmp_path / "a.csv") == [tmp_path / "a.csv"]


def test_of_checkpoints_the_last_counts(tmp_path):
    for number in (90, 500, 1000):
        folder = tmp_path / "out" / f"checkpoint-{number}"
        folder.mkdir(parents=True)
        (folder / "trainer_state.json").write_text(json.dumps({"log_history": [{"step": 1}]}))
    (tmp_path / "out" / "trainer_state.json").write_text("{}")
    assert names(tmp_path) == ["out/checkpoint-1000/trainer_state.json", "out/trainer_state.json"]


def test_of_a_study_the_records_are_taken(tmp_path):
    study = tmp_path / "runs" / "digits"
    record(study / "records" / "cosine-seed0.jsonl")
    event_file(study / "tensorboard" / "cosine" / "seed0" / "events.out.tfevents.1")
    for name in ("study.json", "summary.json", "sessions.json"):
        (study / name).write_text("{}")
    assert names(tmp_path) == ["runs/digits/records/cosine-seed0.jsonl"]


def test_too_many_and_none_are_refused(tmp_path, monkeypatch):
    with pytest.raises(RecordError, match="holds no log"):
        find_runs(tmp_path)
    with pytest.raises(RecordError, match="no such file"):
        find_runs(tmp_path / "nothing")
    monkeypatch.setattr(find, "MOST", 1)
    for name in "ab":
        write_csv(tmp_path / f"{name}.csv", HEADER, rows(STEPS, RATE, LOSS))
    with pytest.raises(RecordError, match="more than 1 log"):
        find_runs(tmp_path)


# --- parts ----------------------------------------------------------------------------------------


def test_parts_of_other_columns_fill_each_other(tmp_path):
    one = write_csv(tmp_path / "a.csv", HEADER, rows(STEPS[:20], RATE[:20], LOSS[:20]))
    other = ("step", "lr", "loss", "grad_norm")
    late = rows(STEPS[15:], RATE[15:], LOSS[15:] + 1, LOSS[15:])
    two = write_csv(tmp_path / "b.csv", other, late)
    joined = gp.read_run([two, one])
    np.testing.assert_array_equal(joined.step, STEPS)
    np.testing.assert_allclose(joined.loss[:15], LOSS[:15])
    np.testing.assert_allclose(joined.loss[15:], LOSS[15:] + 1)
    assert joined.name == "b.csv+a.csv"
    with pytest.raises(RecordError, match="neither continues the other"):
        gp.read_run([one, one])
    with pytest.raises(ArgumentError, match="empty list"):
        gp.read_run([])


# --- epochs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("epochs", "steps", "length"),
    [
        (np.repeat([0, 1, 2, 3], 3), np.arange(12) * 10 + 9, 30),
        (np.arange(1, 9) / 4, np.arange(1, 9) * 25, 100),
        ([0, 1, 2, 3], [49, 99, 149, 170], 50),
        ([0, 1, 2, 3], [49, 99, 160, 210], None),
        ([0, 0, 1, 1], [0, 10, 20, 30], None),
        ([np.nan, 1, np.inf], [1, 2, 3], None),
        ([0.1, 0.2, 0.3], [10, 200, 3], None),
    ],
)
def test_the_length_of_an_epoch(epochs, steps, length):
    assert epoch_length(np.asarray(epochs, float), np.asarray(steps, float)) == length


def test_durations_in_epochs_are_understood_where_the_log_tells(tmp_path):
    logged = run(noise=0.0005)
    table = rows(logged.step / 100, logged.step, logged.rates.at(logged.step - 1), logged.loss)
    path = write_csv(tmp_path / "a.csv", ("epoch", "step", "lr", "loss"), table)
    assert gp.read_run(path).steps_per_epoch == 100
    policy = gp.wsd(1e-3, "2ep", "50%")
    assert gp.predict(path, policy, "120ep").step[-1] == 12_000


def test_a_records_epoch_is_known(tmp_path):
    assert gp.read_run(record(tmp_path / "a.jsonl"), loss="loss").steps_per_epoch is not None


# --- cells and fields -----------------------------------------------------------------------------


def test_cells_are_numbers_or_nan():
    found = cells(["1", "", "2.5", "-3e2", "nan", "inf", " 4 "])
    np.testing.assert_array_equal(found, [1, np.nan, 2.5, -300, np.nan, np.nan, 4])
    np.testing.assert_array_equal(cells(["1", "x", "", "1e400"]), [1, np.nan, np.nan, np.nan])


def test_a_message_of_countless_fields_is_left_out_at_once(tmp_path):
    from test_reading import framed

    path = tmp_path / "x.tfevents"
    path.write_bytes(framed(b"\x0a\x00" * 30_000))
    with pytest.raises(RecordError, match="1 damaged"):
        read_events(path)
