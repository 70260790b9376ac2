"""Record files: what is written is read back, and what cannot be read is refused plainly."""

import json
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import glidepath as gp
from glidepath.training import Evaluation, RecordWriter, RunInfo, Updates, read_record

INFO = RunInfo("toy", "fixed", {"version": 1}, 3, 100, 10, "accuracy", True, "abc")


def write(path, losses, metrics=None, end=True):
    losses = np.asarray(losses, float)
    with RecordWriter(path, INFO) as writer:
        writer.updates(Updates(losses, {"learning_rate": np.full(len(losses), 0.1)}, metrics or {}))
        writer.evaluation(Evaluation(len(losses), 1, "validation", {"loss": 0.5, "auc": math.nan}))
        if end:
            writer.end("finished", {"steps": 1.5})
    return path


def test_the_lines_are_as_documented(tmp_path):
    path = write(tmp_path / "r.jsonl", [1.5, math.nan])
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0] == {"glidepath_record": 1, **vars(INFO)}
    assert lines[1:] == [
        {"step": 0, "learning_rate": 0.1, "loss": 1.5},
        {"step": 1, "learning_rate": 0.1, "loss": None},
        {"step": 2, "epoch": 1, "evaluation": "validation", "loss": 0.5, "auc": None},
        {"end": "finished", "step": 2, "seconds": {"steps": 1.5}},
    ]


def test_both_ways_of_writing_lines_write_the_same(tmp_path):
    finite = write(tmp_path / "a.jsonl", [1.5, 1e-300]).read_text().splitlines()
    mended = write(tmp_path / "b.jsonl", [1.5, math.inf]).read_text().splitlines()
    assert finite[1] == mended[1]
    assert finite[2].replace("1e-300", "null") == mended[2]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hnp.arrays(np.float64, st.integers(0, 5), elements=st.floats()),
    st.text(st.characters(codec="utf-8"), min_size=1).filter(
        lambda name: name not in ("step", "loss", "learning_rate", "end", "evaluation")
    ),
)
def test_any_losses_and_names_come_back(tmp_path, losses, name):
    record = read_record(write(tmp_path / "r.jsonl", losses, {name: losses}))
    assert record.info == INFO
    assert record.outcome == "finished"
    expected = np.where(np.isfinite(losses), losses, math.nan)
    if len(losses):
        np.testing.assert_array_equal(record.series["loss"], expected)
        np.testing.assert_array_equal(record.series[name], expected)


def test_columns_of_float32_and_integers_are_written(tmp_path):
    with RecordWriter(tmp_path / "r.jsonl", INFO) as writer:
        rates = np.array([0.1, 0.2], np.float32)
        writer.updates(Updates(np.array([1, 2]), {"learning_rate": rates}))
    series = read_record(tmp_path / "r.jsonl").series
    np.testing.assert_array_equal(series["loss"], [1.0, 2.0])
    np.testing.assert_array_equal(series["learning_rate"], rates.astype(np.float64))


def test_what_is_written_is_on_disk_at_once(tmp_path):
    with RecordWriter(tmp_path / "r.jsonl", INFO) as writer:
        writer.updates(Updates(np.ones(3), {"learning_rate": np.ones(3)}))
        assert read_record(tmp_path / "r.jsonl").steps == 3
        writer.updates(Updates(np.ones(2), {"learning_rate": np.ones(2)}))
        record = read_record(tmp_path / "r.jsonl")
    assert record.steps == 5
    assert record.outcome == "interrupted"


def test_steps_count_on_from_call_to_call(tmp_path):
    path = tmp_path / "r.jsonl"
    with RecordWriter(path, INFO) as writer:
        for losses in ([1.0, 2.0], [math.nan], [3.0, 4.0], []):
            writer.updates(Updates(np.array(losses), {"learning_rate": np.ones(len(losses))}))
        writer.end("diverged", {})
    lines = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    assert [line["step"] for line in lines] == [0, 1, 2, 3, 4, 5]


def test_a_record_cut_anywhere_is_read_up_to_there(tmp_path):
    whole = write(tmp_path / "whole.jsonl", [1.0, 2.0, 3.0]).read_text()
    head = whole.index("\n") + 1
    updates = set(whole.splitlines()[1:4])
    for cut in range(head, len(whole) - 1):
        (tmp_path / "cut.jsonl").write_text(whole[:cut])
        record = read_record(tmp_path / "cut.jsonl")
        assert record.outcome == "interrupted"
        assert record.steps == len(updates & set(whole[:cut].splitlines()))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a run record"),
        ("{}\n", "not a run record"),
        ("[1]\n{}\n", "not a JSON object"),
        ('{"glidepath_record": 2}\n', "another version"),
        ('{"glidepath_record": 1, "task": "x"}\n', "lacks a key"),
    ],
)
def test_what_is_no_record_is_refused(tmp_path, text, message):
    (tmp_path / "r.jsonl").write_text(text)
    with pytest.raises(gp.RecordError, match=message):
        read_record(tmp_path / "r.jsonl")


def test_damage_before_the_last_line_is_refused(tmp_path):
    lines = write(tmp_path / "r.jsonl", [1.0, 2.0, 3.0]).read_text().splitlines()
    lines[2] = lines[2][:-5]
    (tmp_path / "r.jsonl").write_text("\n".join(lines))
    with pytest.raises(gp.RecordError, match="line 3 is not JSON"):
        read_record(tmp_path / "r.jsonl")


def test_uneven_columns_are_refused(tmp_path):
    lines = write(tmp_path / "r.jsonl", [1.0, 2.0]).read_text().splitlines()
    lines[1] = '{"step": 0, "loss": 1.0}'
    (tmp_path / "r.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(gp.RecordError, match="same columns"):
        read_record(tmp_path / "r.jsonl")


def test_a_missing_file_is_a_record_error(tmp_path):
    with pytest.raises(gp.RecordError, match="cannot be read"):
        read_record(tmp_path / "none.jsonl")


def test_curves_and_finals():
    evaluations = (
        Evaluation(10, 1, "validation", {"loss": 0.5}),
        Evaluation(20, 2, "validation", {"loss": 0.25}),
        Evaluation(20, 2, "test", {"loss": 0.75}),
    )
    record = gp.RunRecord(INFO, {"loss": np.ones(20)}, evaluations, "finished")
    steps, values = record.curve("validation", "loss")
    assert (steps.tolist(), values.tolist()) == ([10, 20], [0.5, 0.25])
    assert record.final("validation", "loss") == 0.25
    assert record.final("test", "loss") == 0.75
    assert math.isnan(record.final("train", "loss"))
    diverged = gp.RunRecord(INFO, {"loss": np.ones(20)}, evaluations, "diverged")
    assert math.isnan(diverged.final("test", "loss"))
