"""Trainer: killed and resumed, and resumed in another number of processes."""

import json
import random
import socket
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("accelerate", reason="accelerate is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

import trainer_runs as runs  # noqa: E402
from trainer_model import planned  # noqa: E402


def test_kill_9_and_another_number_of_processes(tmp_path):
    """Both in one other process, which imports Transformers once."""
    whole, first = tmp_path / "whole", tmp_path / "one"
    rates, weights = runs.share(first)
    kills, seed = 2, random.randrange(10**6)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, runs.__file__, tmp_path, kills, seed, port, first / "checkpoint-2"]
    subprocess.run([*map(str, command)], check=True, timeout=400)

    # Killed at random updates, and resumed from the newest checkpoint each time.
    assert (tmp_path / "kills").read_text() == str(kills)
    runs.train(whole)
    wanted = dict(map(str.split, runs.lines(whole)))
    assert len(set(wanted.values())) == len(wanted) == runs.UPDATES
    found = [line.split() for line in runs.lines(tmp_path / "killed")]
    assert len(found) > len(wanted)
    assert all(wanted[k] == rate for k, rate in found)
    mine, theirs = (torch.load(path / "weights.pt") for path in (whole, tmp_path / "killed"))
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)

    # Updates 0 to 2 in one process, 2 to 4 in two, the rest in one; batches are accumulated in all.
    assert rates == planned(runs.SHARED)
    both = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    assert both == [rates[2:]] * 2
    last, again = runs.share(tmp_path / "last", str(tmp_path / "checkpoint-4"))
    assert last == rates[4:]
    for name in weights:
        assert torch.allclose(again[name], weights[name], rtol=1e-4, atol=1e-6)
