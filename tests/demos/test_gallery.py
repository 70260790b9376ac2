"""The sheet of recipes: all of them are on it, and the code beside each makes its curve."""

import numpy as np
import pytest

import glidepath as gp
from glidepath.demos import policies
from glidepath.schedules import RECIPES

SHEET = policies()


def test_every_recipe_is_on_the_sheet():
    assert [name for name in RECIPES if not any(f"gp.{name}(" in e.code for e in SHEET)] == []


def test_every_default_policy_that_is_a_schedule_is_on_the_sheet():
    from glidepath.studies import DEFAULTS

    shown = {entry.name.partition(",")[0] for entry in SHEET}
    assert set(DEFAULTS) - shown == {"plateau"}  # which no one can draw before the training
    assert len({entry.name for entry in SHEET}) == len(SHEET)


@pytest.mark.parametrize("entry", SHEET, ids=lambda entry: entry.name)
def test_the_code_beside_a_curve_makes_it(entry):
    policy = eval(entry.code, {"gp": gp})  # noqa: S307 - our own code, as readers paste it
    table = policy.plan("10ep", 100).table()
    np.testing.assert_array_equal(entry.plan.table(), table)
    assert table.shape == (1000,)
    assert table.min() >= 0 and table.max() <= 0.1 + 1e-12  # inside of the panel
