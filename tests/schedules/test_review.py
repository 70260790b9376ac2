"""The warnings of `show`: each is given where it is due, and only there."""

from __future__ import annotations

import pytest

import glidepath as gp
from glidepath.schedules.review import review

GOOD = [
    gp.constant(0.1),
    gp.linear(0, 0.1, "5%") >> gp.cosine_decay(0.1, "95%"),
    gp.one_cycle(0.1),
    gp.wsd(0.1, "5%", "20%"),
    gp.exponential_decay(0.1, 0.9, "1ep"),
    gp.polynomial_decay(0.1, 0.0, "rest"),
]


@pytest.mark.parametrize("policy", GOOD)
def test_nothing_to_warn_of(policy: gp.Schedule | gp.Policy) -> None:
    """A sound policy gets no warning."""
    assert review(policy, "30ep", 29)[1] == ()


CAREFUL = [
    (gp.linear(0, 0.1, 1000), "warm-up is longer than the run"),
    (gp.linear(0, 0.1, "100%") >> gp.constant(0.1), "a phase is left without an update"),
    (gp.cosine_decay(0.1, 2000), "decay never reaches its end"),
    (gp.piecewise_constant([0.1, 0.01], ["40ep"]), "decay never reaches its end"),
    (gp.step_decay(0.1, 0.1, "30ep"), "decay never reaches its end"),
    (gp.triangular(0.01, 0.1, "4ep"), "ends high: 0.055"),
    (gp.step_decay(0.1, 0.5, 10), "if epochs were meant, write '10ep'"),
    (gp.piecewise_constant([0.1, 0.01, 0.001], [15, 25]), "write '25ep'"),
    (gp.exponential_decay(0.1, 0.9, 5, staircase=True), "write '5ep'"),
    (gp.linear(0, 0.1, "1ep") >> gp.step_decay(0.1, 0.5, 10), "write '10ep'"),
    (gp.exponential_decay(0.1, 0.9, 1), "all but vanished"),
    (gp.linear(0, 0.1, "1ep") >> gp.cosine_decay(0.01, "rest"), "jumps once"),
    (gp.piecewise_constant([0.1, 0.01, 0.001], ["10ep", "20ep"]), "0.1 to 0.01 at update 290"),
    (gp.cosine_restarts(0.1, "2ep"), "jumps 3 times"),
    (
        gp.Policy(gp.piecewise_constant([0.1, 0.01], ["10ep"]), momentum=0.9),
        "goes on at the old rate for about 10 updates",
    ),
    (gp.Policy(gp.cosine_decay(0.1, "100%"), weight_decay=0.01), "couple it to the gradient"),
    (gp.constant(0), "zero all the time"),
    (gp.Policy(0.1, controllers=[gp.reduce_on_plateau()]), "reduce_on_plateau acts on top"),
]


@pytest.mark.parametrize(("policy", "warning"), CAREFUL)
def test_what_to_be_careful_about(policy: gp.Schedule | gp.Policy, warning: str) -> None:
    """Each fault is named in plain words."""
    plan, warnings = review(policy, "30ep", 29)
    assert plan.total_steps == 870
    assert any(warning in line for line in warnings), warnings


def test_only_a_drop_under_momentum_is_said_to_differ_between_frameworks() -> None:
    """Without momentum frameworks agree, and a rate that leaps up is another matter."""
    for policy in (
        gp.piecewise_constant([0.1, 0.01], ["10ep"]),
        gp.Policy(gp.piecewise_constant([0.01, 0.1, 0.1], ["10ep", "20ep"]), momentum=0.9),
    ):
        _, warnings = review(policy, "30ep", 29)
        assert not any("old rate" in line for line in warnings)


def test_a_run_without_length_is_refused() -> None:
    """There is nothing to show of it."""
    with pytest.raises(gp.PlanError, match="give total"):
        review(gp.constant(0.1), None)  # type: ignore[arg-type]


def test_a_run_that_is_too_long_to_look_at_is_refused() -> None:
    """Rather than filling the memory."""
    with pytest.raises(gp.PlanError, match="shorter total"):
        review(gp.constant(0.1), 10**12)
