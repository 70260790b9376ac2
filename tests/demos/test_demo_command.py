"""`glidepath demo`: what it prints, writes and refuses."""

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
    ("arguments", "said"),
    [
        (["regimes", "0.7", "nan"], "finite"),
        (["regimes", "0"], "above 0"),
        (["regimes", "eleven"], "RATES"),
        (["regimes", "--condition", "0.2"], "condition"),
        (["regimes", "--out", "file"], "file is no folder"),
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
