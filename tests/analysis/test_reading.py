"""Every format that runs are read from, in files as the tools write them."""

import csv
import json

import numpy as np
import pytest

import glidepath as gp
from glidepath.analysis import read_run
from glidepath.analysis.reading.events import _masked
from glidepath.errors import RecordError
from glidepath.training.records import Evaluation, RecordWriter, RunInfo
from glidepath.training.trainer import Updates

STEPS = np.arange(0, 3000, 100)
LOSS = 3 + np.exp(-STEPS / 500)
RATE = 0.1 * (1 - STEPS / 3000)


def write_csv(path, header, rows, delimiter=","):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def rows(*columns):
    return list(zip(*columns, strict=True))


# --- in memory ------------------------------------------------------------------------------------


class History:
    """What Keras's `fit` returns, as far as it is read."""

    def __init__(self, epochs, steps=50):
        count = len(epochs)
        self.history = {
            "loss": [float(v) for v in LOSS[:count]],
            "val_loss": list(np.float32(LOSS[:count] + 1)),
            "learning_rate": [np.float32(0.1)] * count,
        }
        self.epoch = list(epochs)
        self.params = {"verbose": 0, "epochs": count, "steps": steps}


def test_a_history_in_memory_is_read_with_its_own_updates_in_an_epoch():
    run = gp.read_run(History(range(25)))
    np.testing.assert_array_equal(run.step, 50 * np.arange(1, 26))
    np.testing.assert_allclose(run.loss, LOSS[:25] + 1, rtol=1e-6)
    assert (run.of, run.total, run.steps_per_epoch) == ("validation", 1250, 50)
    assert run.rates.peak == pytest.approx(0.1)
    assert gp.read_run(History(range(25)), steps_per_epoch=10).total == 250


def test_a_history_that_went_on_counts_from_its_first_epoch():
    later = gp.read_run(History(range(5, 30)))
    assert (later.step[0], later.total) == (300, 1500)
    both = gp.read_run([History(range(5)), History(range(5, 25))], loss="loss")
    np.testing.assert_array_equal(both.step, 50 * np.arange(1, 26))


def test_a_dict_of_lists_is_read():
    lists = {"step": STEPS.tolist(), "lr": list(RATE), "loss": [*LOSS[:-1], None]}
    run = gp.read_run(lists)
    np.testing.assert_array_equal(run.step, STEPS[:-1])
    np.testing.assert_allclose(run.rates.at(STEPS), RATE)
    with pytest.raises(RecordError, match="steps_per_epoch"):
        gp.read_run({"lr": [0.1] * 9, "loss": [2.0] * 9})


@pytest.mark.parametrize(
    ("log", "word"),
    [
        (7, "got int"),
        ({}, "no values"),
        ({"loss": [1.0, 2.0], "lr": [1.0]}, "differ in length"),
        ({"loss": ["a"], "lr": [1.0]}, "no list of numbers"),
        ({"loss": 3.0}, "no list of numbers"),
    ],
)
def test_what_is_no_history_is_refused(log, word):
    with pytest.raises(gp.GlidepathError, match=word):
        gp.read_run(log)


# --- CSV ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        ("step", "lr", "loss"),
        ("iteration", "learning_rate", "train_loss"),
        ("global_step", "lr-AdamW", "train/loss"),
        ("Step", "optimizer/lr/pg1", "Training Loss"),
        ("trainer/global_step", "eta", "trainLoss"),
    ],
)
def test_columns_are_guessed_by_their_names_with_a_message(tmp_path, header):
    run = read_run(write_csv(tmp_path / "a.csv", header, rows(STEPS, RATE, LOSS)))
    np.testing.assert_array_equal(run.step, STEPS)
    np.testing.assert_allclose(run.loss, LOSS)
    np.testing.assert_allclose(run.rates.at(STEPS), RATE)
    assert (run.of, run.total) == ("train", 2901)
    assert any(repr(header[2]) in word for word in run.warnings)


def test_columns_may_be_named(tmp_path):
    path = write_csv(tmp_path / "a.csv", ("when", "speed", "badness"), rows(STEPS, RATE, LOSS))
    with pytest.raises(RecordError, match="looks like a loss"):
        read_run(path)
    run = read_run(path, step="when", rate="speed", loss="badness")
    np.testing.assert_allclose(run.loss, LOSS)
    with pytest.raises(RecordError, match="no column 'nll'"):
        read_run(path, loss="nll")


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_and_a_byte_order_mark(tmp_path, delimiter):
    path = write_csv(tmp_path / "a.csv", ("step", "lr", "loss"), rows(STEPS, RATE, LOSS), delimiter)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    np.testing.assert_allclose(read_run(path).loss, LOSS)


