"""Learning-rate finders against the best rate of full-length runs.

    python benchmarks/finders.py oracle --data DIR     # the best rates; hours, resumable
    python benchmarks/finders.py compare --data DIR    # the finders on every row; resumable
    python benchmarks/finders.py score                 # the tables, from what is in the repository
    python benchmarks/finders.py plot --out docs/images
    python benchmarks/finders.py speed --data DIR      # lanes side by side against one by one

Tasks, halves and models are in finders_tasks.py, the oracle in finders_oracle.py, the scores in
finders_compare.py. Without --data the development half alone is run.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import finders_compare
import finders_oracle
import finders_plot
import finders_speed
from finders_tasks import problems


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    oracle, compare = commands.add_parser("oracle"), commands.add_parser("compare")
    oracle.add_argument("--seeds", type=int, default=3)
    compare.add_argument("--seeds", type=int, default=10)
    compare.add_argument("--efforts", nargs="*", default=["quick", "standard"])
    speed = commands.add_parser("speed")
    for command in (oracle, compare, speed):
        command.add_argument("--data", type=Path, default=None)
        command.add_argument("--tasks", nargs="*", default=None)
    commands.add_parser("score")
    commands.add_parser("plot").add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.command == "score":
        finders_compare.score(sorted(path.stem for path in finders_oracle.FOLDER.glob("*.json")))
        return
    if arguments.command == "plot":
        finders_plot.draw(arguments.out)
        return
    known = problems(arguments.data)
    names = arguments.tasks or [problem.name for problem in known]
    chosen = [problem for problem in known if problem.name in names]
    if arguments.command == "oracle":
        finders_oracle.make(chosen, arguments.seeds)
    elif arguments.command == "speed":
        finders_speed.speed(chosen)
    else:
        finders_compare.compare(chosen, arguments.seeds, arguments.efforts)


if __name__ == "__main__":
    main()
