"""`glidepath find`: what it prints, writes, draws and refuses."""

import json
import math

import pytest
from typer.testing import CliRunner

import glidepath as gp
from glidepath.cli import app, finding
from glidepath.finding import Found
from glidepath.testing import ToyTrainer
from glidepath.viewing.figures.finder import finder_figure
from glidepath.viewing.found import found_table

runner = CliRunner()


class ToyTask:
    """A task of the toy trainer."""

    name = reference = "toy"

    def open(self):
        return ToyTrainer()


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    monkeypatch.setattr(finding, "load_task", lambda reference: ToyTask())


def call(*arguments):
    return runner.invoke(app, ["find", "toy", *map(str, arguments)])


def test_it_prints_writes_and_draws(tmp_path):
    where, picture = tmp_path / "new" / "found.json", tmp_path / "found.png"
    done = call("--budget", "15ep", "--json", where, "--plot", picture)
    assert done.exit_code == 0, done.output
    assert "learning rate" in done.output
    data = json.loads(where.read_text())
    # These names are what programs rely on.
    assert data["learning_rate"] > 0
    low, high = data["interval"]
    assert low <= data["learning_rate"] <= high
    assert set(data["cyclical"]) == {"low", "high"}
    cost = data["cost"]
    assert set(cost) == {"sequential_updates", "lane_updates", "seconds", "budget"}
    assert cost["budget"] == 300
    assert data["diverges_at"] > data["learning_rate"]
    assert isinstance(data["warnings"], list)
    assert all({"rate", "updates", "score", "losses"} <= set(lane) for lane in data["lanes"])
    direct = gp.find(ToyTrainer(), gp.linear(0, 1, "5%") >> gp.cosine_decay(1, "95%"), "15ep")
    assert Found.from_json(where.read_text()).learning_rate == direct.learning_rate
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("policy", "shape"),
    [
        ("constant", gp.constant(1.0)),
        ("fixed", gp.constant(1.0)),
        ("one_cycle", gp.one_cycle(1.0)),
        ("1cycle", gp.one_cycle(1.0)),
        ("polynomial_decay rate=7 end=0 over=100%", gp.polynomial_decay(1.0, 0.0, "100%")),
    ],
)
def test_policies_by_name_recipe_or_file(tmp_path, policy, shape):
    spec = tmp_path / "policy.json"
    spec.write_text(json.dumps(gp.as_policy(shape).to_spec()))
    rates = []
    for written in (policy, spec):
        out = tmp_path / "found.json"
        done = call("--budget", 200, "--policy", written, "--effort", "quick", "--json", out)
        assert done.exit_code == 0, done.output
        rates.append(json.loads(out.read_text())["learning_rate"])
    direct = gp.find(ToyTrainer(), shape, 200, effort="quick").learning_rate
    assert rates == pytest.approx([direct, direct])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--budget", "soon"), "duration"),
        (("--budget", "50%"), "50%"),
        (("--budget", 100, "--policy", "sine"), "no recipe"),
        (("--budget", 100, "--effort", "huge"), "effort"),
        (("--budget", 100, "--low", 3, "--high", 1), "four times"),
        (("--budget", 100, "--optimizer", "lion"), "no optimizer"),
        (("--budget", 100, "--optimizer", "adam"), "Keras tasks alone"),
        (("--budget", 100, "--plot", "found.doc"), "png"),
    ],
)
def test_what_cannot_be_is_refused(arguments, words):
    done = call(*arguments)
    assert done.exit_code == 2, done.output
    assert words in done.stderr
    assert "Traceback" not in done.output


def test_places_that_cannot_be_written_are_refused_before_the_search(tmp_path, monkeypatch):
    monkeypatch.setattr(finding, "find", None)
    file, folder = tmp_path / "file", tmp_path / "found.png"
    file.write_text("kept")
    folder.mkdir()
    for arguments, words in [
        (("--json", tmp_path), "is a folder"),
        (("--json", file / "found.json"), "takes no files"),
        (("--plot", folder), "is a folder"),
        (("--json", tmp_path / "same.png", "--plot", tmp_path / "same.png"), "twice"),
    ]:
        done = call("--budget", 100, *arguments)
        assert done.exit_code == 2, done.output
        assert words in done.stderr
    assert sorted(tmp_path.iterdir()) == [file, folder]
    assert file.read_text() == "kept"


def test_an_interrupted_search_does_not_say_that_it_resumes(monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(finding, "find", interrupted)
    done = call("--budget", 100)
    assert done.exit_code == 130
    assert "give it again" in done.stderr


def test_the_figure_and_the_table_hold_a_search_without_an_answer():
    class Still(ToyTrainer):
        def advance(self, values):
            return super().advance({**values, "learning_rate": 0 * values["learning_rate"]})

    found = gp.find(Still(), gp.constant(1.0), 100)
    assert math.isnan(found.curve.loss[0])
    finder_figure(found)
    assert found_table(found) is not None
