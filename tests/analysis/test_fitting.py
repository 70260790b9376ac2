"""The fit on runs made from known laws."""

import time
from dataclasses import replace

import numpy as np
import pytest
from synthetic import TOTAL, TRUE, constant, cosine, run, truth, wsd

from glidepath.analysis.ensemble import assemble
from glidepath.analysis.evidence import POINTS, binned, gather, scatter
from glidepath.analysis.fitting import draws, fit
from glidepath.analysis.laws import LAWS, expose

SEEN = (wsd(), cosine(), wsd(50, end=2e-4))


@pytest.mark.parametrize("name", LAWS)
def test_parameters_are_recovered_from_three_runs(name):
    runs = tuple(run(name, rates) for rates in SEEN)
    found = fit(LAWS[name], gather(runs), pull=0.01)
    true = dict(zip(LAWS[name].parameters, TRUE[name], strict=True))
    assert found.residual < 1e-4
    for key in ("L0", "alpha"):
        assert found.parameters[key] == pytest.approx(true[key], rel=0.03)
    if "gamma" in true:
        assert found.parameters["gamma"] == pytest.approx(true["gamma"], abs=0.1)
    if "tau" in true:
        assert found.parameters["tau"] == pytest.approx(true["tau"], rel=0.1)


@pytest.mark.parametrize("name", LAWS)
def test_an_unseen_schedule_is_predicted_by_the_law_that_made_the_run(name):
    found = fit(LAWS[name], gather((run(name),)))
    moments = np.linspace(1000, TOTAL, 50)
    for rates in (cosine(), wsd(60), constant()):
        exposure = expose(rates, moments, gather((run(name),)).scale)
        error = np.abs(found(exposure) / truth(name, rates, moments) - 1)
        assert error.max() < 0.004


def test_outliers_do_not_carry_the_fit_away():
    clean = run()
    loss = clean.loss.copy()
    loss[60::25] *= 1.3
    spoilt = replace(clean, loss=loss)
    moments = np.linspace(1000, TOTAL, 50)
    evidence = gather((spoilt,))
    found = fit(LAWS["tempered-power"], evidence)
    exposure = expose(wsd(), moments, evidence.scale)
    assert np.median(np.abs(found(exposure) / truth("tempered-power", wsd(), moments) - 1)) < 0.0005


def test_the_same_runs_give_the_same_fit_and_draws():
    first, second = (fit(LAWS["log-power"], gather((run(noise=0.002),))) for _ in range(2))
    np.testing.assert_array_equal(first.theta, second.theta)
    for a, b in zip(draws(first, 4, 1.0), draws(second, 4, 1.0), strict=True):
        np.testing.assert_array_equal(a, b)


def test_draws_lie_about_the_fit_and_widen_when_told():
    found = fit(LAWS["log-power"], gather((run(noise=0.002),)))
    narrow, wide = (np.stack(draws(found, 40, w)) for w in (0.1, 1.0))
    np.testing.assert_allclose(narrow.mean(axis=0), found.theta, atol=1e-9)
    assert np.all(wide.std(axis=0) > narrow.std(axis=0))


def test_more_noise_makes_a_fit_less_certain():
    calm, rough = (
        fit(LAWS["log-power"], gather((run(noise=noise),))).covariance for noise in (0.001, 0.02)
    )
    assert np.trace(rough) > np.trace(calm)


@pytest.mark.speed
def test_an_ensemble_is_fitted_in_less_than_ten_seconds_of_one_core():
    runs = tuple(run(rates=rates, noise=0.003) for rates in SEEN)
    start = time.process_time()
    assemble(runs)
    assert time.process_time() - start < 10


def test_losses_are_binned_and_the_beginning_left_out():
    busy = run(every=2)
    step, loss = binned(busy)
    assert 0.5 * POINTS < step.size <= 1.2 * POINTS
    assert step[0] >= 0.1 * TOTAL
    np.testing.assert_allclose(loss, truth("tempered-power", busy.rates, step), rtol=2e-3)


@pytest.mark.parametrize("noise", [0.001, 0.01])
def test_the_noise_of_a_curve_is_measured(noise):
    assert scatter(run(noise=noise, every=10).loss) == pytest.approx(noise, rel=0.2)
