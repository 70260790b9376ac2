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
            "policy.learning_rate.then[1]: saved constant(rate=0.1), now "
            '{"take": {"recipe": "constant", "rate": 0.1}, "over": 50}\n'
            "policy.learning_rate.then[2]: saved without, now constant(rate=0.01)",
        ),
        (
            spec(gp.Policy(0.1, 0.9, controllers=[gp.reduce_on_plateau(patience=2)])),
            spec(gp.Policy(0.1, controllers=[gp.reduce_on_plateau(patience=3)])),
            "policy.momentum: saved constant(rate=0.9), now absent\n"
            "policy.controllers[0].patience: saved 2, now 3",
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


def test_what_is_long_is_cut() -> None:
    """A line stays a line."""
    line = diff({"x": 1}, {"x": list(range(1000))})
    assert line.endswith("...")
    assert len(line) < 140


def test_equal_specs_differ_in_nothing() -> None:
    """Whatever they hold."""
    plan = gp.one_cycle(0.1).plan(100)
    assert diff(plan.to_spec(), json.loads(json.dumps(plan.to_spec()))) == ""


def test_a_strict_resume_says_it() -> None:
    """Every backend's error has these lines in it."""
    with pytest.raises(ResumeError, match=r"\n  total_steps: saved 100, now 120\n"):
        plan_to_fly(saved_plan(gp.constant(0.1).plan(100)), gp.constant(0.1).plan(120), "strict")
