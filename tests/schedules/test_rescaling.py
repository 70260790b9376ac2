"""The rate for another batch size."""

from __future__ import annotations

import json

import pytest

import glidepath as gp


@pytest.mark.parametrize(
    ("sizes", "rule", "factor"),
    [
        ((256, 1024), "linear", 4.0),
        ((256, 1024), "sqrt", 2.0),
        ((1024, 256), "linear", 0.25),
        ((1024, 256), "sqrt", 0.5),
        ((32, 32), "sqrt", 1.0),
        ([64, 96], "linear", 1.5),
    ],
)
def test_the_rate_is_scaled(sizes: tuple[int, int], rule: str, factor: float) -> None:
    """By the ratio or its square root, all along."""
    schedule = gp.cosine_decay(0.1, "rest", 0.01)
    scaled = schedule.scaled(batch_size=sizes, rule=rule)
    assert scaled.plan(50).table().tolist() == (factor * schedule.plan(50).table()).tolist()
    assert gp.from_spec(json.dumps(scaled.to_spec())) == scaled


def test_of_a_policy_only_the_rate_is_scaled() -> None:
    """Momentum, weight decay and controllers stay."""
    policy = gp.Policy(0.1, 0.9, 1e-4, [gp.reduce_on_plateau()])
    scaled = policy.scaled(batch_size=(256, 1024), rule="linear")
    assert scaled == gp.Policy(4.0 * gp.constant(0.1), 0.9, 1e-4, [gp.reduce_on_plateau()])


@pytest.mark.parametrize(
    ("sizes", "rule", "message"),
    [
        (256, "linear", "batch_size must be a pair"),
        ((256,), "linear", "batch_size must be a pair"),
        ((256, 512, 1024), "linear", "batch_size must be a pair"),
        ("25", "linear", "batch_size must be a pair"),
        ((0, 256), "linear", r"batch_size\[0\]"),
        ((256, 0.5), "sqrt", r"batch_size\[1\]"),
        ((256, True), "sqrt", r"batch_size\[1\]"),
        ((256, 512), "cubic", "rule must be"),
    ],
)
def test_what_is_no_rescaling(sizes: object, rule: str, message: str) -> None:
    """What was wrong, what was got, and what to do."""
    with pytest.raises(gp.ArgumentError, match=f"scaled: {message}"):
        gp.constant(0.1).scaled(batch_size=sizes, rule=rule)  # type: ignore[arg-type]