def test_decimal_commas_with_semicolons(tmp_path):
    comma = [[str(v).replace(".", ",") for v in row] for row in rows(STEPS, RATE, LOSS)]
    run = read_run(write_csv(tmp_path / "a.csv", ("step", "lr", "loss"), comma, ";"))
    np.testing.assert_allclose(run.loss, LOSS)


def test_a_validation_loss_with_enough_values_comes_first(tmp_path):
    header = ("step", "lr", "train_loss", "val_loss", "train_accuracy")
    table = rows(STEPS, RATE, LOSS, LOSS + 1, LOSS / 9)
    run = read_run(write_csv(tmp_path / "a.csv", header, table))
    assert run.of == "validation"
    np.testing.assert_allclose(run.loss, LOSS + 1)
    np.testing.assert_allclose(run.others["train_loss"][1], LOSS)
    np.testing.assert_allclose(run.others["train_accuracy"][1], LOSS / 9)
    few = [(*row[:3], "" if i % 3 else row[3], row[4]) for i, row in enumerate(table)]
    assert read_run(write_csv(tmp_path / "b.csv", header, few)).of == "train"


def test_the_policy_may_stand_for_the_rates(tmp_path):
    path = write_csv(tmp_path / "a.csv", ("step", "loss"), rows(STEPS, LOSS))
    with pytest.raises(RecordError, match="policy="):
        read_run(path)
    policy = gp.wsd(0.1, 100, "20%")
    run = read_run(path, policy=policy, total=3000)
    np.testing.assert_allclose(run.rates.at(np.arange(3000)), policy.plan(3000).table())
    guessed = read_run(path, policy=policy)
    assert guessed.total == 2901
    assert any("run's length" in word for word in guessed.warnings)


@pytest.mark.parametrize(
    ("first", "every", "of_update", "total"),
    [(0, 1, 0, 300), (1, 1, -1, 300), (50, 50, -1, 300), (49, 50, 0, 300), (0, 50, 0, 251)],
)
def test_a_step_is_the_next_update_or_the_number_that_are_done(
    tmp_path, first, every, of_update, total
):
    """Rows at 0 or at 49, 99, … count from 0; rows at 1, 2, … or 50, 100, … count what is done."""
    x = np.arange(first, 300 + (first == every), every)
    rates = 0.1 * (1 - (x + of_update) / 300)
    path = write_csv(tmp_path / "a.csv", ("step", "lr", "loss"), rows(x, rates, 3 - x / 300))
    run = read_run(path)
    assert run.total == total
    np.testing.assert_allclose(run.rates.at(x + of_update), rates)
    np.testing.assert_array_equal(run.step, x)
    seen = write_csv(tmp_path / "b.csv", ("step", "lr", "val_loss"), rows(x, rates, 3 - x / 300))
    np.testing.assert_array_equal(read_run(seen).step, x + (first == 49))
    assert read_run(seen).total == (max(total, x[-1] + 1) if first in (0, 49) else total)


def test_rates_may_be_sparse(tmp_path):
    sparse = [rate if i % 5 == 0 else "" for i, rate in enumerate(RATE)]
    run = read_run(write_csv(tmp_path / "a.csv", ("step", "lr", "loss"), rows(STEPS, sparse, LOSS)))
    np.testing.assert_allclose(run.rates.at(STEPS[:26]), RATE[:26])


# --- the tools ------------------------------------------------------------------------------------


def test_keras_csv_logger_counts_epochs_from_zero(tmp_path):
    epochs = np.arange(30)
    held = np.where(epochs < 20, 0.1, 0.01)
    path = write_csv(
        tmp_path / "log.csv",
        ("epoch", "accuracy", "learning_rate", "loss", "val_accuracy", "val_loss"),
        rows(epochs, LOSS / 9, held, LOSS, LOSS / 9, LOSS + 1),
    )
    with pytest.raises(RecordError, match="steps_per_epoch"):
        read_run(path)
    run = read_run(path, steps_per_epoch=100)
    np.testing.assert_array_equal(run.step, 100 * (epochs + 1))
    assert run.of == "validation"
    assert run.total == 3000
    assert run.rates.at(1999) == 0.1
    assert run.rates.at(2000) == 0.01
    assert any("one rate per epoch" in word for word in run.warnings)


