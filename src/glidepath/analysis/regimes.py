"""The regime of the rate from the shape of a loss alone, where no law tells what a decay gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glidepath.analysis.evidence import scatter
from glidepath.analysis.rates import Array
from glidepath.analysis.rising import crept
from glidepath.analysis.run import LoggedRun

FEWEST = 10
"""Losses while the rate is high, below which nothing is told."""
PIECES = 25
"""The loss is averaged over so many equal parts of the run."""
LATE_HALF = 0.12
"""Half of the whole fall comes later than this share of the run where the rate is too small."""
SMOOTH = 100.0
"""A validation loss that falls in the last half by more than this many times what it moves from
one evaluation to the next: there is hardly any noise for a decay to remove."""
QUIET = 40.0
"""Below `SMOOTH`, and still so quiet that a larger rate may be better."""
ROUGH = 0.15
"""Parts of the run that differ by this share from the line through their neighbours."""
ROUGHER = 2.5
"""And the loss falls by less than this many times that in the last half."""
LEAP = 0.02
"""And the leaps are more than this share of the first loss: near zero all losses are rough."""
CHANCE = 2.0
"""And a training loss leaps by this many times what its batches alone would make of it."""
STUCK = 0.15
"""A loss that fell by less than this share, and does not fall any more."""
LEARNT = 0.3
"""A training loss that fell by more than this share learns, whatever the validation loss does."""
ROSE = 1.15
"""A loss that rose above this many times its start before it fell was thrown, and is not slow."""
JITTER = 0.002
"""What a validation loss moves by, from one evaluation to the next, where a rate is not tiny."""
SURELY = 4.0
"""Standard errors of a fall that is not chance."""


@dataclass(frozen=True)
class Regime:
    """What the rate is for this training."""

    kind: str
    """ "too small", "good or a little small", "good", "at the edge", "diverging", "unknown"."""
    evidence: str
    """Why, in a sentence."""
    confidence: str
    """ "high", "moderate" or "low"; the documentation has how often each is right."""


@dataclass(frozen=True)
class Shape:
    """What is measured of a loss while the rate was high."""

    half: float
    """The share of the time after which half of the whole fall was done."""
    fall: float
    """By how much the loss fell in the last half, as a share of what it was."""
    rough: float
    """How far parts of the last half lie off the line through their neighbours, relative."""
    moved: float
    """How far single losses of the last half do."""
    fell: float
    """By how much the loss fell altogether, as a share of its start."""
    sure: float
    """The fall of the last half in standard errors."""
    rose: float
    """The highest part of the first fifth, as a share of the first losses."""
    crept: bool
    """Whether the loss fell and then crept up, as over-fitting does."""
    chance: float
    """How rough single losses that scatter as they do would make the parts; of a training loss,
    whose batches scatter at any rate."""
    begun: bool
    """Whether the log begins where the run does: else nothing is known of its first fall."""


def by_shape(run: LoggedRun) -> Regime:
    """The regime by how the losses fall, and how roughly, while the rate is high.

    A validation loss is of the same data each time, so what it moves from one evaluation to the
    next is what the rate moves the weights by. A training loss moves by its batches too, and tells
    less. Where a log has both, the surer one counts.
    """
    series = {run.of: (run.step, run.loss)}
    for name, of in (("train_loss", "train"), ("validation_loss", "validation")):
        if name in run.others:
            series.setdefault(of, run.others[name])
    shapes = {of: measure(run, step, loss) for of, (step, loss) in series.items()}
    validation, training = shapes.get("validation"), shapes.get("train")
    if validation is not None and _over_fits(validation, training):
        return _over_fitted(validation if training is None else training)
    found = [_told(shape, of) for of, shape in shapes.items() if shape is not None]
    if not found:
        words = f"fewer than {FEWEST} losses were logged while the rate was high"
        return Regime("unknown", f"{words}, and no law says what a decay gives", "low")
    order = ("diverging", "at the edge", "too small", "good or a little small", "good")
    rank = ("high", "moderate", "low")
    return min(found, key=lambda each: (rank.index(each.confidence), order.index(each.kind)))


def _over_fits(validation: Shape, training: Shape | None) -> bool:
    """Whether the validation loss rises for the sake of the data, not of the rate."""
    learns = training is not None and training.fell > LEARNT
    return validation.crept or (learns and validation.fell < STUCK)


def _over_fitted(shape: Shape) -> Regime:
    """The regime where the validation loss over-fits: slow a rate is not that memorises."""
    found = _leaping(shape, "training")
    if found is not None:
        return found
    words = (
        "the validation loss over-fits while the training loss falls evenly: not slow, not rough"
    )
    return Regime("good", words, "low")


def measure(run: LoggedRun, step: Array, loss: Array) -> Shape | None:
    """The shape of a loss until the rate came down by half; None where it was logged too rarely."""
    rates = run.rates.at(np.maximum(step - 1, 0))
    high = np.flatnonzero(rates >= 0.5 * run.rates.peak)
    end = float(step[high[-1]]) if high.size else 0.0
    kept = step <= end
    step, loss = step[kept], loss[kept]
    if loss.size < FEWEST or loss.min() <= 0:
        return None
    part = np.minimum((step / end * PIECES).astype(int), PIECES - 1)
    _, part = np.unique(part, return_inverse=True)
    count = np.bincount(part)
    mean, when = np.bincount(part, loss) / count, np.bincount(part, step) / count
    first, last = float(np.median(loss[: max(1, loss.size // 30)])), float(np.median(mean[-3:]))
    low = mean < (first + last) / 2
    before = int(np.argmax(low)) if low.any() else mean.size - 1
    late = when > end / 2
    if late.sum() < 6:
        return None
    middle = float(np.median(mean[max(int(np.argmax(late)) - 1, 0) :][:3]))
    fall, rough = 1 - last / middle, scatter(mean[late])
    moved = scatter(loss[step > end / 2])
    return Shape(
        _crossed(when, mean, first, (first + last) / 2, before) / end,
        fall,
        rough,
        moved,
        1 - last / first,
        fall / max(rough * np.sqrt(2 / 3), 1e-9),
        float(np.max(mean[when <= 0.2 * end], initial=first)) / first,
        crept(loss),
        moved / np.sqrt(float(np.median(count))),
        float(step[0]) <= 3 * float(np.median(np.diff(step))),
    )


def _crossed(when: Array, mean: Array, first: float, level: float, at: int) -> float:
    """The step at which the line through the parts comes down to a level."""
    start, high = (0.0, first) if at == 0 else (float(when[at - 1]), float(mean[at - 1]))
    gap = high - float(mean[at])
    share = (high - level) / gap if gap > 0 else 1.0
    return start + float(np.clip(share, 0, 1)) * (float(when[at]) - start)


def _told(shape: Shape, of: str) -> Regime:
    """The regime that a shape shows."""
    name = "validation" if of == "validation" else "training"
    found = _flat(shape, name) or _leaping(shape, name) or _slow(shape, name)
    if found is not None:
        return found
    rough = f"{100 * shape.rough:.2g} %"
    words = f"the parts of the {name} loss lie within {rough} of a line: not rough"
    if shape.begun:
        words += f", nor slow: half of what it fell took {shape.half:.0%} of the time"
    return Regime("good", words, "moderate" if name == "validation" else "low")


def _flat(shape: Shape, name: str) -> Regime | None:
    """A loss that is where it began: the rate is far too large, or far too small."""
    flat = shape.begun and shape.fell < STUCK and shape.sure < SURELY
    if not flat or shape.crept:
        return None
    if shape.rose > ROSE or (name == "validation" and shape.moved > JITTER):
        words = (
            f"the {name} loss is no lower than where it began and does not fall: the rate has "
            "thrown the weights where nothing is learnt"
        )
        return Regime("diverging", words, "moderate")
    words = f"the {name} loss is all but where it began, and never leapt: it hardly learns"
    return Regime("too small", words, "low")


def _leaping(shape: Shape, name: str) -> Regime | None:
    """A loss that leaps by more than it falls."""
    leaps = shape.rough * (1 - shape.fell)
    by_chance = name == "training" and shape.rough < CHANCE * shape.chance
    if by_chance or shape.rough <= ROUGH or leaps <= LEAP or shape.fall >= ROUGHER * shape.rough:
        return None
    words = (
        f"the {name} loss leaps by {shape.rough:.0%} from one part of the run to the next, and "
        f"falls by {max(shape.fall, 0):.0%} in its last half"
    )
    return Regime("at the edge", words, "high" if shape.fall < shape.rough else "moderate")


def _slow(shape: Shape, name: str) -> Regime | None:
    """A loss that falls late and evenly, or with hardly any noise."""
    late = shape.begun and shape.half > LATE_HALF
    if late and shape.sure > SURELY and shape.rose < ROSE:
        words = (
            f"half of what the {name} loss fell took {shape.half:.0%} of the time, and it falls "
            "on evenly"
        )
        return Regime("too small", words, "high")
    quiet = shape.fall / max(shape.moved, 1e-9)
    if name != "validation" or quiet <= QUIET:
        return None
    words = (
        f"the validation loss falls by {100 * shape.fall:.2g} % in the last half and moves by only "
        f"{100 * shape.moved:.2g} % from one evaluation to the next: little noise holds it back"
    )
    if quiet > SMOOTH:
        return Regime("too small", words, "moderate")
    return Regime("good or a little small", words, "low")
