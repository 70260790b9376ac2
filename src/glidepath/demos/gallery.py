"""Every recipe's curve: what each schedule looks like in a run of ten epochs.

The rates all lie between 0 and 0.1 so that shapes can be compared, not which of them is best.
"""

from __future__ import annotations

from dataclasses import dataclass

from glidepath.schedules import (
    Plan,
    Policy,
    Schedule,
    constant,
    cosine_decay,
    cosine_restarts,
    exponential_decay,
    exponential_ramp,
    from_function,
    inverse_sqrt,
    inverse_time_decay,
    linear,
    one_cycle,
    piecewise_constant,
    polynomial_decay,
    power_decay,
    step_decay,
    triangular,
    wsd,
)

EPOCHS, STEPS_PER_EPOCH = 10, 100


@dataclass(frozen=True)
class Entry:
    """One curve of the sheet."""

    name: str
    """What the field calls it; variants have the policy's name first, and a comma after it."""
    code: str
    """How it is written, with `gp` for the package."""
    policy: Policy | Schedule

    @property
    def plan(self) -> Plan:
        """For a run of ten epochs of a hundred updates."""
        return self.policy.plan(f"{EPOCHS}ep", STEPS_PER_EPOCH)


def policies() -> tuple[Entry, ...]:
    """Every recipe at least once, and the combinations that people look for."""
    return tuple(Entry(*row) for row in _SHEET)


def _wave(k: float) -> float:
    """The reader's own function, for the sheet: two hops."""
    return 0.1 * abs(1 - k / 500)


_SHEET: list[tuple[str, str, Policy | Schedule]] = [
    ("fixed", "gp.constant(0.1)", constant(0.1)),
    (
        "time-based",
        'gp.inverse_time_decay(0.1, 9, "100%")',
        inverse_time_decay(0.1, 9, "100%"),
    ),
    ("step", 'gp.step_decay(0.1, 0.5, "2ep")', step_decay(0.1, 0.5, "2ep")),
    (
        "exponential",
        'gp.exponential_decay(0.1, 0.01, "100%")',
        exponential_decay(0.1, 0.01, "100%"),
    ),
    (
        "exponential, staircase",
        'gp.exponential_decay(0.1, 0.7, "1ep", staircase=True)',
        exponential_decay(0.1, 0.7, "1ep", staircase=True),
    ),
    ("power", 'gp.power_decay(0.1, "5%", 0.5)', power_decay(0.1, "5%", 0.5)),
    ("polynomial", 'gp.polynomial_decay(0.1, 0, "100%")', polynomial_decay(0.1, 0, "100%")),
    (
        "polynomial, power 2, cycling",
        'gp.polynomial_decay(0.1, 0, "2ep", power=2, cycle=True)',
        polynomial_decay(0.1, 0, "2ep", power=2, cycle=True),
    ),
    ("cosine", 'gp.cosine_decay(0.1, "100%")', cosine_decay(0.1, "100%")),
    (
        "cosine, after a warm-up",
        'gp.linear(0, 0.1, "5%") >> gp.cosine_decay(0.1, "95%")',
        linear(0, 0.1, "5%") >> cosine_decay(0.1, "95%"),
    ),
    ("restarts", 'gp.cosine_restarts(0.1, "1ep")', cosine_restarts(0.1, "1ep")),
    (
        "restarts, each lower",
        'gp.cosine_restarts(0.1, "2.5ep", stretch=1, decay=0.6)',
        cosine_restarts(0.1, "2.5ep", stretch=1, decay=0.6),
    ),
    (
        "piecewise",
        'gp.piecewise_constant([0.1, 0.05, 0.01], ["5ep", "7.5ep"])',
        piecewise_constant([0.1, 0.05, 0.01], ["5ep", "7.5ep"]),
    ),
    ("triangular", 'gp.triangular(0.01, 0.1, "1ep")', triangular(0.01, 0.1, "1ep")),
    (
        "triangular2",
        'gp.triangular(0.01, 0.1, "1ep", mode="triangular2")',
        triangular(0.01, 0.1, "1ep", mode="triangular2"),
    ),
    (
        "exp_range",
        'gp.triangular(0.01, 0.1, "1ep", mode="exp_range", gamma=0.998)',
        triangular(0.01, 0.1, "1ep", mode="exp_range", gamma=0.998),
    ),
    ("1cycle", "gp.one_cycle(0.1)", one_cycle(0.1)),
    ("1cycle, cosine", 'gp.one_cycle(0.1, anneal="cosine")', one_cycle(0.1, anneal="cosine")),
    ("wsd", 'gp.wsd(0.1, "5%", "20%")', wsd(0.1, "5%", "20%")),
    ("wsd, 1 − √u", 'gp.wsd(0.1, "5%", "20%", shape="sqrt")', wsd(0.1, "5%", "20%", shape="sqrt")),
    ("inverse square root", "gp.inverse_sqrt(0.1, 50)", inverse_sqrt(0.1, 50)),
    (
        "the range test's ramp",
        'gp.exponential_ramp(1e-4, 0.1, "100%")',
        exponential_ramp(1e-4, 0.1, "100%"),
    ),
    (
        "cycles times a decay",
        'gp.triangular(0.02, 0.1, "1ep") * gp.cosine_decay(1, "100%")',
        triangular(0.02, 0.1, "1ep") * cosine_decay(1, "100%"),
    ),
    (
        "your own function",
        "gp.from_function(lambda k: 0.1 * abs(1-k/500))",
        from_function(_wave),
    ),
]