@pytest.mark.parametrize("wrapped", [False, True])
def test_keras_history(tmp_path, wrapped):
    history = {"loss": LOSS.tolist(), "val_loss": (LOSS + 1).tolist(), "lr": RATE.tolist()}
    path = tmp_path / "history.json"
    path.write_text(json.dumps({"history": history} if wrapped else history))
    run = read_run(path, steps_per_epoch=10, loss="loss")
    np.testing.assert_allclose(run.loss, LOSS)
    np.testing.assert_array_equal(run.step, 10 * np.arange(1, 31))


def test_lightning_metrics_have_their_values_on_different_rows(tmp_path):
    table = []
    for i, step in enumerate(STEPS.tolist()):
        table.append(("", "", RATE[i], step, "", ""))
        table.append((i, "", "", step, LOSS[i], ""))
        table.append((i, LOSS[i] - 0.1, "", step, "", LOSS[i] + 1))
    header = ("epoch", "train_loss_epoch", "lr-SGD", "step", "train_loss_step", "val_loss")
    run = read_run(write_csv(tmp_path / "metrics.csv", header, table))
    assert run.of == "validation"
    np.testing.assert_allclose(run.loss, LOSS + 1)
    np.testing.assert_allclose(run.rates.at(STEPS), RATE)
    np.testing.assert_array_equal(run.step, STEPS)


def test_transformers_trainer_state(tmp_path):
    history = []
    done = STEPS + 100
    for step, loss, rate in zip(done.tolist(), LOSS.tolist(), RATE.tolist(), strict=True):
        history.append({"epoch": step / 1000, "learning_rate": rate, "loss": loss, "step": step})
        if step % 1000 == 100:
            history.append({"epoch": step / 1000, "eval_loss": loss + 1, "step": step})
    history.append({"train_loss": 3.2, "train_runtime": 9.0, "step": 3000, "epoch": 3.0})
    path = tmp_path / "trainer_state.json"
    path.write_text(json.dumps({"global_step": 3000, "log_history": history, "max_steps": 3000}))
    run = read_run(path)
    np.testing.assert_allclose(run.loss, LOSS)
    np.testing.assert_allclose(run.rates.at(done - 1), RATE)
    assert run.total == 3000
    np.testing.assert_allclose(run.others["validation_loss"][1], LOSS[::10] + 1)


def test_weights_and_biases_exports(tmp_path):
    header = ["Step"]
    for name in ("train/loss", "lr"):
        header += [f"my-run - {name}", f"my-run - {name}__MIN", f"my-run - {name}__MAX"]
    table = rows(STEPS, LOSS, LOSS, LOSS, RATE, RATE, RATE)
    run = read_run(write_csv(tmp_path / "export.csv", header, table))
    np.testing.assert_allclose(run.loss, LOSS)
    np.testing.assert_allclose(run.rates.at(STEPS), RATE)
    several = ["Step", "one - train/loss", "two - train/loss", "one - lr", "two - lr"]
    table = rows(STEPS, LOSS + 1, LOSS, 2 * RATE, RATE)
    path = write_csv(tmp_path / "several.csv", several, table)
    with pytest.raises(RecordError, match="several runs"):
        read_run(path)
    run = read_run(path, loss="two - train/loss")
    np.testing.assert_allclose(run.loss, LOSS)
    np.testing.assert_allclose(run.rates.at(STEPS), RATE)


def test_the_trainers_step_counts_and_not_the_loggers(tmp_path):
    header = ("_step", "train/global_step", "train/loss", "train/learning_rate")
    table = rows(np.arange(30), STEPS, LOSS, RATE)
    np.testing.assert_array_equal(
        read_run(write_csv(tmp_path / "a.csv", header, table)).step, STEPS
    )


@pytest.mark.parametrize("lines", [False, True])
def test_json_rows_and_json_lines(tmp_path, lines):
    data = [
        {"step": int(s), "lr": r, "loss": v}
        for s, r, v in rows(STEPS, RATE.tolist(), LOSS.tolist())
    ]
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(map(json.dumps, data)) if lines else json.dumps(data))
    np.testing.assert_allclose(read_run(path).loss, LOSS)


def record(path, evaluations=30):
    info = RunInfo("toy", "wsd", None, 0, 300, 100, "loss", False)
    k = np.arange(300)
    with RecordWriter(path, info) as writer:
        for i in range(30):
            part = slice(10 * i, 10 * i + 10)
            applied = {"learning_rate": 0.1 * (1 - k[part] / 300)}
            writer.updates(Updates(3 - k[part] / 300, applied, {"accuracy": k[part] / 400}))
            if i < evaluations:
                writer.evaluation(Evaluation(10 * i + 10, 1, "validation", {"loss": 4 - i / 30}))
        writer.end("finished", {})
    return path


