import json
import math

import numpy as np
import pytest

import glidepath as gp
from glidepath.studies import storage


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
