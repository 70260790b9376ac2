"""Learning-rate finders against the best rate of full-length runs.

python benchmarks/finders.py oracle --data DIR     # make the oracle; hours, resumable
"""

from __future__ import annotations

import argparse
from pathlib import Path

import finders_oracle
from finders_tasks import problems


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    oracle = commands.add_parser("oracle")
    oracle.add_argument("--seeds", type=int, default=3)
    for command in (oracle,):
        command.add_argument("--data", type=Path, default=None)
        command.add_argument("--tasks", nargs="*", default=None)
    arguments = parser.parse_args()
    names = arguments.tasks or [problem.name for problem in problems(arguments.data)]
    chosen = [problem for problem in problems(arguments.data) if problem.name in names]
    if arguments.command == "oracle":
        finders_oracle.make(chosen, arguments.seeds)


if __name__ == "__main__":
    main()
