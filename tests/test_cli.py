"""The command line: what it prints, writes and refuses."""

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import glidepath as gp
from glidepath.cli import app, commands, run
from glidepath.studies import DEFAULTS, compare, tune

sys.path.insert(0, str(Path(__file__).parent / "studies"))
from toys import Toy

runner = CliRunner()


def call(*arguments):
    return runner.invoke(app, [str(argument) for argument in arguments])


def refused(*arguments):
    """The message of a command line that is refused: exit code 2, no traceback."""
    done = call(*arguments)
    assert done.exit_code == 2, (done.exit_code, done.output, done.exception)
    assert "Traceback" not in done.output
    return done.stderr


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setattr(run, "load_task", lambda reference: Toy(name=reference))


# --- show ---------------------------------------------------------------------------------------


def test_show_prints_the_rates(tmp_path):
    done = call("show", "one_cycle", "peak=0.1", "--total", "30ep", "--steps-per-epoch", 29)
    assert done.exit_code == 0, done.output
    assert "870 updates, 29 per epoch" in done.output
    assert "momentum" in done.output
    assert "0.1" in done.output


def test_show_reads_a_spec_and_draws_several_policies(tmp_path):
    path, png = tmp_path / "policy.json", tmp_path / "out.png"
    path.write_text(json.dumps(gp.cosine_decay(0.1, "100%").to_spec()))
    done = call("show", path, "constant", "rate=0.05", "--total", 100, "--png", png)
    assert done.exit_code == 0, done.output
    assert "policy" in done.output and "constant" in done.output
    assert png.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("policy", "options", "message"),
    [
        (["one_cicle", "peak=0.1"], [], "there is no recipe 'one_cicle'; the recipes are constant"),
        (["one_cycle", "peek=0.1"], [], "has no argument 'peek'"),
        (["one_cycle"], [], "needs 'peak'"),
        (["one_cycle", "peak=nan"], [], "peak must be a finite number, 0 or above, got nan"),
        (["one_cycle", "peak=-1"], [], "peak must be a finite number"),
        (["one_cycle", "peak=big"], [], "got 'big'"),
        (["one_cycle", "peak=1", "peak=2"], [], "peak is given twice"),
        (["peak=1"], [], "must follow the name of a recipe"),
        (["then", "constant"], [], "'then' must follow a recipe"),
        (["constant", "rate=1", "take=5", "then"], [], "something must follow 'then'"),
        (["constant", "rate=1", "then", "constant", "rate=2"], [], "has no end of its own"),
        (["constant", "rate=1", "with", "magic"], [], "there is no controller 'magic'"),
        (["linear", "start=1", "end=0", "over=0"], [], "over must be at least 1 update"),
        (["linear", "start=1", "end=0", "over=5fortnights"], [], "over must be a duration"),
        (["piecewise_constant", "rates=1,2", "boundaries=9,5"], [], "needs one rate more"),
        (["piecewise_constant", "rates=1,2,3", "boundaries=9,5"], [], "boundaries must rise"),
        (["nowhere.json"], [], "nowhere.json cannot be read"),
        (["constant", "rate=1"], ["--total", "5"], None),
        (["constant", "rate=1"], ["--total", "0"], "total must be at least 1 update"),
        (["constant", "rate=1"], ["--total", "5ep"], "steps_per_epoch is not known"),
        (["constant", "rate=1"], ["--total", "50%"], "total must be updates or epochs"),
        (["constant", "rate=1"], ["--total", "99999999999"], "give 10000000 at most"),
        (["constant", "rate=1"], ["--steps-per-epoch", "0"], "steps_per_epoch must be an integer"),
    ],
)
def test_show_refuses_with_what_was_got_and_what_to_do(policy, options, message):
    arguments = ["show", *policy, *([] if "--total" in options else ["--total", 100]), *options]
    if message is None:
        assert call(*arguments).exit_code == 0
    else:
        text = refused(*arguments)
        assert text.startswith("glidepath: ")
        assert message in text


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ('{"version": 1, "recipe": "cosine_decay", "rate": 0.1, "over"', "is not JSON"),
        ('{"version": 2, "recipe": "constant", "rate": 0.1}', "is of version 2"),
        ('{"version": 1, "recipe": "constant", "rate": 0.1, "x": 1}', "has no argument 'x'"),
        ('{"recipe": "constant", "rate": 0.1}', "has no version"),
        ("[]", "must be a JSON object"),
        ("\udcff", "cannot be read"),
    ],
)
def test_show_refuses_a_bad_spec_and_names_the_file(tmp_path, spec, message):
    path = tmp_path / "policy.json"
    path.write_bytes(spec.encode("utf-8", "surrogateescape"))
    text = refused("show", path, "--total", 100)
    assert message in text
    assert "policy.json" in text


