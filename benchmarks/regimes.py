"""The regime of the rate that `gp.diagnose` tells, against what sweeps of the rate show.

    python benchmarks/regimes.py            # all tasks, two minutes on one core
    python benchmarks/regimes.py --quick    # two of them, a quarter of it

Small networks on data that come with scikit-learn, each trained at rates from a hundredth of the
best to ten times the best, at a constant rate and under a cosine, after the same warm-up. All
rates of a sweep are trained at once. The truth is the sweep's: a rate is good where the validation
loss (the median of three evaluations) comes within 15 % of the sweep's lowest at some time. The
thresholds of `glidepath.analysis.regimes` were set with the first five tasks under a constant rate;
the others were held out, and so were all cosines.
"""

from __future__ import annotations

import argparse
import collections
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn import datasets

from glidepath.analysis import LoggedRun
from glidepath.analysis.counsel import regime
from glidepath.analysis.ensemble import Ensemble, assemble
from glidepath.analysis.findings import signs
from glidepath.analysis.rates import RateCurve
from glidepath.analysis.refusal import RefusedError, check_runs

Array = np.ndarray
REACHED = 1.15
KINDS = ("too small", "good or a little small", "good", "at the edge", "diverging", "unknown")
LOGS = ("both losses", "training only", "both, beside the others")


@dataclass(frozen=True)
class Sweep:
    """A task, an optimizer, and rates around where the best will be."""

    data: str
    optimizer: str
    hidden: tuple[int, ...]
    epochs: int
    batch: int
    low: float
    high: float
    flipped: float = 0.0
    """The share of training labels that are drawn anew."""
    tuned: bool = False

    @property
    def rates(self) -> Array:
        """Two to a decade and a bit."""
        count = round(2.5 * np.log10(self.high / self.low)) + 1
        return np.geomspace(self.low, self.high, count)


SWEEPS = (
    Sweep("digits", "sgd", (64, 64), 25, 40, 1e-4, 3.0, tuned=True),
    Sweep("breast_cancer", "sgd", (32,), 50, 32, 3e-5, 10.0, tuned=True),
    Sweep("digits", "adam", (64, 64), 25, 40, 1e-5, 0.3, tuned=True),
    Sweep("diabetes", "sgd", (32,), 50, 32, 3e-6, 1.0, tuned=True),
    Sweep("digits", "sgd", (64, 64), 25, 40, 1e-4, 3.0, flipped=0.2, tuned=True),
    Sweep("wine", "sgd", (16,), 60, 16, 3e-5, 3.0, flipped=0.1),
    Sweep("diabetes", "adam", (32,), 50, 32, 1e-5, 1.0),
    Sweep("digits", "sgd", (128,), 40, 100, 1e-4, 10.0, flipped=0.1),
    Sweep("breast_cancer", "adam", (16, 16), 40, 20, 1e-5, 1.0, flipped=0.05),
)


def split(sweep: Sweep, draw: torch.Generator) -> tuple[Any, Any, Any, Any]:
    """Inputs and targets for training and validation, three quarters and one."""
    x, y = getattr(datasets, f"load_{sweep.data}")(return_X_y=True)
    x = (x - x.mean(0)) / np.maximum(x.std(0), 1e-3)
    regression = sweep.data == "diabetes"
    y = (y - y.mean()) / y.std() if regression else y
    order = np.random.default_rng(0).permutation(len(x))
    inputs = torch.tensor(x[order], dtype=torch.float32)
    targets = torch.tensor(y[order], dtype=torch.float32 if regression else torch.int64)
    cut = round(0.75 * len(x))
    known = targets[:cut].clone()
    if not regression:
        anew = torch.rand(cut, generator=draw) < sweep.flipped
        known[anew] = torch.randint(0, int(y.max()) + 1, (int(anew.sum()),), generator=draw)
    return inputs[:cut], known, inputs[cut:], targets[cut:]


