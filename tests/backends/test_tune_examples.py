"""`glidepath tune examples/torch_task.py:task`, and Optax's: from the command to the report."""

import importlib.util
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from glidepath.cli import app

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
EXAMPLES = Path(__file__).parents[2] / "examples"
SECTIONS = ["Results", "Code", "Range test", "Rates and curves", "What if", "Cost", "Reproduce"]


@pytest.mark.parametrize("framework", ["torch", "optax"])
def test_tune_writes_as_good_a_report_as_keras_gets(tmp_path, framework):
    if importlib.util.find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")
    out, task = tmp_path / "run", f"{framework}_task.task"
    asked = ["tune", f"{EXAMPLES}/{framework}_task.py:task", "--epochs", "1", "--seeds", "2"]
    quick = ["--effort", "none", "--workers", "1", "--out", str(out)]
    done = CliRunner().invoke(app, [*asked, "--policy", "fixed", "--policy", "1cycle", *quick])
    assert done.exit_code == 0, (done.output, done.exception)
    summary = json.loads((out / "summary.json").read_text())
    assert summary["metric"]["name"] == "accuracy"
    assert (summary["split"], summary["steps_per_epoch"]) == ("test", 29)
    found = {policy["name"]: policy for policy in summary["policies"]}
    assert set(found) == {"fixed", "1cycle"}
    best = summary["recommended"]["name"]
    assert f"{task}: use {best}" in done.output
    report = (out / "report.html").read_text()
    assert re.findall(r"<h2[^>]*>([^<]+)</h2>", report)[: len(SECTIONS)] == SECTIONS
    assert f"<h1>{task}: use {best}" in report
    assert re.search(r"<h3[^>]*>Momentum", report)  # 1cycle moves it
    code = re.search(r"<pre.*?</pre>", report, re.DOTALL)[0]
    assert f"glidepath.{framework}" in code
    assert "glidepath.keras" not in report
