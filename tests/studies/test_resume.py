"""Real processes, really killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toys import Fragile, Slow, Toy

import glidepath as gp
from glidepath.errors import MissingExtraError
from glidepath.studies import compare, worker
from glidepath.training import read_record

HERE = Path(__file__).parent
POLICIES = {"fixed": gp.constant(0.1), "cosine": gp.cosine_decay(0.3, "100%")}

SCRIPT = """
import signal, sys
sys.path.insert(0, {here!r})
signal.signal(signal.SIGINT, signal.default_int_handler)  # what a background job's child ignores
import glidepath as gp
from glidepath.studies import compare
from toys import Slow

if __name__ == "__main__":
    policies = {{"fixed": gp.constant(0.1), "cosine": gp.cosine_decay(0.3, "100%")}}
    result = compare(Slow(pause={pause}), policies, out={out!r}, epochs=6, seeds=4)
    print(result.cost.updates)
"""


def start(tmp_path, pause=0.05, **options):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(here=str(HERE), out=str(tmp_path / "study"), pause=pause))
    return subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        **options,
    )  # fmt: skip


def finished(study):
    found = []
    for path in sorted((study / "records").glob("*.jsonl")) if study.exists() else []:
        last = path.read_text().splitlines()[-1:]
        if last and last[0].startswith('{"end"'):
            found.append(path)
    return found


def children(pid):
    """The processes that a process has started."""
    done = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(line) for line in done.stdout.split()]


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks processes up as on Linux")
def test_after_kill_9_the_workers_go_and_the_same_study_goes_on(tmp_path):
    process, study = start(tmp_path), tmp_path / "study"
    assert until(lambda: len(finished(study)) >= 2), process.poll()
    workers = children(process.pid)
    process.kill()
    process.wait()
    assert workers
    assert until(lambda: not any(map(alive, workers)), 10), "the workers outlived the kill"
    kept = {path: path.stat().st_mtime_ns for path in finished(study)}
    assert 2 <= len(kept) < 8
    again = start(tmp_path)
    out, err = again.communicate(timeout=100)
    assert again.returncode == 0, err
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "finished runs were redone"
    assert len(finished(study)) == 8
    assert all(read_record(path).outcome == "finished" for path in finished(study))
    cost = json.loads((study / "summary.json").read_text())["cost"]
    assert int(out) == cost["updates"]


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_ctrl_c_ends_the_study_and_its_workers_at_once(tmp_path):
    process, study = start(tmp_path, pause=60, start_new_session=True), tmp_path / "study"
    assert until(lambda: len(finished(study)) >= 1), process.poll()  # and one is in its pause
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    _, err = process.communicate(timeout=40)
    assert time.monotonic() - began < 20
    assert process.returncode != 0
    assert "KeyboardInterrupt" in err
    assert "BrokenProcessPool" not in err
    assert 1 <= len(finished(study)) < 8
    [session] = json.loads((study / "sessions.json").read_text())
    assert session["seconds"] > 0.5, "what an interrupted session took is lost"


def test_a_worker_that_dies_is_an_error_that_says_what_to_do(tmp_path):
    trap = tmp_path / "trap"
    trap.touch()
    task = Fragile(trap=str(trap))
    with pytest.raises(gp.StudyError, match="a worker process ended before its job did"):
        compare(task, POLICIES, out=tmp_path / "s", epochs=3, seeds=2)
    trap.unlink()
    assert compare(task, POLICIES, out=tmp_path / "s", epochs=3, seeds=2).policies


def test_a_workers_own_errors_arrive_as_they_were(tmp_path):
    class Lacking(Toy):
        def open(self):
            raise MissingExtraError("keras", "keras")

    with pytest.raises(gp.StudyError, match=r'pip install "glidepath\[keras\]"'):
        compare(Lacking(), POLICIES, out=tmp_path / "s", epochs=3, seeds=1, workers=1)


def test_progress_is_told_of_a_run_while_it_runs(tmp_path):
    told = []
    worker.connect(told.append)
    try:
        job = worker.Job("fixed", gp.Policy(gp.constant(0.1)), 3, 5, tmp_path / "r.jsonl", None)
        flown = worker.fly("key", Slow(), job)
    finally:
        worker.close()
    assert flown.record.steps == 100
    assert {(message.name, message.seed, message.total_steps) for message in told} == {
        ("fixed", 3, 100)
    }
    steps = [message.step for message in told]
    assert steps[0] == 0
    assert steps[-1] == 100
    assert 2 < len(steps) <= 6
