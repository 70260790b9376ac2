"""Scores of laws and baselines on published curves, for benchmarks/laws.py."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from glidepath.analysis import LoggedRun
from glidepath.analysis.ensemble import Ensemble, assemble
from glidepath.analysis.evidence import gather, kept
from glidepath.analysis.fitting import fit
from glidepath.analysis.laws import LAWS, expose
from glidepath.analysis.widths import NORMAL_90

Array = np.ndarray
Predictor = Callable[[LoggedRun, Array], Array]


@dataclass
class Score:
    """One predictor on the curves of one source and horizon, fitted to one run."""

    label: str
    curve: list[float] = field(default_factory=list)
    end: list[float] = field(default_factory=list)
    predicted: list[float] = field(default_factory=list)
    measured: list[float] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def add(self, run: LoggedRun, after: float, predictor: Predictor) -> None:
        """Score a run from `after` on."""
        late = kept(run) & (run.step > after)
        found = predictor(run, run.step[late])
        self.curve.append(float(np.mean(np.abs(found / run.loss[late] - 1))))
        last = slice(-3, None) if run.of == "train" else slice(-1, None)
        self.predicted.append(float(np.mean(found[last])))
        self.measured.append(float(np.mean(run.loss[late][last])))
        self.end.append(self.predicted[-1] - self.measured[-1])
        self.names.append(run.name)

    @property
    def difference(self) -> float:
        """The mean error of the differences between any two ends."""
        return float(np.mean([abs(a - b) for a, b in itertools.combinations(self.end, 2)]))

    @property
    def tau(self) -> float:
        """Kendall's τ of the ranking of the ends."""
        from scipy.stats import kendalltau

        return float(kendalltau(self.predicted, self.measured)[0])

    def regret(self, which: str | None = None) -> float:
        """What the schedule predicted best (or one named) loses to the one that was best."""
        at = int(np.argmin(self.predicted))
        if which is not None:
            at = next(i for i, name in enumerate(self.names) if which in name)
        return self.measured[at] - min(self.measured)

    def line(self) -> str:
        """The row of the table."""
        return (
            f"  {self.label:<16}{100 * np.mean(self.curve):>9.3f} %"
            f"{np.mean(np.abs(self.end)):>9.4f}{self.difference:>9.4f}"
            f"{self.tau:>7.2f}{self.regret():>9.4f}"
        )


HEAD = f"  {'':<16}{'curve':>11}{'end':>9}{'differ':>9}{'tau':>7}{'regret':>9}"


def part(a: LoggedRun, b: LoggedRun) -> float:
    """The update at which two schedules part."""
    k = np.arange(min(a.total, b.total))
    apart = np.abs(a.rates.at(k) - b.rates.at(k)) > 1e-3 * a.rates.peak
    return float(k[np.argmax(apart)]) if apart.any() else float(k[-1])


def predictors(run: LoggedRun) -> tuple[dict[str, Predictor], Ensemble, float]:
    """The ensemble, each law alone, and copying; and how long the ensemble took to fit."""
    start = time.process_time()
    ensemble = assemble((run,))
    seconds = time.process_time() - start
    evidence = gather((run,))
    found: dict[str, Predictor] = {
        "glidepath": lambda r, t: ensemble.centre(ensemble.curves(r.rates, t))
    }
    for name, law in LAWS.items():
        fitted = fit(law, evidence)
        found[name] = lambda r, t, fitted=fitted: fitted(expose(r.rates, t, evidence.scale))
    found["copying"] = lambda r, t: np.interp(t / r.total, run.step / run.total, run.loss)
    return found, ensemble, seconds


def table(run: LoggedRun, others: list[LoggedRun]) -> tuple[dict[str, Score], list[bool], float]:
    """Score every predictor on the other runs, and whether the interval of each end held."""
    found, ensemble, seconds = predictors(run)
    scores = {name: Score(name) for name in found}
    inside = []
    for other in others:
        for name, predictor in found.items():
            scores[name].add(other, part(run, other), predictor)
        end = other.step[-1:]
        curves = ensemble.curves(other.rates, end)
        width = NORMAL_90 * float(ensemble.spread(curves, other.rates, end)[0])
        inside.append(abs(scores["glidepath"].end[-1]) <= width)
    return scores, inside, seconds


def differences_covered(run: LoggedRun, others: list[LoggedRun]) -> list[bool]:
    """Whether the interval of each difference between two ends held."""
    ensemble = assemble((run,))
    ends = [ensemble.curves(o.rates, o.step[-1:]) for o in others]
    seen = [float(np.mean(o.loss[-3:] if o.of == "train" else o.loss[-1:])) for o in others]
    inside = []
    for i, j in itertools.combinations(range(len(others)), 2):
        if others[i].total != others[j].total:
            continue
        apart = ends[i] - ends[j]
        mean = float(ensemble.centre(apart)[0])
        level = ensemble.centre(ends[j])
        spread = ensemble.spread_of_difference(apart, level, others[i].rates, others[j].rates)
        inside.append(abs(mean - seen[i] + seen[j]) <= NORMAL_90 * float(spread[0]))
    return inside


def covered(run: LoggedRun, others: list[LoggedRun]) -> tuple[list[bool], list[bool]]:
    """Whether the interval of each end held, and that of each point after the schedules part."""
    ensemble = assemble((run,))
    ends, points = [], []
    for other in others:
        late = kept(other) & (other.step > part(run, other))
        step, loss = other.step[late], other.loss[late]
        curves = ensemble.curves(other.rates, step)
        width = NORMAL_90 * ensemble.spread(curves, other.rates, step)
        inside = np.abs(ensemble.centre(curves) - loss) <= width
        points += inside.tolist()
        ends.append(bool(inside[-1]))
    return ends, points
