"""The example of a loop of one's own runs, and applies the table."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import glidepath as gp

pytest.importorskip("optax", reason="optax is not installed")
EXAMPLE = Path(__file__).parents[3] / "examples" / "optax_loop.py"


def test_the_loop_applies_the_table(monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(EXAMPLE.parent))
    spec = importlib.util.spec_from_file_location("optax_loop", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    applied = module.main(epochs=3)
    table = gp.one_cycle(0.3).plan("3ep", len(applied) // 3).table()
    assert np.array_equal(np.float32(applied), table.astype(np.float32))
    assert float(capsys.readouterr().out.rpartition(" ")[2]) > 0.8
