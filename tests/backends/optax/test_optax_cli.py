"""`glidepath tune examples/optax_task.py:task` from the command line, to its report."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from glidepath.cli import app

pytest.importorskip("optax", reason="optax is not installed")
pytest.importorskip("sklearn", reason="sklearn is not installed")
EXAMPLE = Path(__file__).parents[3] / "examples" / "optax_task.py"


def test_tune_writes_a_report_of_an_optax_task(tmp_path):
    out = tmp_path / "run"
    asked = ["tune", f"{EXAMPLE}:task", "--epochs", "1", "--seeds", "1", "--policy", "fixed"]
    quick = ["--effort", "none", "--workers", "1", "--out", str(out)]
    done = CliRunner().invoke(app, [*asked, *quick])
    assert done.exit_code == 0, (done.output, done.exception)
    assert "optax_task.task: use fixed" in done.output
    summary = json.loads((out / "summary.json").read_text())
    assert summary["metric"]["name"] == "accuracy", summary.keys()
    report = (out / "report.html").read_text()
    assert "glidepath.optax" in report and "glidepath.keras" not in report
