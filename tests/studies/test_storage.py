import json
import math

import numpy as np
import pytest

import glidepath as gp
from glidepath.finding import range_test
from glidepath.studies import storage
from glidepath.testing import ToyTrainer


def test_a_range_test_comes_back_from_json_as_it_was():
    test = range_test(ToyTrainer("classification"), sweeps=2, seed=0)
    text = json.dumps(storage.range_test_to_json(test), allow_nan=False)
    read = storage.range_test_from_json(json.loads(text))
    for name in ("rates", "losses", "smoothed"):
        assert np.array_equal(getattr(read, name), getattr(test, name), equal_nan=True)
    assert [s.tolist() for s in read.sweeps] == [s.tolist() for s in test.sweeps]
    assert read.metrics["accuracy"].tolist() == test.metrics["accuracy"].tolist()
    for name in ("kind", "low", "high", "suggested", "diverged_at", "updates", "warnings"):
        assert getattr(read, name) == getattr(test, name)


def test_a_range_test_of_another_version_is_refused():
    data = storage.range_test_to_json(range_test(ToyTrainer()))
    with pytest.raises(gp.StudyError, match="extra"):
        storage.range_test_from_json({**data, "extra": 1})
    del data["low"]
    with pytest.raises(gp.StudyError, match="low"):
        storage.range_test_from_json(data)


def test_json_is_written_whole_and_without_what_is_not_json(tmp_path):
    path = tmp_path / "x.json"
    storage.write_json(path, {"a": math.nan, "b": np.array([1.0, math.inf]), "c": np.int64(3)})
    assert json.loads(path.read_text()) == {"a": None, "b": [1.0, None], "c": 3}
    with pytest.raises(TypeError):
        storage.write_json(path, {"a": object()})
    assert json.loads(path.read_text())["c"] == 3
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.json"]


def test_a_place_that_cannot_be_written_is_an_error_of_ours(tmp_path):
    with pytest.raises(gp.StudyError, match="cannot be written"):
        storage.write_json(tmp_path / "nowhere" / "x.json", {})


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("1cycle", "1cycle"),
        ("one_cycle peak=0.1", "one_cycle_peak=0.1"),
        ("../../etc/passwd", "etc_passwd"),
        ("..", "policy"),
        ("ünïcode", "n_code"),
    ],
)
def test_names_become_files_inside_the_folder(name, file):
    assert storage.slug(name) == file
