"""The regime of a run's rate, with the evidence, and what to do next, in plain words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glidepath.analysis.beside import by_others
from glidepath.analysis.ensemble import Ensemble
from glidepath.analysis.evidence import scatter
from glidepath.analysis.findings import Finding, decay_share
from glidepath.analysis.optimisation import Recommendation
from glidepath.analysis.prediction import Difference
from glidepath.analysis.rates import RateCurve
from glidepath.analysis.regimes import Regime, by_shape
from glidepath.analysis.run import LoggedRun
from glidepath.analysis.signs import spikes
from glidepath.analysis.widths import NORMAL_90

MANY_SPIKES = 3
NOISY = 0.1
"""The losses of small batches, near zero, scatter by more than this, and leap without a reason."""

_REGIMES = {
    "diverging": "The loss rose instead of falling: the rate is too large. Start again with a "
    "rate three to ten times smaller and a longer warm-up.",
    "at the edge": "The rate is near the largest that this training can take, or above what is "
    "good for it: halve it, or clip the gradients and warm up for longer.",
    "too small": "The rate is small for this training: what holds the loss back is slowness, not "
    "noise. Try one three times larger before anything else.",
    "good": "The peak rate looks right.",
    "good or a little small": "The peak rate is right or a little small: what a decay gives and "
    "what more training gives differ by less than their error.",
    "unknown": "",
}
_LOST = (
    "The loss was lost, which a rate that is too large does most often. Start again with a rate "
    "three to ten times smaller and a longer warm-up."
)
_WEAK = (
    "That is a guess, for this log says little of its rate: a run at three times the rate, given "
    "beside it, would tell."
)
_CURES = {
    "overfitting": "The model over-fits from update {step} on: stop there, regularise or use more "
    "data before tuning the rate.",
    "warmup_short": "The loss rises as the rate comes up (update {step}): warm up for longer.",
    "warmup_long": "The warm-up is longer than it needs to be: try a tenth of it.",
    "plateau": "The loss has stood still since update {step} while the rate is high: this is when "
    "to bring the rate down.",
    "change": "Something changed at update {step} that no schedule explains: data, code or "
    "machines; look there first.",
}


def regime(
    run: LoggedRun,
    found: Sequence[Finding],
    ensemble: Ensemble | None,
    beside: Sequence[LoggedRun] = (),
) -> Regime:
    """What the rate is for this training, and why.

    While the rate is high, noise holds the loss up, and a decay sets it free; while it is low,
    there is little to set free and much still to learn. So the law is asked what a linear decay
    over the last fifth gives, and what training on at the peak for as long again. On the published
    124M curves of benchmarks/laws.py the decay gives about half as much at a rate ten times below
    the best, and two to eight times as much near the best. Other runs of the task tell more than
    a law, and where there is neither, the shape of the loss tells.
    """
    rose = next((finding for finding in found if finding.kind == "diverged"), None)
    if rose is not None:
        return Regime("diverging", rose.text, "high")
    count = spikes(run).size
    if count >= MANY_SPIKES and scatter(run.loss) < NOISY:
        words = f"{count} spikes: the training is barely stable at this rate"
        return Regime("at the edge", words, "moderate")
    other = by_others(run, beside)
    if other is not None:
        return other
    return by_shape(run) if ensemble is None else _by_law(run, ensemble)


def _by_law(run: LoggedRun, ensemble: Ensemble) -> Regime:
    decay, more, error = _forces(run, ensemble)
    words = (
        f"a decay over the last fifth gives {decay:.4f}, training on for as long again at the "
        f"peak {more:.4f}"
    )
    if abs(decay - more) < error:
        shape = by_shape(run)
        if shape.confidence == "high" or shape.kind == "diverging":
            return shape
        alike = f"{words}, which may be the same (± {error:.4f})"
        return Regime("good or a little small", alike, "moderate")
    if decay < more:
        slow = words + ": noise does not hold the loss back, slowness does"
        return Regime("too small", slow, "high")
    return Regime("good", words, "high")


def _forces(run: LoggedRun, ensemble: Ensemble) -> tuple[float, float, float]:
    """By how much a linear decay over the last fifth lowers the loss, and twice the time does.

    The third number is half of the 90 % interval of their difference.
    """
    total = float(run.total)
    end, peak = np.asarray([total]), run.rates.peak
    flat = RateCurve(np.asarray([0.0]), np.asarray([peak]), run.total)
    places = np.unique(np.linspace(0, total, 1000).round())
    fifth = RateCurve(places, peak * np.minimum(1.0, (total - places) / (0.2 * total)), run.total)
    longer = RateCurve(flat.steps, flat.rates, 2 * run.total)
    plain = float(ensemble.centre(ensemble.curves(flat, end))[0])
    cooled, doubled = ensemble.curves(fifth, end), ensemble.curves(longer, 2 * end)
    level = ensemble.centre(cooled)
    spread = ensemble.spread_of_difference(doubled - cooled, level, longer, fifth)
    gives = max(plain - float(level[0]), 0.0)
    more = max(plain - float(ensemble.centre(doubled)[0]), 0.0)
    return gives, more, NORMAL_90 * float(spread[0])


def advice(
    run: LoggedRun,
    rate: Regime,
    found: Sequence[Finding],
    asked: tuple[Recommendation, Difference, int | None] | None,
    refused: str | None,
) -> str:
    """What the run did and what to do next, in a paragraph.

    Args:
        run: the run.
        rate: the regime of the rate.
        found: the findings.
        asked: the recommended schedule, its gain, and the updates it would have saved.
        refused: why there is no recommendation.
    """
    lost = rate.kind == "diverging" and run.lost is not None
    parts = [_told(run), _LOST if lost else _REGIMES[rate.kind]]
    if rate.confidence == "low" and rate.kind != "unknown":
        parts.append(_WEAK)
    parts += [
        _CURES[finding.kind].format(step=finding.step)
        for finding in found
        if finding.kind in _CURES
    ]
    if asked is not None:
        parts.append(_better(run, rate.kind, *asked))
    elif refused is not None:
        parts.append(f"What another schedule would give cannot be told: {refused}.")
    return " ".join(part for part in parts if part)


def _told(run: LoggedRun) -> str:
    """What the rate did."""
    rates = run.rates
    warm = f"rose to {rates.peak:.4g} in {rates.warmup} updates" if rates.warmup > 1 else (
        f"began at {rates.peak:.4g}"
    )  # fmt: skip
    if rates.rises_again:
        return f"The rate {warm}, and fell and rose again over {run.total} updates."
    last, share = float(rates.at(run.total - 1)) / rates.peak, decay_share(rates)
    if last > 0.8 or share < 0.01:  # some logs end with a rate of 0 that no update had
        return f"The rate {warm} and stayed there for {run.total} updates."
    end = "towards zero" if last <= 0.05 else f"to {last:.0%} of it"
    return f"The rate {warm} and came down {end} over the last {share:.0%} of {run.total} updates."


def _better(
    run: LoggedRun, kind: str, best: Recommendation, gain: Difference, saved: int | None
) -> str:
    about = f"{-gain.mean:.4f} ± {gain.width:.4f}"
    if gain.high >= 0:
        signed = f"{gain.mean:+.4f}".replace("-", "−")
        return (
            f"Another schedule of this length and peak would change the final loss by about "
            f"{signed} ± {gain.width:.4f} (90 % interval), which may be nothing"
            + (": keep this one." if kind == "good" else ".")
        )
    begin = round((1 - best.share) * run.total)
    sooner = f", or have come to this loss about {saved} updates sooner" if saved else ""
    return (
        f"A {best.shape} cool-down that begins at update {begin} and takes the last "
        f"{best.share:.0%} of the run would have lowered the final loss by about {about} (90 % "
        f"interval){sooner}: use it next time."
    )
