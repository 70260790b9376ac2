"""Predictions on small tasks, written down before the runs, then the runs, then the table.

    python benchmarks/predicted_tasks.py predict   # tunes the probes, writes the predictions
    python benchmarks/predicted_tasks.py run       # tunes what was predicted; goes on where it was
    python benchmarks/predicted_tasks.py table     # what came out, failures included

Three built-in tasks, each at a small rate and at a usual one; six schedules, five seeds, and
horizons of one, two and four times the probe. The probes (a linear cool-down over the last 20 %)
have other seeds than the runs. All are flown by `gp.tune` and read from its records by
`gp.read_run`. What is refused for all six schedules is not flown. Data are in benchmarks/data.

The widths of the intervals were set before this, with published curves and with earlier runs of two
of the tasks on seeds 0 to 4 (see glidepath.analysis.widths); the seeds here are new.
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
from glidepath.analysis import LoggedRun, RefusedError, predict, prediction

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
SEEDS = range(500, 505)
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


def tuned(
    folder: Path, task: str, policies: dict[str, Any], epochs: int, seeds: range
) -> dict[str, list[Path]]:
    """Each policy's records, by seed, of a study of `gp.tune`; it goes on where it was."""
    from glidepath.tasks import load_task

    os.environ.setdefault("KERAS_BACKEND", "jax")
    result = gp.tune(
        load_task(task),
        out=folder,
        epochs=epochs,
        seeds=list(seeds),
        policies=policies,
        workers=1,
        effort=None,
    )
    names = [policy.name for policy in result.policies]
    files = {(r.info.policy, r.info.seed): path for path, r in _records(folder)}
    return {name: [files[name, seed] for seed in seeds] for name in names}


def _records(folder: Path) -> Iterator[tuple[Path, Any]]:
    from glidepath.training import read_record

    for path in sorted((folder / "records").glob("*.jsonl")):
        yield path, read_record(path)


def end(path: Path, loss: str) -> float | None:
    """The loss at the end: of training, the mean over the last epoch; None where it diverged."""
    run = gp.read_run(path, loss=loss)
    if run.lost is not None or run.step[-1] < run.total - 1:
        return None
    last = run.steps_per_epoch if loss == "loss" else 1
    return round(float(np.mean(run.loss[-last:])), 6)


def foretell(folder: Path) -> None:
    """Tune the probes and write down what they predict."""
    fitted_once()
    answers: dict[str, Any] = {}
    for task, peak, epochs in GROUPS:
        probe = {"probe": gp.wsd(peak, "2%", "20%")}
        where = folder / f"{task}-{peak}-probes"
        records = tuned(where, task, probe, epochs, PROBES)["probe"]
        for loss, count in itertools.product(LOSSES, (1, len(records))):
            runs = [gp.read_run(record, loss=loss) for record in records[:count]]
            for (name, policy), times in itertools.product(schedules(peak).items(), HORIZONS):
                asked = key(task, peak, loss, count, name, times)
                answers[asked] = answer(runs, policy, epochs * times)
        print(task, peak, "predicted", flush=True)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    stamp = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    write(PREDICTED, {"written": stamp, "after_commit": commit.stdout.strip(), "answers": answers})


def fitted_once() -> None:
    """The same runs are asked 18 questions: fit the laws to them once."""
    fit, known = prediction.assemble, {}

    def once(runs: tuple[LoggedRun, ...], laws: Any) -> Any:
        asked = (*(id(run) for run in runs), *(law.name for law in laws))
        if asked not in known:
            known[asked] = (runs, fit(runs, laws))
        return known[asked][1]

    prediction.assemble = once


def answer(runs: list[LoggedRun], policy: Any, epochs: int) -> dict[str, Any]:
    try:
        found = predict(runs, policy, f"{epochs}ep")
    except RefusedError as error:
        return {"refused": error.reason}
    low, high = found.interval
    return {"final": round(found.final, 6), "low": round(low, 6), "high": round(high, 6)}


def fly(folder: Path) -> None:
    """Tune everything for which a number was predicted."""
    if not PREDICTED.exists():
        raise SystemExit("write the predictions first: predicted_tasks.py predict")
    answers = load(PREDICTED)["answers"]
    measured = load(MEASURED)
    for times, (task, peak, epochs) in itertools.product(HORIZONS, GROUPS):
        asked = itertools.product(LOSSES, (1, len(PROBES)), schedules(peak))
        if not any("final" in answers[key(task, peak, *each, times)] for each in asked):
            continue
        where = folder / f"{task}-{peak}-{times}"
        found = tuned(where, task, schedules(peak), epochs * times, SEEDS)
        for name, records in found.items():
            for seed, record in zip(SEEDS, records, strict=True):
                ends = {loss: end(record, loss) for loss in LOSSES}
                measured[key(task, peak, name, times, seed)] = ends
        write(MEASURED, measured)
        print(task, peak, times, len(measured), "runs measured", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("predict", "run", "table"))
    parser.add_argument("--out", type=Path, default=Path("runs/predicted_tasks"))
    given = parser.parse_args()
    if given.what == "table":
        show()
    else:
        {"predict": foretell, "run": fly}[given.what](given.out)


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
    known = [n for n in names if "final" in found[n]]
    if not known:
        reasons = sorted({found[n]["refused"] for n in names})
        return [f"refused: {', '.join(reasons)}", "", "", ""]
    runs = {n: [measured[key(task, peak, n, times, seed)][loss] for seed in SEEDS] for n in names}
    means = {n: float(np.mean([v for v in runs[n] if v is not None])) for n in known}
    errors = [found[n]["final"] / means[n] - 1 for n in known]
    inside = [
        found[n]["low"] <= value <= found[n]["high"] for n in known for value in runs[n] if value
    ]
    best = min(known, key=lambda n: found[n]["final"])
    regret = means[best] / min(means.values()) - 1
    ranked = [found[n]["final"] for n in known], [means[n] for n in known]
    tau = f"{kendalltau(*ranked)[0]:.2f}" if len(known) > 2 else ""
    of = "" if len(known) == len(names) else f" ({len(known)} of {len(names)})"
    return [
        f"{100 * float(np.mean(np.abs(errors))):.1f} %{of}",
        tau,
        f"{100 * regret:.1f} %",
        f"{100 * float(np.mean(inside)):.0f} %",
    ]


if __name__ == "__main__":
    main()
