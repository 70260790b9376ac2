"""`glidepath predict`, `optimize` and `diagnose`: what they print, write and refuse."""

import json
import subprocess
import sys

import numpy as np
import pytest
from synthetic import PEAK, TOTAL, constant, run, truth, wsd
from test_reading import event_file, record
from typer.testing import CliRunner

import glidepath as gp
from glidepath.analysis.rates import from_plan
from glidepath.cli import app

runner = CliRunner()
LONGER = "wsd peak=0.001 warmup=200 cooldown=50%"


def call(*arguments):
    return runner.invoke(app, [str(argument) for argument in arguments])


def refused(code, *arguments):
    """The message of a command line that fails with this exit code, without a traceback."""
    done = call(*arguments)
    assert done.exit_code == code, (done.exit_code, done.output, done.exception)
    assert "Traceback" not in done.output
    return done.stderr


def write(path, rates, noise=0.0005, part=slice(None)):
    logged = run(rates=rates, noise=noise)
    table = np.column_stack([logged.step, rates.at(logged.step - 1), logged.loss])[part]
    np.savetxt(path, table, delimiter=",", header="step,lr,loss", comments="", fmt="%.9g")
    return path


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    write(folder / "probe.csv", wsd())
    write(folder / "flat.csv", constant())
    return folder


def test_a_picture_that_is_no_png_is_refused_before_anything_is_written(tmp_path):
    asked = ("--run", "examples/run.csv", "--policy", "cosine_decay rate=0.002 over=100%")
    done = call("predict", *asked, "--json", tmp_path / "x.json", "--png", tmp_path / "x.svg")
    assert done.exit_code == 2
    assert "ends in .png" in done.stderr
    assert not (tmp_path / "x.json").exists()


def test_predict_writes_the_curve_and_prints_its_end(logs, tmp_path):
    spec = tmp_path / "policy.json"
    policy = gp.wsd(PEAK, 200, "50%")
    spec.write_text(json.dumps(policy.to_spec()))
    out, png = tmp_path / "new" / "out.json", tmp_path / "out.png"
    options = ("--policy", spec, "--total", 20_000, "--json", out, "--png", png)
    done = call("predict", "--run", logs / "probe.csv", *options)
    assert done.exit_code == 0, done.output
    found = json.loads(out.read_text(), parse_constant=pytest.fail)
    assert set(found) == {"step", "mean", "low", "high", "final", "warnings"}
    lengths = {len(found[key]) for key in ("step", "mean", "low", "high")}
    assert len(lengths) == 1
    assert found["step"][-1] == 20_000
    assert found["final"] == found["mean"][-1]
    true = truth("tempered-power", from_plan(policy.plan(20_000)), np.asarray([20_000.0]))[0]
    assert found["final"] == pytest.approx(true, rel=0.003)
    assert f"{found['final']:.3f}" in done.output
    assert png.read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in out.parent.iterdir()] == ["out.json"]


def test_a_refusal_is_exit_code_3_with_the_reason_in_place_of_numbers(logs, tmp_path):
    out = tmp_path / "out.json"
    asked = ("--run", logs / "flat.csv", "--policy", LONGER, "--json", out)
    text = refused(3, "predict", *asked)
    found = json.loads(out.read_text())
    assert "cool-down" in found["refused"] and found["refused"] in text
    assert found["reason"] == "no_drop"
    assert not {"step", "mean", "low", "high", "final"} & set(found)
    assert isinstance(found["warnings"], list)
    assert "cool-down" in refused(3, "optimize", "--run", logs / "flat.csv")


