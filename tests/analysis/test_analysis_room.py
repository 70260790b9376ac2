"""The room as a whole: what it imports, and what it gives."""

import subprocess
import sys

import numpy as np
import pytest
from synthetic import PEAK, TOTAL, truth, wsd

import glidepath as gp
from glidepath import analysis
from glidepath.analysis.rates import from_plan


def test_importing_the_room_imports_no_scipy_and_no_plotting():
    code = (
        "import glidepath.analysis, sys; "
        "print([m for m in ('scipy', 'matplotlib', 'tensorboard') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", analysis.__all__)
def test_public_names_are_there_and_documented(name):
    assert getattr(analysis, name).__doc__


def test_a_sparse_csv_that_begins_after_the_warm_up_predicts_as_well_as_the_whole_truth(tmp_path):
    rates = wsd()
    step = np.arange(250.0, TOTAL, 50)
    loss = truth("tempered-power", rates, step)
    path = tmp_path / "run.csv"
    rows = np.column_stack([step, rates.at(step), loss])
    np.savetxt(path, rows, delimiter=",", header="step,lr,loss", comments="", fmt="%.8g")
    logged = analysis.read_run(path)
    policy = gp.wsd(PEAK, 200, "50%")
    found = analysis.predict(logged, policy, total=TOTAL)
    true = truth("tempered-power", from_plan(policy.plan(TOTAL)), found.step)
    late = found.step > 1000
    assert np.mean(np.abs(found.mean / true - 1)[late]) < 0.002