def train(sweep: Sweep, schedule: str, seed: int) -> tuple[Array, Array, Array]:
    """Shares of the peak, training losses and validation losses, shape (updates, rates)."""
    draw = torch.Generator().manual_seed(seed)
    x, y, held_x, held_y = split(sweep, draw)
    lanes = len(sweep.rates)
    wide = [x.shape[1], *sweep.hidden, int(y.max()) + 1 if y.dtype == torch.int64 else 1]
    weights = []
    for a, b in itertools.pairwise(wide):
        drawn = (torch.rand(a, b, generator=draw) * 2 - 1) * (6 / (a + b)) ** 0.5
        weights += [drawn.expand(lanes, a, b).clone(), torch.zeros(lanes, 1, b)]
    for weight in weights:
        weight.requires_grad_()
    per_epoch = len(x) // sweep.batch
    total = per_epoch * sweep.epochs
    warmup = round(0.02 * total)
    k = np.arange(total)
    fall = 0.5 * (1 + np.cos(np.pi * np.clip((k - warmup) / (total - warmup), 0, 1)))
    shares = np.minimum(1, (k + 1) / warmup) * (fall if schedule == "cosine" else 1)
    update = _updates(weights, torch.tensor(sweep.rates, dtype=torch.float32), sweep.optimizer)
    training, validation = [], []
    for epoch in range(sweep.epochs):
        rows = torch.randperm(len(x), generator=draw)[: per_epoch * sweep.batch]
        for i, batch in enumerate(rows.split(sweep.batch)):
            losses = _losses(weights, x[batch], y[batch])
            update(torch.autograd.grad(losses.sum(), weights), shares[epoch * per_epoch + i])
            training.append(losses.detach().numpy())
        with torch.no_grad():
            validation.append(_losses(weights, held_x, held_y).numpy())
    return shares, np.stack(training), np.stack(validation)


def _losses(weights: list[Any], x: Any, y: Any) -> Any:
    """The mean loss of every lane."""
    lanes = len(weights[0])
    found = x.expand(lanes, *x.shape)
    for i in range(0, len(weights), 2):
        found = torch.baddbmm(weights[i + 1], torch.relu(found) if i else found, weights[i])
    if y.dtype != torch.int64:
        return ((found[..., 0] - y) ** 2).mean(1)
    each = torch.nn.functional.cross_entropy(found.flatten(0, 1), y.repeat(lanes), reduction="none")
    return each.view(lanes, -1).mean(1)


def _updates(weights: list[Any], rates: Any, optimizer: str) -> Any:
    """A step of SGD with Nesterov's momentum, or of Adam, with a rate for each lane."""
    first = [torch.zeros_like(weight) for weight in weights]
    second = [torch.zeros_like(weight) for weight in weights]
    done = itertools.count(1)

    def update(gradients: Any, share: float) -> None:
        count, rate = next(done), (share * rates).view(-1, 1, 1)
        with torch.no_grad():
            for weight, gradient, m, v in zip(weights, gradients, first, second, strict=True):
                if optimizer == "sgd":
                    m.mul_(0.9).add_(gradient)
                    weight.sub_(rate * (gradient + 0.9 * m))
                else:
                    m.lerp_(gradient, 0.1)
                    v.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
                    scale = (v / (1 - 0.999**count)).sqrt() + 1e-8
                    weight.sub_(rate * (m / (1 - 0.9**count)) / scale)

    return update


def logged(parts: tuple[Array, Array, Array], lane: int, rate: float, log: str) -> LoggedRun | None:
    """One run as its log shows it; None where nothing finite was logged."""
    shares, training, validation = parts
    total = len(shares)
    rates = RateCurve(np.arange(total, dtype=float), rate * shares, total)
    every = total // len(validation)
    series = {}
    for name, losses, step in (("train", training, 1), ("validation", validation, every)):
        values, steps = losses[:, lane], step * np.arange(1, len(losses) + 1.0)
        finite = np.isfinite(values) & (values > 0)
        series[name] = (steps[finite], values[finite].astype(float))
    gone = np.flatnonzero(~np.isfinite(training[:, lane]))
    lost = int(gone[0]) if gone.size else None
    of = "train" if log == "training only" else "validation"
    others = {"train_loss": series["train"]} if log.startswith("both") else {}
    return LoggedRun(
        f"{rate:.2g}", *series[of], rates, of, others, steps_per_epoch=every, lost=lost
    )


