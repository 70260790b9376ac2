"""The cost of each adapter per step, against the framework's own scheduler of the same policy.

    python benchmarks/adapters.py [--only torch optax keras] [--all-engines] [--rounds 41]

Side by side in one process, in turn: each round times a piece of both, and the figure is the
median of the rounds' ratios, since other load on the machine adds to both times of a round. The
times shown are lower quartiles. It is CPU time of the process, and what computes has one thread.
PyTorch's rows are one `scheduler.step()` (bar 1.0); the others are the whole training step (bar
1.05). "compiled" counts how often the step was traced or compiled while it was measured, apart from
the first time.

Keras runs on the engine of KERAS_BACKEND, with --all-engines on each in a process of its own.
Exit code 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys

PARTS = ("torch", "optax", "keras")
ENGINES = ("jax", "tensorflow", "torch")


def one_thread() -> None:
    """Before any framework is imported."""
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "jax")
    flags = os.environ.get("XLA_FLAGS", "")
    os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()


def every_engine(rounds: int) -> int:
    """Keras once per engine; how many of them missed a bar."""
    missed = 0
    for engine in ENGINES:
        command = [sys.executable, __file__, "--only", "keras", "--rounds", str(rounds)]
        run = subprocess.run(command, env={**os.environ, "KERAS_BACKEND": engine}, check=False)
        missed += run.returncode != 0
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--all-engines", action="store_true", help="Keras on every engine")
    parser.add_argument("--rounds", type=int, default=41)
    options = parser.parse_args()
    one_thread()
    missed = 0
    for part in options.only:
        if part == "keras" and options.all_engines:
            missed += every_engine(options.rounds)
            continue
        module = importlib.import_module(f"adapters_parts.{part}_part")
        print(f"\n{module.title()}; microseconds of CPU time per step")
        print(f"{'':40}{'Glidepath':>10}{'native':>10}{'ratio':>7}{'bar':>6}{'compiled':>9}")
        for row in module.rows(options.rounds):
            print(row, flush=True)
            missed += row.missed
    print(f"\n{f'{missed} bars missed' if missed else 'every bar is met'}")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
