"""Trainings that are killed at random updates and started again.

A training writes a line into `log` for every update, and calls `wait` after it. Fork (`killed`)
before a framework has made any threads; such a training writes `weights.pt` at its end.
"""

import os
import random
import signal
import subprocess
import sys
import time


def lines(folder):
    """What a training has written down of its updates so far."""
    path = folder / "log"
    return path.read_text().splitlines() if path.exists() else []


def wait(folder, seconds):
    """Take this time for an update; three lines past `hold`, wait for the kill: none comes late."""
    hold = folder / "hold"
    time.sleep(seconds)
    while hold.exists() and len(lines(folder)) >= int(hold.read_text()) + 3:
        time.sleep(0.001)


def kill(command, folder, stop):
    """Start a training, and kill it as soon as it has written so many lines."""
    (folder / "hold").write_text(str(stop))
    running = subprocess.Popen([*map(str, command)])
    while running.poll() is None and len(lines(folder)) < stop:
        time.sleep(0.002)
    running.kill()
    assert running.wait() == -signal.SIGKILL, "the training came to an end of its own"
    (folder / "hold").unlink()


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
    draw, done, hold = random.Random(seed), 0, folder / "hold"
    while not (folder / "weights.pt").exists():
        stop = len(lines(folder)) + draw.randrange(1, updates // (kills + 1) - 1)
        hold.write_text(str(stop)) if done < kills else hold.unlink(missing_ok=True)
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
