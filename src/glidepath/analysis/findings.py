"""What a log shows: illnesses of the loss, and what its schedule lacks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glidepath.analysis.evidence import scatter
from glidepath.analysis.optimisation import Recommendation
from glidepath.analysis.prediction import Difference
from glidepath.analysis.rates import RateCurve
from glidepath.analysis.rising import diverged, rises
from glidepath.analysis.run import LoggedRun
from glidepath.analysis.signs import plateau, spikes

LONG_WARMUP = 0.1
"""Warm-ups of a larger share of the run are asked what they are for."""
_SMOOTH = 3
_RISE = 0.05
"""A rise of the loss by this share, in the warm-up or soon after it, is a sign."""


@dataclass(frozen=True)
class Finding:
    """One thing that a log shows."""

    kind: str
    """ "diverged", "spikes", "plateau", "overfitting", "change", "warmup_short", "warmup_long",
    "final_rate", "decay_short" or "no_decay"."""
    text: str
    """The evidence in a sentence."""
    step: int | None = None
    """The update it concerns, where there is one."""


def signs(run: LoggedRun) -> list[Finding]:
    """What needs no law: divergence, spikes, plateaus, over-fitting, the warm-up."""
    found: list[Finding] = []
    if run.lost is not None:
        found.append(Finding("diverged", f"no loss is finite from update {run.lost} on", run.lost))
    elif diverged(run):
        found.append(Finding("diverged", "the loss ends above where it was after the warm-up"))
    at = spikes(run)
    if at.size:
        count = "a spike" if at.size == 1 else f"{at.size} spikes"
        which = "at" if at.size == 1 else "the first at"
        text = f"{count} of the loss, {which} update {int(at[0])}"
        found.append(Finding("spikes", text, int(at[0])))
    fell = not any(sign.kind == "diverged" for sign in found)
    flat = plateau(run) if fell else None
    if flat is not None:
        text = f"the loss has not fallen since update {flat}, and the rate is still high"
        found.append(Finding("plateau", text, flat))
    if fell:
        found += _overfitting(run)
    return [*found, *_warmup(run, at.size > 0)]


def _overfitting(run: LoggedRun) -> list[Finding]:
    if run.of != "validation" and "validation_loss" not in run.others:
        return []
    step, loss = run.others.get("validation_loss", (run.step, run.loss))
    after = step >= run.rates.warmup
    if after.sum() < 10 or not rises(step[after], loss[after], run.rates):
        return []
    onset = int(step[after][int(np.argmin(loss[after]))])
    text = f"the validation loss is lowest at update {onset} and rises after it"
    return [Finding("overfitting", text, onset)]


def _warmup(run: LoggedRun, spiky: bool) -> list[Finding]:
    """A warm-up after which the loss rises is too short; a long one that nothing asked for."""
    hurt = _early_rise(run)
    if hurt is not None:
        at, height = hurt
        length = run.rates.warmup
        words = "without a warm-up" if length <= 1 else f"with a warm-up of {length} updates"
        text = f"the loss rises by {height:.0%} around update {at}, as the rate comes up {words}"
        return [Finding("warmup_short", text, at)]
    share = run.rates.warmup / run.total
    rose = float(run.rates.rates[0]) < 0.5 * run.rates.peak
    if share > LONG_WARMUP and not spiky and rose and _warmup_seen(run):
        text = (
            f"the warm-up takes {share:.0%} of the run, and nothing in the loss asks for more than "
            "a few per cent"
        )
        return [Finding("warmup_long", text, run.rates.warmup)]
    return []


def _warmup_seen(run: LoggedRun) -> bool:
    """Whether the log has losses of the warm-up enough, and its rates, to judge how long it is."""
    inside = int(np.sum(run.step <= run.rates.warmup))
    assumed = any("warm-up" in words and "assumed" in words for words in run.warnings)
    return inside >= 3 * _SMOOTH and not assumed


def _early_rise(run: LoggedRun) -> tuple[int, float] | None:
    """Where the smoothed loss stands highest above its lowest so far, early on; None if nowhere."""
    end = max(5 * run.rates.warmup, 0.1 * run.total)
    early = (run.step <= end) & (run.loss > 0)
    loss = run.loss[early]
    if loss.size < 3 * _SMOOTH or run.rates.warmup > 0.3 * run.total:
        return None
    smooth = np.convolve(np.log(loss), np.ones(_SMOOTH) / _SMOOTH, "valid")
    above = smooth - np.minimum.accumulate(smooth)
    at = int(np.argmax(above))
    noise = scatter(run.loss[run.loss > 0])
    if above[at] < max(_RISE, 8 * noise / np.sqrt(_SMOOTH)):
        return None
    return int(run.step[early][at + _SMOOTH // 2]), float(np.expm1(above[at]))


def shape(run: LoggedRun, best: Recommendation, gain: Difference) -> list[Finding]:
    """What the schedule lacks, where the law says that it costs something."""
    if gain.high >= 0:
        return []
    found = []
    last = float(run.rates.at(run.total - 1)) / run.rates.peak
    begin = int((1 - best.share) * run.total)
    if last > 0.8:
        text = f"the rate never came down for good; a decay should have begun at update {begin}"
        found.append(Finding("no_decay", text, begin))
    elif last > 0.05:
        text = f"the last rate is {last:.0%} of the peak; towards zero the loss falls further"
        found.append(Finding("final_rate", text))
    share = decay_share(run.rates)
    if last <= 0.8 and share < 0.6 * best.share:
        text = (
            f"the decay takes {share:.0%} of the run; {best.share:.0%}, from update {begin} on, "
            "would be better"
        )
        found.append(Finding("decay_short", text, begin))
    return found


def decay_share(rates: RateCurve) -> float:
    """The share of the run after the rate was last near its peak."""
    k = np.arange(rates.total, dtype=np.float64)[:: max(1, rates.total // 2000)]
    high = k[rates.at(k) >= 0.99 * rates.peak]
    return 1 - float(high[-1]) / rates.total if high.size else 1.0
