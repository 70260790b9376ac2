"""Whatever holds a run can be given to the questions directly."""

from types import SimpleNamespace

import numpy as np
import pytest
from synthetic import PEAK, TOTAL, run

import glidepath as gp
from glidepath.analysis.given import as_runs
from glidepath.errors import ArgumentError, RecordError

EPOCHS = 100
COSINE = gp.linear(0, PEAK, 200) >> gp.cosine_decay(PEAK, "rest")


def history(**more):
    """What Keras's `fit` returns after a run with a cool-down, and the same run as it was read."""
    logged = run(every=TOTAL // EPOCHS)
    lists = {
        "val_loss": logged.loss.tolist(),
        "learning_rate": [float(logged.rates.at(step - 1)) for step in logged.step],
    }
    params = {"steps": TOTAL // EPOCHS}
    return SimpleNamespace(history=lists, epoch=list(range(EPOCHS)), params=params, **more)


def test_a_history_a_dict_and_a_path_are_asked_as_the_run_they_hold(tmp_path):
    fit = history()
    read = gp.read_run(fit)
    lists = {"step": read.step, "val_loss": read.loss, "lr": read.rates.at(read.step - 1)}
    path = tmp_path / "log.csv"
    rows = np.column_stack(list(lists.values())).tolist()
    path.write_text("\n".join([",".join(lists), *(",".join(map(str, row)) for row in rows)]))
    for given in (fit, [fit], (fit,), lists, path, str(path), [path], [lists], [read]):
        (found,) = as_runs(given)
        np.testing.assert_allclose(found.loss, read.loss)
        np.testing.assert_allclose(found.rates.at(read.step - 1), read.rates.at(read.step - 1))
    assert gp.predict(fit, COSINE).final == gp.predict(read, COSINE).final
    assert gp.optimize(fit).final == gp.diagnose(fit).recommended.final


def test_epochs_that_the_log_does_not_count_are_given_with_the_question():
    lists = history().history
    with pytest.raises(RecordError, match=r"give steps_per_epoch"):
        gp.predict(lists, COSINE)
    with pytest.raises(RecordError, match=r"policy=.*gp.read_run"):
        gp.predict({"val_loss": lists["val_loss"]}, COSINE, steps_per_epoch=100)
    found = gp.predict(lists, COSINE, total="100ep", steps_per_epoch=TOTAL // EPOCHS)
    assert found.step[-1] == TOTAL


@pytest.mark.parametrize("ask", [lambda given: gp.predict(given, COSINE), gp.optimize, gp.diagnose])
@pytest.mark.parametrize("given", [3, None, [3], [None], [], b"run.csv", np.nan, object()])
def test_what_is_no_run_is_named(ask, given):
    with pytest.raises(ArgumentError, match="run"):
        ask(given)
