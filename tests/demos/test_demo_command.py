"""`glidepath demo`: what it prints, writes and refuses."""

import re

import pytest
from PIL import Image
from typer.testing import CliRunner

from glidepath.cli import app

runner = CliRunner()


def call(*arguments):
    return runner.invoke(app, ["demo", *map(str, arguments)])


def test_regimes_says_what_to_look_at_and_draws_it(tmp_path):
    done = call("regimes", "0.7", "1.01", "--out", tmp_path / "new")
    assert done.exit_code == 0, done.output
    assert "best         converged in 8 steps" in done.stdout
    assert "diverging    never converges" in done.stdout
    with Image.open(tmp_path / "new" / "regimes.gif") as gif:
        assert gif.n_frames == 61
        assert gif.width <= 800
    with Image.open(tmp_path / "new" / "regimes.png") as png:
        assert png.width >= 800


@pytest.mark.parametrize(
    ("arguments", "files", "said"),
    [
        (["noise", "--steps", "40"], ["noise.gif", "noise.png"], "settles while its rate falls"),
        (["saddle", "--steps", "80"], ["saddle.gif", "saddle.png"], "not in 80 steps"),
        (["decay", "--updates", "200", "--seeds", "1"], ["decay.png"], "update 100: the rate"),
        (
            ["optimizers", "--steps", "20", "--updates", "20"],
            ["optimizers-digits.png", "optimizers.gif", "optimizers.png"],
            "The cosine lowers the loss of",
        ),
        (["policies"], ["one-cycle.png", "policies.png"], "24 schedules"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_each_demo_draws_and_says_what_to_look_at(arguments, files, said, tmp_path, monkeypatch):
    for module in ("noise", "optimizers", "saddle"):
        monkeypatch.setattr(f"glidepath.viewing.figures.demos.{module}.FRAMES", 5)
    done = call(*arguments, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert said in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == files
    for path in tmp_path.iterdir():
        assert str(path) in done.stdout.replace("\n", "")
        with Image.open(path) as picture:
            assert picture.width >= 790
            assert len(picture.convert("RGB").getcolors(2**24)) > 20  # not an empty sheet


def test_every_demo_is_tried_here():
    done = call("--help")
    named = set(re.findall(r"^  ([a-z]+)  ", done.stdout, re.MULTILINE))
    assert named == {"regimes", "noise", "saddle", "decay", "optimizers", "policies"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["regimes", "0.7", "nan"], "finite"),
        (["regimes", "0"], "above 0"),
        (["regimes", "eleven"], "RATES"),
        (["regimes", "--condition", "0.2"], "condition"),
        (["regimes", "--out", "file"], "file is no folder"),
        (["noise", "--rate", "2"], "at most 0.8"),
        (["saddle", "--low", "3"], "above low"),
        (["decay", "--seeds", "0"], "at least 1"),
        (["optimizers", "--noise", "-1"], "0 or above"),
        (["volcano"], "volcano"),
    ],
)
def test_bad_input_is_an_error_with_exit_code_2(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    done = call(*arguments)
    assert done.exit_code == 2
    assert "Traceback" not in done.output
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
