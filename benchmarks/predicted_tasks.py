"""Predictions on small tasks, written down before the runs, then the runs, then the table.

    python benchmarks/predicted_tasks.py predict   # flies the probes, writes the predictions
    python benchmarks/predicted_tasks.py run       # flies what was predicted; goes on where it was
    python benchmarks/predicted_tasks.py table     # what came out, failures included

Three built-in tasks, each at a small rate and at a usual one; six schedules, five seeds, and
horizons of one, two and four times the probe. The probes (a linear cool-down over the last 20 %)
have other seeds than the runs. Data are in benchmarks/data.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import glidepath as gp
from glidepath.analysis import RefusedError, predict
from glidepath.analysis.reading.records import from_record
from glidepath.training import drive

DATA = Path(__file__).parent / "data"
PREDICTED, MEASURED = DATA / "predicted_tasks.json", DATA / "measured_tasks.json"
GROUPS = (
    ("digits", 0.003, 25),
    ("digits", 0.03, 30),
    ("breast-cancer", 0.001, 50),
    ("breast-cancer", 0.03, 30),
    ("diabetes", 0.001, 30),
    ("diabetes", 0.03, 30),
)
HORIZONS = (1, 2, 4)
SEEDS = range(5)
PROBES = range(100, 105)
LOSSES = ("loss", "val_loss")


def schedules(peak: float) -> dict[str, Any]:
    """The six schedules, all with the probe's warm-up."""
    rise = gp.linear(0, peak, "2%")
    half = gp.cosine_decay(peak, "49%")
    return {
        "constant": rise >> gp.constant(peak),
        "step": gp.linear(0, peak, "2%") >> gp.piecewise_constant(
            [peak, 0.1 * peak, 0.01 * peak], ["48%", "78%"]
        ),
        "cosine": rise >> gp.cosine_decay(peak, "rest"),
        "linear-60 %": gp.wsd(peak, "2%", "60%"),
        "sqrt-20 %": gp.wsd(peak, "2%", "20%", 0.0, "sqrt"),
        "restarts": rise >> half >> half,
    }  # fmt: skip


def key(*parts: object) -> str:
    return "/".join(map(str, parts))


def write(path: Path, data: object) -> None:
    path.parent.mkdir(exist_ok=True)
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    beside.replace(path)


def load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def trainer(task: str) -> Any:
    from glidepath.tasks import load_task

    return load_task(task).open()


def ends(record: Any) -> dict[str, float | None]:
    """The losses at the end: of training, the mean over the last epoch; of validation."""
    if record.outcome != "finished":
        return dict.fromkeys(LOSSES)
    last = record.series["loss"][-record.info.steps_per_epoch :]
    return {"loss": float(np.mean(last)), "val_loss": record.final("validation", "loss")}


def foretell() -> None:
    """Fly the probes and write down what they predict."""
    answers: dict[str, Any] = {}
    for task, peak, epochs in GROUPS:
        made = trainer(task)
        probe = gp.wsd(peak, "2%", "20%")
        records = [
            drive(made, probe, f"{epochs}ep", seed=seed, evaluate_test=False) for seed in PROBES
        ]
        for loss, count in itertools.product(LOSSES, (1, len(records))):
            for (name, policy), times in itertools.product(schedules(peak).items(), HORIZONS):
                where = key(task, peak, loss, count, name, times)
                answers[where] = answer(records[:count], loss, policy, epochs * times)
        print(task, peak, "predicted", flush=True)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    stamp = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    write(PREDICTED, {"written": stamp, "after_commit": commit.stdout.strip(), "answers": answers})


def answer(records: list[Any], loss: str, policy: Any, epochs: int) -> dict[str, Any]:
    try:
        runs = [from_record(r, f"probe {i}", loss) for i, r in enumerate(records)]
        found = predict(runs, policy, f"{epochs}ep")
    except RefusedError as error:
        return {"refused": error.reason}
    low, high = found.interval
    return {"final": round(found.final, 6), "low": round(low, 6), "high": round(high, 6)}


def jobs() -> Iterator[tuple[str, str, float, int, str, int, int]]:
    for (task, peak, epochs), times in itertools.product(GROUPS, HORIZONS):
        for name, seed in itertools.product(schedules(peak), SEEDS):
            yield key(task, peak, name, times, seed), task, peak, epochs * times, name, times, seed


def fly() -> None:
    """Fly every run that is not measured yet."""
    if not PREDICTED.exists():
        raise SystemExit("write the predictions first: predicted_tasks.py predict")
    measured = load(MEASURED)
    opened: dict[str, Any] = {}
    for where, task, peak, epochs, name, _, seed in jobs():
        if where in measured:
            continue
        made = opened.setdefault(task, None) or trainer(task)
        opened[task] = made
        record = drive(made, schedules(peak)[name], f"{epochs}ep", seed=seed, evaluate_test=False)
        measured[where] = {k: None if v is None else round(v, 6) for k, v in ends(record).items()}
        write(MEASURED, measured)
    print(len(measured), "runs measured")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("predict", "run", "table"))
    what = parser.parse_args().what
    os.environ.setdefault("KERAS_BACKEND", "jax")
    {"predict": foretell, "run": fly, "table": show}[what]()


def show() -> None:
    """Per task, rate, loss, probes and horizon: errors, ranking, regret, coverage."""
    answers, measured = load(PREDICTED)["answers"], load(MEASURED)
    heads = ("task", "peak", "loss", "probes", "horizon", "error", "Kendall τ", "regret", "covered")
    print(f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}")
    for (task, peak, _), loss, count in itertools.product(GROUPS, LOSSES, (1, len(PROBES))):
        name = "training" if loss == "loss" else "validation"
        rows = {n: row(answers, measured, (task, peak, loss, count, n)) for n in HORIZONS}
        if len({cells[0] for cells in rows.values()}) == 1:
            rows = {"1, 2, 4": rows[1]}
        for times, cells in rows.items():
            print(f"| {task} | {peak} | {name} | {count} | {times}× | {' | '.join(cells)} |")


def row(answers: dict[str, Any], measured: dict[str, Any], where: tuple[Any, ...]) -> list[str]:
    """Error of the mean end, τ, regret of the schedule predicted best, coverage of single runs."""
    from scipy.stats import kendalltau

    task, peak, loss, count, times = where
    names = list(schedules(peak))
    found = {n: answers[key(task, peak, loss, count, n, times)] for n in names}
    runs = {n: [measured[key(task, peak, n, times, seed)][loss] for seed in SEEDS] for n in names}
    known = [n for n in names if "final" in found[n]]
    if not known:
        reasons = sorted({found[n]["refused"] for n in names})
        return [f"refused: {', '.join(reasons)}", "", "", ""]
    means = {n: float(np.mean([v for v in runs[n] if v is not None])) for n in known}
    errors = [found[n]["final"] / means[n] - 1 for n in known]
    inside = [
        found[n]["low"] <= value <= found[n]["high"] for n in known for value in runs[n] if value
    ]
    best = min(known, key=lambda n: found[n]["final"])
    regret = means[best] / min(means.values()) - 1
    tau = kendalltau([found[n]["final"] for n in known], [means[n] for n in known])[0]
    return [
        f"{100 * float(np.mean(np.abs(errors))):.1f} %",
        f"{tau:.2f}",
        f"{100 * regret:.1f} %",
        f"{100 * float(np.mean(inside)):.0f} %",
    ]


if __name__ == "__main__":
    main()
