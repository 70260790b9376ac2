"""Learning-rate finders against the best rate of full-length runs.

    python benchmarks/finders.py oracle --data DIR     # the best rates; hours, resumable
    python benchmarks/finders.py compare --data DIR    # the finders on every row; resumable
    python benchmarks/finders.py left --data DIR       # what is left after the search; resumable
    python benchmarks/finders.py score                 # the tables, from what is in the repository
    python benchmarks/finders.py plot --out docs/images
    python benchmarks/finders.py speed --data DIR      # lanes side by side against one by one

Tasks and halves are in finders_tasks.py, the oracle in finders_oracle.py, the scores in
finders_compare.py, how far seeds differ in finders_seeds.py, trainings for what a search leaves of
the budget in finders_left.py. Without --data the development half alone is run.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import finders_compare
import finders_left
import finders_oracle
import finders_plot
import finders_seeds
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
    speed, left = commands.add_parser("speed"), commands.add_parser("left")
    left.add_argument("--ask", action="store_true", help="the finders too, not only the trainings")
    for command in (oracle, compare, speed, left):
        command.add_argument("--data", type=Path, default=None)
        command.add_argument("--tasks", nargs="*", default=None)
    commands.add_parser("score")
    commands.add_parser("plot").add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.command == "score":
        tasks = sorted(path.stem for path in finders_oracle.FOLDER.glob("*.json"))
        finders_compare.score(tasks)
        finders_seeds.score_seeds(tasks)
        finders_left.score_left()
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
        finders_speed.speed(chosen, arguments.data, bool(arguments.tasks))
    elif arguments.command == "left":
        finders_left.make_left(chosen, arguments.ask)
    else:
        finders_compare.compare(chosen, arguments.seeds, arguments.efforts)


if __name__ == "__main__":
    main()
