"""Lightning: killed and resumed, and resumed in another number of processes."""

import json
import random
import subprocess
import sys
import warnings

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("lightning.pytorch", reason="lightning is not installed")

import lightning_runs as runs  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


def states(path):
    return torch.load(path, weights_only=True)["state_dict"]


def test_kill_9_and_another_number_of_processes(tmp_path):
    """Both in one other process, which imports Lightning once; nothing is trained twice."""
    whole, first = tmp_path / "whole", tmp_path / "one"
    one = runs.share(first)
    before, kills, seed = first / "epoch=1.ckpt", 2, random.randrange(10**6)
    command = [sys.executable, runs.__file__, tmp_path, kills, seed, before]
    subprocess.run([*map(str, command)], check=True, timeout=400)

    # Killed at random updates, and resumed from the newest checkpoint each time.
    assert (tmp_path / "kills").read_text() == str(kills)
    runs.train(whole)
    wanted = dict(map(str.split, runs.lines(whole)))
    assert len(set(wanted.values())) == len(wanted) == runs.EPOCHS * runs.PER_EPOCH
    found = [line.split() for line in runs.lines(tmp_path / "killed")]
    assert len(found) > len(wanted)
    assert all(wanted[k] == rate for k, rate in found)
    mine, theirs = (torch.load(path / "weights.pt") for path in (whole, tmp_path / "killed"))
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)

    # Updates 0 to 6 in one process, 6 to 12 in two whose metrics differ, the rest in one.
    table = runs.SHARED.plan(18).table().tolist()
    assert one.rates() == table
    both = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    assert both == [table[6:]] * 2
    last = runs.share(tmp_path / "last", tmp_path / "epoch=3.ckpt")
    assert last.rates() == table[12:]
    for name, weights in one.state_dict().items():
        assert torch.allclose(last.state_dict()[name], weights, rtol=1e-5, atol=1e-7)
        two = states(tmp_path / "epoch=5.ckpt")[name]
        assert torch.allclose(two, weights, rtol=1e-5, atol=1e-7)
