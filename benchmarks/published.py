"""The published loss curves of the analysis benchmarks, as logged runs with their exact rates."""

from __future__ import annotations

import csv
from functools import cached_property
from pathlib import Path

import numpy as np

from glidepath.analysis import LoggedRun
from glidepath.analysis.rates import RateCurve, from_log

Array = np.ndarray
WARMUP = {"mpl": 2160, "schaipp": 300}


def curve(row: dict[str, str]) -> RateCurve:
    """The rate of every update, from the description of the schedule in the index."""
    total, peak = int(row["total"]), float(row["peak_lr"])
    warmup, name = WARMUP[row["source"]], row["curve"]
    k = np.arange(total, dtype=np.float64)
    rates = np.full(total, peak)
    first = 0.01 * peak if row["source"] == "schaipp" else 0.0
    rising = k < warmup
    rates[rising] = first + (peak - first) * k[rising] / warmup
    start = float(row["decay_start"] or total)
    if row["wsd_fract"]:
        start = total - round(float(row["wsd_fract"]) * total)
    end = {"cos-10": 0.1 * peak, "cos-ze": 0.0}.get(name[:6], float(row["end_lr"] or 0))
    if row["schedule"] in ("cos", "cosine"):
        start = warmup
    falling = k >= start
    u = (k[falling] - start + 1) / max(total - start, 1)
    kind = row["schedule"] if row["source"] == "mpl" else (row["decay_type"] or "linear")
    if row["schedule"] in ("cos", "cosine"):
        u = (k[falling] - warmup) / (total - warmup)
        rates[falling] = end + (peak - end) * (1 + np.cos(np.pi * u)) / 2
    elif kind == "wsd_exp":
        rates[falling] = peak * (end / peak) ** u
    elif kind == "step":
        rates[falling] = end
    elif kind == "sqrt":
        rates[falling] = peak * (1 - np.sqrt(u))
    elif kind != "constant":
        rates[falling] = end + (peak - end) * (1 - u)
    return RateCurve(k, np.maximum(rates, 0), total)


class Published:
    """The curves in a folder with an index.csv, read when they are asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._runs: dict[str, LoggedRun] = {}

    @cached_property
    def index(self) -> dict[str, dict[str, str]]:
        """The rows of the index by the curve's name."""
        with (self.folder / "index.csv").open(newline="", encoding="utf-8") as file:
            return {row["curve"]: row for row in csv.DictReader(file)}

    def columns(self, name: str) -> dict[str, Array]:
        """A curve's columns, NaN where a cell is empty."""
        with (self.folder / self.index[name]["path"]).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return {key: np.array([float(row[key] or "nan") for row in rows]) for key in rows[0]}

    def run(self, name: str) -> LoggedRun:
        """A curve as a logged run; what a cool-down resumed from is put in front of it."""
        if name not in self._runs:
            row = self.index[name]
            read = {"mpl": self._mpl, "schaipp": self._schaipp, "algoperf": self._algoperf}
            self._runs[name] = read[row["source"]](name, row)
        return self._runs[name]

    def _mpl(self, name: str, row: dict[str, str]) -> LoggedRun:
        data = self.columns(name)
        return LoggedRun(name, data["step"], data["loss"], curve(row))

    def _schaipp(self, name: str, row: dict[str, str]) -> LoggedRun:
        step, loss = self._validation(name)
        if row["resume"]:
            before, prefix = self._validation(row["resume"])
            shared = before < float(row["first_step"])
            step = np.concatenate([before[shared], step])
            loss = np.concatenate([prefix[shared], loss])
        return LoggedRun(name, step, loss, curve(row), "validation")

    def _algoperf(self, name: str, row: dict[str, str]) -> LoggedRun:
        data = self.columns(name)
        inside = data["step"] <= float(row["total"])
        step = data["step"][inside]
        rates = from_log(step, data["lr"][inside], int(step[-1]))
        return LoggedRun(name, step, data["val_loss"][inside], rates, "validation")

    def _validation(self, name: str) -> tuple[Array, Array]:
        data = self.columns(name)
        there = np.isfinite(data["val_loss"])
        return data["step"][there], data["val_loss"][there]

    def schaipp(self, rate: float, total: int, *, decaying: bool = True) -> list[str]:
        """The 124M curves of one peak rate and length, constant ones left out."""
        return [
            name
            for name, row in self.index.items()
            if row["source"] == "schaipp"
            and float(row["peak_lr"]) == rate
            and int(row["total"]) == total
            and name.startswith(("ann124", "cos-") if decaying else ("stable",))
        ]

    def mpl(self, size: str) -> list[str]:
        """The Multi-Power curves of one model size, "25M" or "100M"."""
        return [name for name in self.index if name.startswith(f"{size}_")]
