"""What to look at in a demonstration: a few plain sentences with its numbers."""

from __future__ import annotations

from collections.abc import Sequence

from glidepath.demos import Decay, Entry, Escape, Noise, Race, Raced, Regimes, Saddle
from glidepath.demos.saddle_point import EDGE
from glidepath.viewing import numbers


def regimes_text(found: Regimes) -> list[str]:
    """What the bowl shows, a line for each rate."""
    lines = [
        "Gradient descent in a bowl. Rates are in units of the stability edge: 1 is "
        "2 / (the largest curvature), and above it every step lands higher than it began.",
    ]
    for descent in found.descents:
        if descent.steps is not None:
            how = f"converged in {numbers.plural(descent.steps, 'step')}"
        elif descent.scale >= 1:
            how = "never converges"
        else:
            how = f"not converged in {numbers.count(len(descent.path) - 1)} steps"
        lines.append(f"  {numbers.rate(descent.scale):>6}  {descent.regime:<11}  {how}")
    lines.append(
        f"In the long run {numbers.rate(found.best_scale)} is the best rate of this bowl "
        f"({numbers.plural(found.best_steps, 'step')} from here): below the edge, and not far. "
        "Look at its two sides: a hundred times less costs a hundred times the steps, a little "
        "more than the edge costs everything."
    )
    return lines


def noise_text(found: Noise) -> list[str]:
    """What the two runs show."""
    fixed, cosine = found.runs
    return [
        f"A line fitted by batches of {found.batch_size} points; both runs see the same batches.",
        f"  fixed at {numbers.rate(found.rate)}: stays {numbers.rate(fixed.end)} above the least "
        f"loss there is ({numbers.rate(found.floor)} expected).",
        f"  cosine from {numbers.rate(found.rate)} to 0: ends {numbers.rate(cosine.end)} above "
        f"it, {fixed.end / cosine.end:.0f} times closer.",
        "Near the minimum a batch's gradient is mostly noise, and each step throws the run as far "
        "as the rate allows. Look at how the path on the left keeps wandering, and the right one "
        "settles while its rate falls. Halve the rate, or double the batch, and the fixed run's "
        "floor halves: but then it comes there more slowly.",
    ]


def saddle_text(found: Saddle) -> list[str]:
    """What the lanes show."""
    lines = [
        "A valley with a saddle in the middle, and a descent that starts a thousandth beside it. "
        f"Rates above {numbers.rate(EDGE)} are past the stability edge of the valley's walls.",
    ]
    for run in found.escapes:
        lines.append(f"  {run_name(found, run):<24}  {run_outcome(run)}")
    lines.append(
        "Near the saddle the slope is almost nothing, and a step is the rate times almost nothing: "
        "a low rate stays for long. The cycle leaves early because of its mean rate, as the fixed "
        "rate of that mean shows; what it can do and a fixed rate cannot is to go past the edge "
        "for a few steps and come back."
    )
    return lines


def run_name(found: Saddle, run: Escape) -> str:
    """The schedule in words."""
    if run.name == "triangular":
        return f"triangular, {numbers.rate(found.low)} to {numbers.rate(found.high)}"
    return f"fixed at {numbers.rate(float(run.rates[0]))}"


def run_outcome(run: Escape) -> str:
    """How it went, in two or three words."""
    if run.diverged:
        return f"diverged in {numbers.plural(len(run.path) - 1, 'step')}"
    if run.steps is None:
        return f"not in {len(run.rates):,} steps"
    return numbers.plural(run.steps, "step")


def decay_text(found: Decay) -> list[str]:
    """What happened at the drops."""
    lines = [
        "A network on scikit-learn's digits, plain SGD; "
        f"{numbers.plural(len(found.runs[0].trained.losses), 'seed')}, and both runs of a seed "
        "see the same batches.",
    ]
    for drop in found.drops:
        lines.append(
            f"  update {numbers.count(drop.update)}: the rate drops to {found.factor:g} of itself, "
            f"and the training loss goes from {drop.before:.2f} to {drop.after:.2f}; without the "
            f"drop, from {drop.fixed_before:.2f} to {drop.fixed_after:.2f}."
        )
    for run in found.runs:
        accuracy = run.trained.accuracy[:, -1]
        lines.append(
            f"  {run.name:<10} ends at a validation accuracy of {accuracy.mean():.3f} "
            f"({accuracy.min():.3f} to {accuracy.max():.3f})"
        )
    lines.append(
        "Look at the step: the loss falls at once, faster than it did in hundreds of updates "
        "before. The network had come as low as the noise of its large steps let it, and the drop "
        "takes most of that noise away. What the second drop can take away is less."
    )
    return lines


def policies_text(entries: Sequence[Entry]) -> list[str]:
    """The names of the curves, and how to look at one's own."""
    return [
        f"{len(entries)} schedules in a run of ten epochs, from the same peak.",
        "Each panel has the code that makes its curve. Look at how long each stays near its peak, "
        "and whether it ends near zero: most of what a schedule gains, it gains there. 1cycle has "
        "a picture of its own: its momentum falls while its rate rises, and rises while it falls.",
        "For your own rates and run: glidepath show one_cycle peak=0.1 --total 30ep "
        "--steps-per-epoch 29 --png mine.png",
    ]


def optimizers_text(found: Race) -> list[str]:
    """Each optimizer's best rates and where they led."""
    lines = ["Six optimizers, each at the best rate of a grid, chosen on other seeds."]
    lines += _table("loss at the end, on a bent valley with noisy gradients", found.landscape)
    if found.digits:
        lines += _table("validation loss at the end, on the digits", found.digits)
    if any(raced.at_edge for raced in (*found.landscape, *found.digits)):
        lines.append("  * the lowest or highest rate that was tried: its best may lie outside.")
    fixed = [raced.rate for raced in found.landscape if raced.schedule == "fixed"]
    lines.append(
        f"Look at the rates first: their best ones differ by a factor of "
        f"{max(fixed) / min(fixed):,.0f}, so one rate for all of them compares nothing. Then at "
        "the noise: at a fixed rate all of them hover above the minimum. " + _helped(found)
    )
    return lines


def _helped(found: Race) -> str:
    """For how many of the optimizers the cosine was better."""
    parts = []
    for where, raced in (("in the valley", found.landscape), ("on the digits", found.digits)):
        lower = sum(c.end < f.end for f, c in zip(raced[::2], raced[1::2], strict=True))
        if raced:
            parts.append(f"of {lower} of {len(raced) // 2} {where}")
    return f"The cosine lowers the loss {numbers.listing(parts)}."


def _table(title: str, raced: Sequence[Raced]) -> list[str]:
    """A row for each optimizer, with its rates and results under both schedules."""
    lines = [f"  {title}:", f"  {'':<10}{'fixed':>8}{'loss':>9}{'cosine':>10}{'loss':>9}"]
    for fixed, cosine in zip(raced[::2], raced[1::2], strict=True):
        cells = [
            f"{numbers.rate(each.rate) + ('*' if each.at_edge else ''):>{width}}{each.end:>9.3g}"
            for each, width in ((fixed, 8), (cosine, 10))
        ]
        lines.append(f"  {fixed.optimizer:<10}{''.join(cells)}")
    return lines