def test_glidepath_records(tmp_path):
    path = record(tmp_path / "record.jsonl")
    run = read_run(path)
    assert (run.of, run.total) == ("validation", 300)
    np.testing.assert_array_equal(run.step, np.arange(10, 301, 10))
    np.testing.assert_allclose(run.rates.at(np.arange(300)), 0.1 * (1 - np.arange(300) / 300))
    train = read_run(path, loss="loss")
    np.testing.assert_allclose(train.loss, 3 - np.arange(300) / 300)
    np.testing.assert_array_equal(train.others["train_accuracy"][0], [100, 200, 300])
    with pytest.raises(RecordError, match="'val_loss'"):
        read_run(path, loss="nll")


def test_a_record_with_few_evaluations_gives_its_training_loss(tmp_path):
    assert read_run(record(tmp_path / "record.jsonl", evaluations=3)).of == "train"


# --- TensorBoard ----------------------------------------------------------------------------------


def event(step, tag, value, tensor=False):
    """One record of an event file, put together by hand from the formats' definitions."""
    number = np.float32(value).tobytes()
    name = tag.encode()
    if tensor:
        body = b"\x08\x01" + b"\x22" + bytes([len(number)]) + number
        scalar = b"\x42" + bytes([len(body)]) + body
    else:
        scalar = b"\x15" + number
    inner = b"\x0a" + bytes([len(name)]) + name + scalar
    summary = b"\x0a" + bytes([len(inner)]) + inner
    count, rest = b"", step
    while rest >= 128:
        count, rest = count + bytes([rest & 127 | 128]), rest >> 7
    data = b"\x09" + bytes(8) + b"\x10" + count + bytes([rest])
    return framed(data + b"\x2a" + bytes([len(summary)]) + summary)


def framed(data):
    head = len(data).to_bytes(8, "little")
    return b"".join(
        (head, _masked(head).to_bytes(4, "little"), data, _masked(data).to_bytes(4, "little"))
    )


def event_file(path, tensor=False, tags=("train/loss", "train/lr")):
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [framed(b"\x09" + bytes(8) + b"\x1a\x0dbrain.Event:2")]
    for step, loss, rate in zip(STEPS.tolist(), LOSS, RATE, strict=True):
        values = (loss, rate)
        parts += [event(step, tag, v, tensor) for tag, v in zip(tags, values, strict=False)]
    path.write_bytes(b"".join(parts))
    return path


@pytest.mark.parametrize("tensor", [False, True], ids=["simple value", "tensor"])
def test_tensorboard_folders(tmp_path, tensor):
    event_file(tmp_path / "run" / "events.out.tfevents.1.host", tensor)
    run = read_run(tmp_path / "run")
    np.testing.assert_allclose(run.loss, LOSS, rtol=1e-6)
    np.testing.assert_allclose(run.rates.at(STEPS), RATE, rtol=1e-6, atol=1e-9)
    assert read_run(tmp_path / "run" / "events.out.tfevents.1.host").total == 2901


def test_subfolders_name_the_split(tmp_path):
    event_file(tmp_path / "train" / "events.out.tfevents.1.v2", tags=("epoch_loss", "epoch_lr"))
    event_file(tmp_path / "validation" / "events.out.tfevents.2.v2", tags=("epoch_loss",))
    run = read_run(tmp_path)
    assert run.of == "validation"
    np.testing.assert_allclose(run.others["train_loss"][1], LOSS, rtol=1e-6)


def test_a_known_check_sum():
    crc = _masked(b"123456789") - 0xA282EAD8 & 0xFFFFFFFF
    assert (crc << 15 | crc >> 17) & 0xFFFFFFFF == 0xE3069283


def test_files_that_tensorboard_wrote_itself(tmp_path):
    writer = pytest.importorskip(
        "glidepath.training.tensorboard", reason="tensorboard is not installed"
    ).ScalarWriter
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    pytest.importorskip("google_crc32c", reason="google-crc32c is not installed")
    with writer(tmp_path) as out:
        out.add_many(0, {"loss": np.linspace(3, 2, 200), "learning_rate": np.full(200, 0.1)})
        out.add(200, {"val_loss": 2.0})
    run = read_run(tmp_path)
    np.testing.assert_allclose(run.loss, np.linspace(3, 2, 200), rtol=1e-6)
    assert run.total == 200
    resumed = tmp_path / "resumed"
    with writer(resumed) as out:
        out.add_many(57, {"loss": np.linspace(3, 2, 143), "learning_rate": np.full(143, 0.1)})
    assert read_run(resumed).total == 200