def told(run: LoggedRun, beside: list[LoggedRun]) -> tuple[str, str]:
    """The regime and its confidence, as `gp.diagnose` tells them; the law from fewer starts."""
    found = regime(run, signs(run), None if beside else fitted(run), beside)
    return found.kind, found.confidence


def fitted(run: LoggedRun) -> Ensemble | None:
    """The laws of a run, where they are not refused."""
    try:
        check_runs((run,))
        return assemble((run,), starts=2)
    except RefusedError:
        return None


def truths(sweep: Sweep, parts: tuple[Array, Array, Array]) -> dict[int, str]:
    """What each lane is, for rates from a hundredth of the best to ten times it."""
    _, training, validation = parts
    three = np.lib.stride_tricks.sliding_window_view(validation, 3, axis=0)
    lowest = np.min(np.median(np.where(np.isfinite(three), three, np.inf), axis=-1), axis=0)
    good = np.flatnonzero(lowest <= REACHED * lowest.min())
    low, high, best = (sweep.rates[i] for i in (good[0], good[-1], int(np.argmin(lowest))))
    found = {}
    for lane, rate in enumerate(sweep.rates):
        if not best / 101 <= rate <= best * 10.1:
            continue
        end, start = np.mean(training[-20:, lane]), float(np.mean(training[0]))
        if not end < 0.97 * start and rate > best:
            found[lane] = "diverged"
        elif rate < low:
            found[lane] = "3 times below or more" if rate < low / 3 else "just below"
        else:
            found[lane] = "in the good band" if rate <= high else "above it"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two tasks")
    given = parser.parse_args()
    torch.set_num_threads(1)
    counts: dict[tuple[str, ...], collections.Counter[str]] = {}
    surely: dict[tuple[str, str], list[bool]] = {}
    for sweep, schedule in itertools.product(
        (SWEEPS[1], SWEEPS[5]) if given.quick else SWEEPS, ("constant", "cosine")
    ):
        parts = train(sweep, schedule, seed=1)
        lanes = truths(sweep, parts)
        half = "tuned" if sweep.tuned and schedule == "constant" else "held out"
        for log in LOGS:
            runs = {lane: logged(parts, lane, sweep.rates[lane], log) for lane in lanes}
            for lane, run in runs.items():
                others = [other for other in runs.values() if other is not run]
                kind, sure = told(run, others if "beside" in log else [])
                where = (log, half, lanes[lane])
                counts.setdefault(where, collections.Counter())[kind] += 1
                surely.setdefault((log, sure), []).append(right(lanes[lane], kind))
        print(sweep.data, sweep.optimizer, sweep.flipped, schedule, flush=True)
    show(counts, surely)


def right(truth: str, kind: str) -> bool:
    """Whether an answer is right, or next to right where the truth is near a border."""
    allowed = {
        "3 times below or more": ("too small",),
        "just below": ("too small", "good or a little small", "good"),
        "in the good band": ("good or a little small", "good"),
        "above it": ("at the edge", "diverging"),
        "diverged": ("diverging", "at the edge"),
    }
    return kind in allowed[truth]


def show(counts: Any, surely: Any) -> None:
    """The confusion table, and how often each confidence is right."""
    print(f"\n| log | the sweep says | {' | '.join(KINDS)} |\n|{' --- |' * (2 + len(KINDS))}")
    rows = ("3 times below or more", "just below", "in the good band", "above it", "diverged")
    for log, half, row in itertools.product(LOGS, ("tuned", "held out"), rows):
        found = counts.get((log, half, row))
        if found:
            cells = " | ".join(str(found[kind] or "") for kind in KINDS)
            print(f"| {log}, {half} | {row} | {cells} |")
    print("\nright, by confidence")
    for (log, sure), marks in sorted(surely.items()):
        print(f"  {log}, {sure}: {np.mean(marks):.0%} of {len(marks)}")


if __name__ == "__main__":
    main()
