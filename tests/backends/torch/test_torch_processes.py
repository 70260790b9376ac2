"""Two processes: the same decisions in both, and a run saved in one count resumes in another."""

import json
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import two_processes as two  # noqa: E402


def test_one_two_and_one_process_make_one_run(tmp_path):
    """Updates 0 to 15 in one process, 15 to 40 in two whose metrics differ, the rest in one."""
    whole, scheduler = two.make()
    wanted = two.train(whole, scheduler, two.TOTAL)
    factors = {rate / plan for rate, plan in zip(wanted, scheduler.plan.table(), strict=True)}
    assert {round(factor, 9) for factor in factors} >= {1.0, 0.5, 0.25}

    loop, scheduler = two.make()
    rates = two.train(loop, scheduler, 15)
    two.save(tmp_path / "one.pt", loop, scheduler)
    subprocess.run([sys.executable, two.__file__, str(tmp_path)], check=True, timeout=180)
    both = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    assert both[0] == both[1]
    rates += both[0]["rates"]
    assert both[0]["length"] == pytest.approx(200, abs=20)  # by the clock of the first

    last, scheduler = two.make()
    two.load(tmp_path / "two.pt", last, scheduler)
    rates += two.train(last, scheduler, two.TOTAL)
    assert rates == wanted
    for mine, theirs in zip(last.inner.parameters(), whole.inner.parameters(), strict=True):
        assert torch.allclose(mine, theirs, rtol=1e-4, atol=1e-6)


def test_in_one_process_metrics_are_what_was_given():
    from glidepath.backends.torch import ranks

    given = {"loss": 1.0}
    assert ranks.averaged(given, {"loss"}) is given
    assert ranks.of_first(3) == 3