# --- compare, tune, range-test ------------------------------------------------------------------


def test_tune_prints_the_table_the_cost_and_where_the_report_is(toy, tmp_path):
    pytest.importorskip("plotly", reason="plotly is not installed")
    out = tmp_path / "study"
    arguments = ("tune", "toy", "--epochs", 3, "--seeds", 2, "--workers", 1, "--out", out)
    done = call(*arguments)
    assert done.exit_code == 0, (done.output, done.exception)
    for name in DEFAULTS:
        assert name in done.output
    assert "recommended" in done.output
    words = " ".join(done.output.split())
    assert "in training steps" in words and "of start-up" in words
    assert str(out / "report.html") in done.output.replace("\n", "")
    assert (out / "report.html").stat().st_size > 10_000
    assert len(list(out.glob("*.png"))) >= 4
    assert json.loads((out / "summary.json").read_text())["task"] == "toy"
    again = call(*arguments)
    assert again.exit_code == 0
    assert "28 of them done before" in again.output


def test_tune_takes_some_policies_and_ones_own(toy, tmp_path):
    done = call(
        *("tune", "toy", "--epochs", 3, "--seeds", 1, "--workers", 1, "--out", tmp_path / "s"),
        *("--policy", "cosine", "--policy", "one_cycle peak=0.3"),
    )
    assert done.exit_code == 0, (done.output, done.exception)
    data = json.loads((tmp_path / "s" / "summary.json").read_text())
    assert [policy["name"] for policy in data["policies"]] == ["cosine", "one_cycle"]
    assert data["range_test"] is not None


def test_compare_trains_the_policies_that_are_named(toy, tmp_path):
    spec = tmp_path / "mine.json"
    spec.write_text(json.dumps(gp.cosine_decay(0.2, "100%").to_spec()))
    done = call(
        *("compare", "toy", "--epochs", 3, "--seeds", 2, "--workers", 1, "--out", tmp_path / "s"),
        *("--policy", "constant rate=0.1", "--policy", spec),
    )
    assert done.exit_code == 0, (done.output, done.exception)
    data = json.loads((tmp_path / "s" / "summary.json").read_text())
    assert [policy["name"] for policy in data["policies"]] == ["constant", "mine"]
    assert data["range_test"] is None


def test_without_plotly_there_are_figures_and_a_word_on_it(toy, tmp_path, monkeypatch):
    real = run.importlib.util.find_spec
    monkeypatch.setattr(
        run.importlib.util, "find_spec", lambda name: None if name == "plotly" else real(name)
    )
    out = tmp_path / "s"
    done = call(
        *("compare", "toy", "--policy", "constant rate=0.1", "--out", out),
        *("--epochs", 2, "--seeds", 1, "--workers", 1),
    )
    assert done.exit_code == 0, (done.output, done.exception)
    assert 'pip install "glidepath[report]"' in done.output
    assert not (out / "report.html").exists()
    assert (out / "final.png").exists()


