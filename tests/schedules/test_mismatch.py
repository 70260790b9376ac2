"""The readable difference of two specs."""

from __future__ import annotations

import json

import pytest

import glidepath as gp
from glidepath.errors import ResumeError
from glidepath.schedules.mismatch import diff
from glidepath.training.resume import plan_to_fly, saved_plan

WARM = gp.linear(0, 0.1, 10)


def spec(policy: gp.Schedule | gp.Policy, total: int | None = 100) -> dict[str, object]:
    found: dict[str, object] = json.loads(json.dumps(policy.plan(total, 10).to_spec()))
    return found


@pytest.mark.parametrize(
    ("saved", "new", "said"),
    [
        (
            spec(WARM >> gp.cosine_decay(0.1, "rest")),
            spec(gp.linear(0, 0.2, 10) >> gp.cosine_decay(0.1, "rest"), 120),
            "policy.learning_rate.then[0].end: saved 0.1, now 0.2\ntotal_steps: saved 100, now 120",
        ),
        (
            spec(gp.constant(0.1)),
            spec(gp.cosine_decay(0.1, "100%")),
            'policy.learning_rate: saved constant(rate=0.1), now cosine_decay(rate=0.1, over="100%"'
            ", end=0.0)",
        ),
        (
            spec(WARM >> gp.constant(0.1)),
            spec(WARM >> gp.constant(0.1).take(50) >> gp.constant(0.01)),
            "policy.learning_rate.then[1]: saved without, now constant(rate=0.1).take(over=50)\n"
            "policy.learning_rate.then[2].rate: saved 0.1, now 0.01",
        ),
        (
            spec(gp.Policy(0.1, 0.9, controllers=[gp.reduce_on_plateau(patience=2)])),
            spec(gp.Policy(0.1, controllers=[gp.reduce_on_plateau(patience=3)])),
            "policy.momentum: saved constant(rate=0.9), now absent\n"
            "policy.controllers[0].patience: saved 2, now 3",
        ),
        (
            spec(gp.Policy(0.1, controllers=[gp.reduce_on_plateau(patience=2)])),
            spec(gp.Policy(0.1, controllers=[gp.greedy("loss", factor=0.8)])),
            "policy.controllers[0]:\n"
            '  saved reduce_on_plateau(monitor="val_loss", patience=2)\n'
            '  now   greedy(monitor="loss", factor=0.8)',
        ),
        (
            spec(gp.Policy(0.1, controllers=[gp.reduce_on_plateau(patience=2)])),
            spec(gp.Policy(0.1, controllers=[gp.greedy(), gp.reduce_on_plateau(patience=3)])),
            'policy.controllers[0]: saved without, now greedy(monitor="val_loss")\n'
            "policy.controllers[1].patience: saved 2, now 3",
        ),
        (
            spec(gp.Policy(0.1, controllers=[gp.reduce_on_plateau(), gp.greedy()])),
            spec(gp.Policy(0.1, controllers=[gp.greedy(), gp.spike_backoff()])),
            'policy.controllers[0]: saved reduce_on_plateau(monitor="val_loss"), now absent\n'
            'policy.controllers[1]: saved without, now spike_backoff(monitor="loss")',
        ),
        (
            spec(gp.constant(0.1)),
            spec((2 * (WARM >> gp.constant(0.1))).clip(0.01) * gp.constant(3)),
            "policy.learning_rate:\n  saved constant(rate=0.1)\n"
            "  now   (linear(start=0.0, end=0.1, over=10) >> constant(rate=0.1)).scale(by=2.0)"
            ".clip(low=0.01, high=null) * constant(rate=3.0)",
        ),
        (
            spec(gp.constant(0.1), None),
            spec(gp.constant(0.1)),
            "total_steps: saved null, now 100",
        ),
        (None, {}, "plan: saved a Python function, now {}"),
        ({"a": True}, {"a": 1}, "a: saved true, now 1"),
        ({"a": 1}, {"a": 1.0}, ""),
    ],
)
def test_every_difference_has_its_line(saved: object, new: object, said: str) -> None:
    """Where it is, what was, what is."""
    assert diff(saved, new) == said


def test_of_what_is_long_both_ends_are_shown() -> None:
    """A list is cut in its middle; of many differences in one the first have a line."""
    many = list(range(1000))
    assert diff({"x": 1}, {"x": many}) == (
        "x: saved 1, now [0, 1, 2, ... (1000 in all) ..., 997, 998, 999]"
    )
    lines = diff({"x": many}, {"x": [each + 1 for each in many[:5]] + many[5:]}).splitlines()
    assert lines[2:] == ["x[2]: saved 2, now 3", "x: 2 more of 1000 entries differ"]
    assert diff({"x": many}, {"x": many[1:]}) == "x[0]: saved 0, now absent"


def test_every_argument_of_a_controller_that_is_not_the_default_is_named() -> None:
    """However many there are."""
    long = gp.reduce_on_plateau("x", 0.5, 3, "max", 0.01, 4, 1e-5, relative=True, counting="torch")
    said = diff(spec(gp.Policy(0.1)), spec(gp.Policy(0.1, controllers=[long])))
    for name, value in long.node().items():
        defaults = {"restore_best": False, "controller": long.name}
        assert (f"{name}={json.dumps(value)}" in said) == (name not in defaults), name


def test_equal_specs_differ_in_nothing() -> None:
    """Whatever they hold."""
    plan = gp.one_cycle(0.1).plan(100)
    assert diff(plan.to_spec(), json.loads(json.dumps(plan.to_spec()))) == ""


def test_a_strict_resume_says_it() -> None:
    """Every backend's error has these lines in it."""
    with pytest.raises(ResumeError, match=r"\n  total_steps: saved 100, now 120\n"):
        plan_to_fly(saved_plan(gp.constant(0.1).plan(100)), gp.constant(0.1).plan(120), "strict")
