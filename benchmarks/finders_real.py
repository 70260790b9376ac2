"""The real packages on the benchmark's own sweeps: whether they say what `PEERS` says in it.

    python benchmarks/finders_real.py --data DIR --seeds 1

It wants fastai, torch-lr-finder, pytorch-ignite, lightning and torch installed, or those that
`--packages` names. The losses of a sweep are the task's; each package runs its own loop, smoothing,
stop and rule on them, as in finders_peers.py. Lightning is the version that is installed: its rule
before 2.5.3 is another one than from then on.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import math
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from finders_compare import trainer_of
from finders_lanes import OPTIMIZERS
from finders_peers import PACKAGES
from finders_tasks import REPORTING, problems

from glidepath.finding import PEERS

NAMES = {
    "fastai": {rule: f"fastai-{rule}" for rule in ("valley", "slide", "minimum", "steep")},
    "torch-lr-finder": {"steepest": "torch-lr-finder"},
    "ignite": {"steepest": "ignite"},
    "lightning": {"steepest": "lightning"},
}
CHANGED = (2, 5, 3)
"""The version of Lightning from which on its rule is the new one."""
"""The rules of every package, and what they are called here."""


def rules_of(package: str) -> dict[str, str]:
    """Its rules, and what they are called here in the version that is installed."""
    if package != "lightning":
        return NAMES[package]
    version = tuple(int(part) for part in metadata.version(package).split(".")[:3])
    return {"steepest": "lightning" if version >= CHANGED else "lightning-old"}


def said(package: str, losses: list[float]) -> dict[str, Any]:
    """The package's suggestions; None where it raises an error."""
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            return dict(PACKAGES[package](losses)["suggestions"])
        except Exception:  # noqa: BLE001 - what a package cannot do is no answer
            return dict.fromkeys(NAMES[package])


def same(ours: float | None, theirs: float | None) -> bool:
    """Whether both have no answer, or the same to four digits."""
    if ours is None or theirs is None or not math.isfinite(theirs):
        return ours is None and (theirs is None or not math.isfinite(theirs))
    return math.isclose(ours, theirs, rel_tol=1e-4)


def main() -> None:
    """Count the sweeps on which each agrees."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--packages", nargs="*", choices=NAMES, default=list(NAMES))
    arguments = parser.parse_args()
    chosen = [(package, rules_of(package)) for package in arguments.packages]
    counted: Counter[str] = Counter()
    agreed: Counter[str] = Counter()
    for problem in problems(arguments.data):
        for optimizer in OPTIMIZERS if problem.half == REPORTING else ():
            trainer = trainer_of(problem, optimizer)
            for seed, (package, rules) in (
                (s, item) for s in range(arguments.seeds) for item in chosen
            ):
                trainer.reset(seed)
                rates = PEERS[next(iter(rules.values()))].rates
                losses = np.asarray(trainer.advance({"learning_rate": rates}).losses, float)
                # The packages read float32, and some a loss or two more than they sweep.
                padded = [*np.float32(losses).astype(float).tolist(), *[float(losses[-1])] * 3]
                theirs = said(package, padded)
                for rule, name in rules.items():
                    ours = PEERS[name].suggest(np.array(padded[: len(rates)]))
                    counted[name] += 1
                    agreed[name] += same(ours, theirs[rule])
                    if not same(ours, theirs[rule]):
                        where = f"{problem.name}, {optimizer}, seed {seed}"
                        print(f"{name}: {ours} here, {theirs[rule]} there ({where})", flush=True)
            print(problem.name, optimizer, dict(agreed), flush=True)
    for name in counted:
        print(f"{name:16s} the same on {agreed[name]} of {counted[name]} sweeps")


if __name__ == "__main__":
    main()
