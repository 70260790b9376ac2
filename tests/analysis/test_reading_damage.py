"""Damaged logs: mended with a word where it is safe, refused with a word where not, never worse."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_reading import LOSS, RATE, STEPS, event_file, record, rows, write_csv

from glidepath.analysis import read_run
from glidepath.analysis.reading import mend
from glidepath.errors import RecordError

HEADER = ("step", "lr", "loss")
FUZZ = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def told(run, word):
    return any(word in warning for warning in run.warnings)


def table():
    return [list(row) for row in rows(STEPS, RATE, LOSS)]


def test_rows_that_are_not_finite_are_left_out(tmp_path):
    bad = table()
    bad[5][2], bad[7][2], bad[9][2] = "nan", "inf", "oops"
    run = read_run(write_csv(tmp_path / "a.csv", HEADER, bad))
    assert run.loss.size == LOSS.size - 3
    assert told(run, "3 rows have a learning rate but no finite loss")
    assert run.lost is None


def test_a_loss_that_is_lost_for_good_is_told_from_one_that_is_evaluated_now_and_then(tmp_path):
    bad = table()
    for row in bad[20:]:
        row[2] = "nan"
    assert read_run(write_csv(tmp_path / "a.csv", HEADER, bad)).lost == STEPS[19]
    rare = [[s, r, v if i % 4 == 0 else ""] for i, (s, r, v) in enumerate(table())]
    assert read_run(write_csv(tmp_path / "b.csv", HEADER, rare)).lost is None


@pytest.mark.parametrize(
    ("first", "at_zero", "word"),
    [(0, 0.1, None), (4, 0.0, "linear warm-up from zero"), (15, 0.1, "taken to hold")],
)
def test_rates_before_the_log_begins_are_assumed_with_a_word(tmp_path, first, at_zero, word):
    late = [[s, 0.1, v] for s, _, v in table()[first:]]
    run = read_run(write_csv(tmp_path / "a.csv", HEADER, late))
    assert run.rates.at(0) == pytest.approx(at_zero)
    assert run.rates.at(STEPS[first]) == pytest.approx(0.1)
    assert told(run, "no rate was logged") == (word is not None)
    assert word is None or told(run, word)


def test_a_rising_rate_is_carried_back_to_the_start(tmp_path):
    rising = [[s, s / 3000, v] for s, _, v in table()[1:]]
    run = read_run(write_csv(tmp_path / "a.csv", HEADER, rising))
    assert run.rates.at(50) == pytest.approx(51 / 3000)


def test_unsorted_rows_are_sorted(tmp_path):
    order = np.random.default_rng(0).permutation(len(STEPS))
    mixed = [table()[i] for i in order]
    run = read_run(write_csv(tmp_path / "a.csv", HEADER, mixed))
    np.testing.assert_allclose(run.loss, LOSS)
    assert told(run, "not sorted")


@pytest.mark.parametrize("kind", ["halves", "swapped", "thirds"])
def test_blocks_and_swapped_rows_are_sorted_without_losing_one(tmp_path, kind):
    mixed = table()
    if kind == "halves":
        mixed = mixed[15:] + mixed[:15]
    elif kind == "thirds":
        mixed = mixed[20:] + mixed[10:20] + mixed[:10]
    else:
        mixed[7], mixed[8] = mixed[8], mixed[7]
    run = read_run(write_csv(tmp_path / "a.csv", HEADER, mixed))
    np.testing.assert_array_equal(run.step, STEPS)
    np.testing.assert_allclose(run.loss, LOSS)
    np.testing.assert_allclose(run.rates.at(STEPS), RATE)
    assert told(run, "not sorted")
    assert not told(run, "goes back")


def test_two_runs_in_one_file_are_told_from_one_that_was_resumed(tmp_path):
    first = [[s, r, v + 5] for s, r, v in table()]
    run = read_run(write_csv(tmp_path / "a.csv", HEADER, first + table()))
    np.testing.assert_allclose(run.loss, LOSS)
    assert told(run, f"two runs in one file do; the last one counts and the {len(first)} rows")
    assert told(run, "split the file")
    same = read_run(write_csv(tmp_path / "b.csv", HEADER, table() + table()))
    assert not told(same, "two runs")
    assert told(same, "begins again at its first step; the last time counts")
    assert not told(run, "as a resumed run does"), "the rates say nothing else than the losses"
    np.testing.assert_allclose(same.loss, LOSS)


def test_duplicates_keep_the_last(tmp_path):
    twice = table()
    twice.insert(11, [STEPS[10], RATE[10], 99.0])
    run = read_run(write_csv(tmp_path / "a.csv", HEADER, twice))
    assert run.loss[10] == 99
    assert run.loss.size == LOSS.size
    assert told(run, "appear twice")


def test_a_resumed_run_counts_from_where_it_was_resumed(tmp_path):
    first = [[s, r, v + 5] for s, r, v in table()[:20]]
    again = [[s + 50, r, v] for s, r, v in table()[12:]]
    run = read_run(write_csv(tmp_path / "a.csv", HEADER, first + again))
    np.testing.assert_array_equal(run.step, [*STEPS[:13], *(STEPS[12:] + 50)])
    np.testing.assert_allclose(run.loss[13:], LOSS[12:])
    assert told(run, "goes back once, as a resumed run does")
    assert run.total == 2951
    shorter = read_run(write_csv(tmp_path / "b.csv", HEADER, [*table(), *table()[10:20]]))
    assert shorter.total == STEPS[19] + 1, "the part that counts is the later one"


def test_a_line_that_was_cut_short_is_left_out(tmp_path):
    path = write_csv(tmp_path / "a.csv", HEADER, table())
    path.write_text(path.read_text().rstrip().rsplit(",", 1)[0])
    run = read_run(path)
    assert run.loss.size == LOSS.size - 1
    assert told(run, "cut short")


@pytest.mark.parametrize(
    ("header", "cut", "word"),
    [
        (("step", "loss", "lr"), "9.", "'9.'"),
        (("lr", "loss", "step"), "1", "'1'"),
        (("step", "loss", "lr"), "9.43e-07", None),
    ],
)
def test_a_last_cell_that_was_cut_is_left_out_and_a_whole_one_kept(tmp_path, header, cut, word):
    names = {"step": STEPS, "loss": LOSS, "lr": np.linspace(1e-6, 9.43e-07, STEPS.size)}
    path = write_csv(tmp_path / "a.csv", header, rows(*(names[name] for name in header)))
    path.write_text(path.read_text().rstrip().rsplit(",", 1)[0] + "," + cut)
    run = read_run(path)
    assert run.loss.size == LOSS.size - (word is not None)
    assert told(run, "looks cut") == (word is not None)
    assert word is None or told(run, word)
    assert run.rates.peak == pytest.approx(1e-6)


def test_a_cool_down_to_zero_needs_no_line_end(tmp_path):
    falling = [*RATE[:-1], 0.0]
    path = write_csv(tmp_path / "a.csv", ("step", "loss", "lr"), rows(STEPS, LOSS, falling))
    path.write_text(path.read_text().rstrip())
    assert read_run(path).loss.size == LOSS.size


@pytest.mark.parametrize("wrong", [0.01, 0.0, 1e-4])
def test_a_rate_that_stands_alone_is_replaced_with_a_word(tmp_path, wrong):
    rates = np.full(500, 1e-3)
    rates[250] = wrong
    steps = 10 * np.arange(500)
    path = write_csv(tmp_path / "a.csv", HEADER, rows(steps, rates, 3 + np.exp(-steps / 500)))
    run = read_run(path)
    assert run.rates.peak == pytest.approx(1e-3)
    assert run.rates.at(2500) == pytest.approx(1e-3)
    assert told(run, f"the learning rate at step 2500 is {wrong:.4g}")


FLAT = np.full(60, 1e-3)
SCHEDULES = {
    "steps": np.repeat([1e-3, 1e-4, 1e-5], 20),
    "warm-up": np.concatenate([[0.0], FLAT]),
    "restarts": np.tile(1e-3 * 0.5 * (1 + np.cos(np.pi * np.arange(20) / 20)), 3),
    "coarse restarts": np.tile([1e-3, 1e-5], 30),
    "cycles seen at their tops": np.tile([1e-3, 1e-4, 1e-4, 1e-4, 1e-4], 12),
    "a last restart": np.concatenate([FLAT, [1e-2]]),
    "few": np.asarray([1e-3, 1e-3, 1e-2, 1e-3, 1e-3]),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_what_a_schedule_does_is_no_damage(tmp_path, name):
    rates = SCHEDULES[name]
    steps = 10 * np.arange(rates.size)
    path = write_csv(tmp_path / "a.csv", HEADER, rows(steps, rates, 3 + np.exp(-steps / 500)))
    run = read_run(path)
    np.testing.assert_allclose(run.rates.at(steps), rates)
    assert not told(run, "taken for damage")


def test_rows_of_another_width_are_counted(tmp_path):
    bad = table()
    bad[3].append(1)
    bad[4].append(1)
    assert told(read_run(write_csv(tmp_path / "a.csv", HEADER, bad)), "2 damaged rows")


def test_steps_that_cannot_be_are_left_out(tmp_path):
    bad = table()
    bad[3][0], bad[4][0] = -5, 1e300
    run = read_run(write_csv(tmp_path / "a.csv", HEADER, bad), total=3000)
    assert run.loss.size == LOSS.size - 2
    assert told(run, "no usable step")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"step,lr,loss\n", "no rows"),
        (b"step,lr,loss\n1,2\n", "looks like a loss"),
        (b"step,lr,lr\n1,2,3\n", "twice"),
        (b"hello world\nthis is text\n", "looks like a loss"),
        (b"step,lr,loss\n1,0,3\n2,0,2\n", "no rate above zero"),
        (b"step,lr,loss\n0,0.1,3\n", "cannot be a run's length"),
        (b"lr,loss\n0.1,3\n0.1,2\n", "counts updates"),
        (b"step,lr,loss\n1e12,0.1,3\n", "cannot be a run's length"),
        (bytes(range(256)) * 20, "not a text file"),
        (b'{"a": 1', "damaged"),
        (b'{"a": 1}', "no log"),
        (b"[]", "no rows"),
        (b"[1, 2]", "no rows"),
        (b"[" * 100_000, "damaged"),
        (b'{"glidepath_record": 1}', "lacks a key"),
        (b'{"glidepath_record": 1, "task": 3}\n[', "lacks a key"),
    ],
)
def test_what_is_no_log_is_refused_with_a_word(tmp_path, content, word):
    path = tmp_path / "log"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=word):
        read_run(path)


def test_what_is_not_there_is_refused_with_a_word(tmp_path):
    with pytest.raises(RecordError, match="cannot be read"):
        read_run(tmp_path / "nothing.csv")
    with pytest.raises(RecordError, match="no TensorBoard event file"):
        read_run(tmp_path)


def test_a_giant_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("glidepath.analysis.reading.table.LARGEST_FILE", 10)
    with pytest.raises(RecordError, match="more than a log may have"):
        read_run(write_csv(tmp_path / "a.csv", HEADER, table()))


def test_a_damaged_record_is_refused(tmp_path):
    path = record(tmp_path / "record.jsonl")
    lines = path.read_text().splitlines()
    lines.insert(5, '{"evaluation": "validation"}')
    path.write_text("\n".join(lines))
    with pytest.raises(RecordError, match="damaged"):
        read_run(path)


def test_a_scalar_whose_check_sum_is_wrong_is_left_out(tmp_path):
    path = event_file(tmp_path / "events.out.tfevents.1")
    data = bytearray(path.read_bytes())
    at = data.index(np.float32(LOSS[7]).tobytes())
    data[at] ^= 1
    path.write_bytes(data)
    run = read_run(path)
    assert told(run, "1 damaged records are left out")
    np.testing.assert_array_equal(run.step, np.delete(STEPS, 7))


def test_damaged_event_files_give_what_is_whole(tmp_path):
    path = event_file(tmp_path / "events.out.tfevents.1")
    data = bytearray(path.read_bytes())
    path.write_bytes(data[:-7])
    assert told(read_run(path), "cut short")
    middle = len(data) // 2
    data[middle] ^= 0xFF
    path.write_bytes(data)
    run = read_run(path)
    assert told(run, "damaged")
    assert 0 < run.loss.size <= LOSS.size
    path.write_bytes(b"\xff" * 64)
    with pytest.raises(RecordError, match="no scalars"):
        read_run(path)


# --- fuzz -----------------------------------------------------------------------------------------


def survives(path, **options):
    """Reads a run whose numbers are all fine, or raises RecordError."""
    try:
        run = read_run(path, **options)
    except RecordError:
        return
    assert np.all(np.isfinite(run.loss))
    assert np.all(np.diff(run.step) > 0)
    assert np.all(np.isfinite(run.rates.rates))


@FUZZ
@given(st.binary(max_size=400))
def test_any_bytes_as_text(tmp_path, data):
    path = tmp_path / "log.csv"
    path.write_bytes(data)
    survives(path)


@FUZZ
@given(st.binary(max_size=300))
def test_any_bytes_as_an_event_file(tmp_path, data):
    path = tmp_path / "x.tfevents"
    path.write_bytes(data)
    survives(path)


@FUZZ
@given(at=st.integers(0, 10**6), what=st.integers(0, 255), cut=st.integers(0, 200))
@pytest.mark.parametrize("kind", ["events", "record", "csv", "json"])
def test_any_byte_of_a_good_log_may_be_wrong(tmp_path, kind, at, what, cut):
    path = tmp_path / f"good.{kind}"
    if not path.exists():
        path.write_bytes(_good(tmp_path, kind))
    data = bytearray(path.read_bytes())
    data[at % len(data)] = what
    name = "bad.tfevents" if kind == "events" else f"bad.{kind}"
    bad = tmp_path / name
    bad.write_bytes(data[: len(data) - cut])
    survives(bad)


def _good(folder, kind):
    if kind == "events":
        return event_file(folder / "a.tfevents").read_bytes()
    if kind == "record":
        return record(folder / "a.jsonl").read_bytes()
    if kind == "csv":
        return write_csv(folder / "a.csv", HEADER, table()).read_bytes()
    history = [dict(zip(HEADER, map(float, row), strict=True)) for row in table()]
    return json.dumps({"log_history": history}).encode()


@FUZZ
@given(body=st.binary(max_size=120))
def test_any_message_in_a_sound_frame(tmp_path, body):
    from test_reading import framed

    path = tmp_path / "x.tfevents"
    path.write_bytes(framed(body) + framed(b"\x2a" + bytes([len(body)]) + body))
    survives(path)


plain = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5)
keys = st.sampled_from(["step", "loss", "lr", "epoch", "val_loss", "log_history", "history"])
nested = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(keys, inner), max_leaves=25
)


@FUZZ
@given(data=nested)
def test_any_json(tmp_path, data):
    path = tmp_path / "log.json"
    path.write_text(json.dumps(data))
    survives(path, steps_per_epoch=10)


cells = st.floats(allow_nan=True).map(str) | st.integers().map(str) | st.text(max_size=4)


@FUZZ
@given(table=st.lists(st.lists(cells, min_size=3, max_size=3), max_size=25))
def test_any_cells(tmp_path, table):
    survives(write_csv(tmp_path / "a.csv", HEADER, table))


@FUZZ
@given(
    st.lists(st.tuples(st.floats(), st.floats()), max_size=40).map(
        lambda pairs: np.asarray(pairs, dtype=float).reshape(-1, 2)
    )
)
def test_any_series_is_put_in_order(pairs):
    step, values, _ = mend.series(pairs[:, 0], pairs[:, 1], "loss")
    assert np.all(np.diff(step) > 0)
    assert np.all(np.isfinite(values))
    assert step.size == values.size
