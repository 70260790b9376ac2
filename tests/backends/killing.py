"""Trainings that are killed at random updates and started again, forked from one import.

Fork before a framework has made any threads. A training writes a line into `log` for every update,
and `weights.pt` when it has come to its end.
"""

import os
import random
import signal
import sys
import time


def lines(folder):
    """What a training has written down of its updates so far."""
    path = folder / "log"
    return path.read_text().splitlines() if path.exists() else []


def forked(do):
    """The number of a process that does something and ends, with 1 where it raised."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        do()
        status = 0
    finally:
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(status)


def killed(train, folder, kills, seed, updates):
    """Train to the end in spite of so many SIGKILLs; how many there were."""
    folder.mkdir(exist_ok=True)
    draw, done = random.Random(seed), 0
    while not (folder / "weights.pt").exists():
        stop = len(lines(folder)) + draw.randrange(1, 2 * updates // (kills + 1) + 1)
        child = forked(train)
        while True:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                assert status == 0, "the training ended with an error of its own"
                break
            if done < kills and len(lines(folder)) >= stop:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                done += 1
                break
            time.sleep(0.001)
    return done
