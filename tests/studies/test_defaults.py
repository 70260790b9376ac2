import json
from dataclasses import replace

import numpy as np
import pytest

import glidepath as gp
from glidepath.finding import range_test
from glidepath.studies.defaults import DEFAULTS, SetPolicy, check_names, fit_to, set_default
from glidepath.testing import ToyTrainer

NAMES = [
    *("fixed", "time-based", "step", "exponential", "polynomial", "cosine", "piecewise"),
    *("power", "plateau", "triangular", "triangular2", "exp_range", "1cycle", "wsd"),
]


@pytest.fixture(scope="module")
def test_of_toy():
    """A range test whose rates have three digits, as the policies'."""
    found = range_test(ToyTrainer(), sweeps=3, seed=0)
    rates = {name: float(f"{getattr(found, name):.3g}") for name in ("low", "high", "suggested")}
    return replace(found, **rates)


def table(name, test, epochs=30, steps=29):
    chosen = set_default(name, test, epochs, steps)
    return chosen.policy.plan(f"{epochs}ep", steps).table()


def test_the_table_has_the_policies_of_the_field_and_fixed_first():
    assert list(DEFAULTS) == NAMES


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("epochs", "steps"), [(1, 40), (3, 29), (60, 29), (200, 391)])
def test_every_default_fits_short_and_long_runs_and_is_written_down(
    name, epochs, steps, test_of_toy
):
    chosen = set_default(name, test_of_toy, epochs, steps)
    plan = chosen.policy.plan(f"{epochs}ep", steps)
    assert np.isfinite(plan.table()).all()
    assert 0 < plan.table().max() <= test_of_toy.high * (1 + 1e-12)
    written = json.dumps(chosen.policy.to_spec(), allow_nan=False)
    assert gp.as_policy(gp.from_spec(written)) == chosen.policy
    assert chosen.note.endswith(".")


def test_the_rates_come_from_the_test(test_of_toy):
    suggested, low, high = test_of_toy.suggested, test_of_toy.low, test_of_toy.high
    assert table("fixed", test_of_toy) == pytest.approx(suggested / 3, rel=0.005)
    for name in ("time-based", "step", "exponential", "polynomial", "piecewise", "power"):
        assert table(name, test_of_toy)[0] == pytest.approx(suggested)
        assert table(name, test_of_toy)[-1] < suggested / 3
    assert table("plateau", test_of_toy) == pytest.approx(suggested)
    assert table("cosine", test_of_toy)[0] == 0
    assert table("cosine", test_of_toy).max() == pytest.approx(suggested, rel=1e-3)
    assert table("wsd", test_of_toy).max() == pytest.approx(suggested / 2, rel=0.005)
    for name in ("triangular", "triangular2", "exp_range"):
        assert table(name, test_of_toy).min() == pytest.approx(low, rel=0.05)
        assert table(name, test_of_toy).max() == pytest.approx(high, rel=0.3)
    assert table("1cycle", test_of_toy).max() == pytest.approx(high, rel=0.01)


def test_the_ends_are_what_the_notes_say(test_of_toy):
    def end(name):
        plan = set_default(name, test_of_toy, 30, 29).policy.plan("30ep", 29)
        return float(plan(870)) / test_of_toy.suggested

    assert end("time-based") == pytest.approx(1 / 10)
    assert end("exponential") == pytest.approx(1 / 100)
    assert end("polynomial") == 0
    assert end("cosine") == 0
    assert end("piecewise") == pytest.approx(1 / 100)
    assert end("step") == pytest.approx(1 / 32)
    assert end("power") == pytest.approx(21**-0.5, rel=0.01)
    assert end("wsd") == 0


def test_the_cycles_fall_as_the_notes_say(test_of_toy):
    low, high = test_of_toy.low, test_of_toy.high
    plain, halved, falling = (
        table(name, test_of_toy, 80, 10) for name in ("triangular", "triangular2", "exp_range")
    )
    assert plain[700] == pytest.approx(high)  # the fourth cycle's top
    assert halved[700] == pytest.approx(low + (high - low) / 8)
    assert falling[700] == pytest.approx(low + (high - low) * 0.1 ** (700 / 800))


def test_the_plateau_waits_for_a_tenth_of_the_epochs(test_of_toy):
    for epochs, patience in ((60, 6), (3, 1)):
        [controller] = set_default("plateau", test_of_toy, epochs, 29).policy.controllers
        assert controller.patience == patience


def test_momentum_is_dropped_where_the_optimizer_has_none(test_of_toy):
    chosen = set_default("1cycle", test_of_toy, 30, 29)
    assert fit_to(chosen, {"learning_rate", "momentum"}) is chosen
    fitted = fit_to(chosen, {"learning_rate"})
    assert fitted.policy == gp.Policy(chosen.policy.learning_rate)
    assert "Momentum is left alone" in fitted.note


def test_other_hyperparameters_are_not_dropped():
    policy = gp.Policy(gp.constant(0.1), weight_decay=0.01)
    assert fit_to(SetPolicy(policy, "x."), {"learning_rate"}).policy == policy


def test_rates_have_three_digits(test_of_toy):
    measured = replace(test_of_toy, suggested=0.0123456)
    assert table("step", measured)[0] == 0.0123


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(gp.ArgumentError, match=r"no default policy 'cosin'; .* cosine, "):
        check_names(["cosin"])