def test_the_range_test_is_printed_drawn_and_written(toy, tmp_path):
    png, data = tmp_path / "x.png", tmp_path / "x.json"
    done = call("range-test", "toy", "--sweeps", 2, "--png", png, "--json", data)
    assert done.exit_code == 0, (done.output, done.exception)
    assert "minimum/10" in done.output
    assert png.read_bytes().startswith(b"\x89PNG")
    assert json.loads(data.read_text())["suggestions"]["minimum/10"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "toy"], "compare needs policies"),
        (["compare", "toy", "--policy", "cosin"], "there is no recipe 'cosin'"),
        (["compare", "toy", "--policy", ""], "a policy is missing"),
        (["compare", "toy", "--policy", "constant rate=1 constant rate=2"], "takes one policy"),
        (["tune", "toy", "--epochs", "0"], "epochs must be an integer of at least 1, got 0"),
        (["tune", "toy", "--seeds", "0"], "seeds must be an integer of at least 1, got 0"),
        (["tune", "toy", "--workers", "0"], "workers must be an integer of at least 1"),
        (["range-test", "toy", "--kind", "cubic"], "kind must be one of"),
        (["range-test", "toy", "--low", "0"], "low must be a finite number above 0"),
        (["range-test", "toy", "--steps", "2"], "steps must be an integer of at least 10"),
    ],
)
def test_bad_studies_are_refused(toy, tmp_path, arguments, message, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refused(*arguments)
    assert list(tmp_path.iterdir()) == []


def test_another_study_in_the_folder_is_refused(toy, tmp_path):
    common = ("--seeds", 1, "--workers", 1, "--out", tmp_path / "s", "--policy", "constant rate=1")
    assert call("compare", "toy", "--epochs", 2, *common).exit_code == 0
    text = refused("compare", "toy", "--epochs", 3, *common)
    assert "holds another study: its epochs are 2, and this one's 3" in text


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("digit", "there is no task 'digit'; the built-in tasks are digits"),
        ("nowhere.py:task", "there is no Python file 'nowhere.py'"),
    ],
)
def test_unknown_tasks_are_refused(reference, message, tmp_path):
    assert message in refused("tune", reference, "--out", tmp_path / "s")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import nothing_of_this_name", "failed with ModuleNotFoundError"),
        ("x = 1", "has no function 'task'"),
        ("def task():\n    return 1", "must return"),
    ],
)
def test_a_task_file_that_is_none_is_refused(code, message, tmp_path):
    pytest.importorskip("keras", reason="keras is not installed")
    (tmp_path / "mine.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "glidepath.cli", "tune", f"{tmp_path / 'mine.py'}:task",
         "--out", str(tmp_path / "s")],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "s" / "study.json").exists()  # so that the mended file may follow


def test_an_interrupt_is_130_and_says_how_to_go_on(toy, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "tune", interrupted)
    done = call("tune", "toy", "--out", tmp_path / "s")
    assert done.exit_code == 130
    assert "the same command resumes" in done.stderr


def test_a_place_that_cannot_be_written_is_a_message(tmp_path):
    (tmp_path / "file").write_text("")
    assert "ends in .png" in refused("show", "constant rate=1", "--total", 9, "--png", "x.svg")
    text = refused("show", "constant rate=1", "--total", 9, "--png", tmp_path / "file" / "x.png")
    assert "give another place" in text


# --- the command itself -------------------------------------------------------------------------


def test_the_version():
    assert call("--version").output == f"glidepath {gp.__version__}\n"


def test_every_command_has_help_and_no_arguments_show_it():
    for command in ([], ["show"], ["compare"], ["tune"], ["range-test"]):
        done = call(*command, "--help")
        assert done.exit_code == 0
        assert "--help" in done.output
    assert "range-test" in call().output


@pytest.mark.parametrize(
    "arguments", [["fly"], ["tune"], ["tune", "digits", "--epochs", "many"], ["--what"], ["show"]]
)
def test_wrong_usage_is_exit_code_2(arguments):
    assert refused(*arguments)


def test_the_defaults_are_those_of_python():
    for verb in (compare, tune):
        parameters = inspect.signature(verb).parameters
        found = tuple(parameters[name].default for name in ("epochs", "seeds", "workers"))
        assert found == (commands.EPOCHS, commands.SEEDS, commands.WORKERS)


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom glidepath.cli import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'scipy', 'matplotlib', 'keras', 'jax', 'plotly'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"