@pytest.mark.parametrize(
    ("total", "reason"), [(50_000, "horizon"), ("5e9", None), ("10ep", None), ("-3", None)]
)
def test_lengths_that_cannot_be(logs, tmp_path, total, reason):
    out = tmp_path / "out.json"
    asked = ("--run", logs / "probe.csv", "--policy", LONGER, f"--total={total}", "--json", out)
    refused(2 if reason is None else 3, "predict", *asked)
    if reason is not None:
        assert json.loads(out.read_text())["reason"] == reason
    else:
        assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--run", "nothing.csv", "--policy", LONGER], "cannot be read"),
        (["--run", "{probe}", "--policy", "wsdd peak=1"], "no recipe"),
        (["--run", "{probe}", "--policy", "constant rate=1 constant rate=2"], "one policy"),
        (["--run", "{probe}", "--policy", "missing.json"], "cannot be read"),
        (["--run", "{probe}", "--policy", LONGER, "--json", "{probe}"], "one of the logs"),
        (["--run", "{probe}", "--policy", LONGER, "--columns", "loss"], "--columns"),
        (["--run", "{probe}", "--policy", LONGER, "--columns", "loss=x"], "no column 'x'"),
        (["--run", "{probe}+{probe}", "--policy", LONGER], "neither continues"),
        (["--run", "{probe}", "--policy", LONGER, "--png", "out.txt"], "png"),
        (["--policy", LONGER], "--run"),
        (["--run", "{probe}"], "--policy"),
    ],
)
def test_bad_usage_is_exit_code_2(logs, arguments, word):
    given = [text.replace("{probe}", str(logs / "probe.csv")) for text in arguments]
    assert word in refused(2, "predict", *given)


def test_json_without_a_file_goes_to_the_terminal_alone(logs):
    for asked in (("--json", "--policy", LONGER), ("--policy", LONGER, "--json")):
        done = call("predict", "--run", logs / "probe.csv", *asked)
        assert json.loads(done.stdout)["step"][-1] == TOTAL
    done = call("diagnose", "--json", logs / "flat.csv")
    assert json.loads(done.stdout)["runs"][0]["run"] == "flat.csv"


def test_a_run_in_two_parts_is_the_whole_run(logs, tmp_path):
    first = write(tmp_path / "a.csv", wsd(), part=slice(0, 130))
    second = write(tmp_path / "b.csv", wsd(), part=slice(100, None))
    whole = gp.read_run(logs / "probe.csv")
    for given in ([first, second], [second, first]):
        joined = gp.read_run(given)
        np.testing.assert_array_equal(joined.step, whole.step)
        np.testing.assert_array_equal(joined.loss, whole.loss)
        np.testing.assert_allclose(joined.rates.at(whole.step), whole.rates.at(whole.step))
    done = call("predict", "--run", f"{first}+{second}", "--policy", LONGER, "--json")
    alone = call("predict", "--run", logs / "probe.csv", "--policy", LONGER, "--json")
    assert json.loads(done.stdout)["mean"] == json.loads(alone.stdout)["mean"]
    odd = tmp_path / "a+b.csv"
    odd.write_bytes((logs / "probe.csv").read_bytes())
    odd_alone = call("predict", "--run", odd, "--policy", LONGER, "--json").stdout
    assert json.loads(odd_alone)["mean"] == json.loads(alone.stdout)["mean"]


def test_records_are_joined_with_what_follows(tmp_path):
    part = record(tmp_path / "a.jsonl")
    table = np.column_stack([np.arange(2900, 3500, 100), np.full(6, 0.01), np.full(6, 2.5)])
    header = "step,learning_rate,loss"
    np.savetxt(tmp_path / "b.csv", table, delimiter=",", header=header, comments="")
    joined = gp.read_run([part, tmp_path / "b.csv"], loss="loss")
    assert joined.step[-1] == 3400
    assert joined.loss[-1] == 2.5


def test_optimize_saves_a_policy_that_predict_takes(logs, tmp_path):
    spec, out = tmp_path / "best.json", tmp_path / "out.json"
    saved = ("--save-policy", spec, "--json", out)
    done = call("optimize", "--run", logs / "probe.csv", "--total", 15_000, *saved)
    assert done.exit_code == 0, done.output
    found = json.loads(out.read_text())
    assert found["policy"] == json.loads(spec.read_text())
    assert found["total"] == 15_000
    assert set(found["gains"]) == {"linear-60 %", "cosine", "WSD-20 %"}
    assert found["message"].split()[0] in done.output
    asked = ("--policy", spec, "--total", 15_000, "--json")
    again = json.loads(call("predict", "--run", logs / "probe.csv", *asked).stdout)
    assert again["final"] == pytest.approx(found["final"], rel=1e-3)


def test_diagnose_reads_folders_and_leaves_out_what_is_no_log(logs, tmp_path):
    folder = tmp_path / "runs"
    (folder / "one").mkdir(parents=True)
    write(folder / "one" / "flat.csv", constant())
    (folder / "config.json").write_text('{"layers": 3}')
    event_file(folder / "board" / "train" / "events.out.tfevents.1", tags=("loss", "lr"))
    pytest.importorskip("plotly", reason="plotly is not installed")
    options = ("--json", tmp_path / "out.json", "--html", tmp_path / "out.html")
    done = call("diagnose", *options, folder, logs / "probe.csv")
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "out.json").read_text())
    assert [item["run"] for item in found["runs"]] == ["board", "flat.csv", "probe.csv"]
    assert [item["path"] for item in found["skipped"]] == [str(folder / "config.json")]
    assert "probe.csv" in (tmp_path / "out.html").read_text()
    assert found["runs"][1]["gain"] is None and found["runs"][1]["refused"]
    assert found["runs"][2]["gain"]["low"] < found["runs"][2]["gain"]["high"]
    assert "left out" in done.stderr and "flat.csv" in done.output
    only = tmp_path / "none"
    only.mkdir()
    assert "holds no log" in refused(2, "diagnose", only)
    (only / "config.json").write_text("{}")
    assert "is a log of a run" in refused(2, "diagnose", only)
    assert "no log" in refused(2, "diagnose", only / "config.json")


@pytest.mark.parametrize(
    ("verb", "bad"),
    [
        ("predict", ["--run", "nothing.csv", "--policy", LONGER]),
        ("predict", ["--run", "{probe}", "--policy", "wsdd peak=1"]),
        ("predict", ["--run", "{probe}"]),
        ("optimize", ["--run", "{probe}", "--total", "soon"]),
        ("optimize", ["--runs", "{probe}"]),
        ("diagnose", ["nothing.csv"]),
    ],
)
def test_a_call_that_fails_leaves_no_older_answer(logs, tmp_path, verb, bad):
    outputs = {"predict": "--png x.png", "optimize": "--save-policy x.spec.json"}
    option, name = outputs.get(verb, "--html x.html").split()
    stale = [tmp_path / "x.json", tmp_path / name]
    for path in stale:
        path.write_text("older")
    given = [text.replace("{probe}", str(logs / "probe.csv")) for text in bad]
    refused(2, verb, *given, "--json", stale[0], option, stale[1])
    assert [path for path in stale if path.exists()] == []


def test_neither_a_log_nor_the_policy_is_taken_for_an_older_answer(logs, tmp_path):
    spec = tmp_path / "policy.json"
    spec.write_text(json.dumps(gp.wsd(PEAK, 200, "50%").to_spec()))
    asked = ("--run", logs / "probe.csv", "--policy", spec)
    assert "or the policy" in refused(2, "predict", *asked, "--json", spec)
    refused(2, "predict", "--policy", spec, "--json", spec)
    assert spec.exists()


def test_a_closed_pipe_ends_quietly_and_the_page_is_there(logs, tmp_path):
    pytest.importorskip("plotly", reason="plotly is not installed")
    page = tmp_path / "page.html"
    command = [sys.executable, "-m", "glidepath.cli", "diagnose", str(logs / "flat.csv")]
    with subprocess.Popen(
        [*command, "--html", str(page)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        error = process.stderr.read()
    assert error == b""
    assert process.returncode == 1
    assert "flat.csv" in page.read_text(encoding="utf-8")
