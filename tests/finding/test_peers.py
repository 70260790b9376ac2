"""The peers' finders against what the real packages said (benchmarks/finders_peers.py)."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import glidepath as gp
from glidepath.finding import PEERS, peer_suggestion
from glidepath.testing import ToyTrainer

GOLDEN = json.loads((Path(__file__).parent / "peers.json").read_text(encoding="utf-8"))
LOSSES = {
    name: np.array([math.nan if x is None else x for x in values])
    for name, values in GOLDEN["losses"].items()
}
CASES = [
    (package, rule, script)
    for package in ("fastai", "torch-lr-finder", "ignite", "lightning", "lightning-old")
    for rule in (("valley", "slide", "minimum", "steep") if package == "fastai" else ("steepest",))
    for script in LOSSES
]


@pytest.mark.parametrize(("package", "rule", "script"), CASES)
def test_the_real_package_says_the_same(package, rule, script):
    peer = PEERS[f"fastai-{rule}" if package == "fastai" else package]
    real = GOLDEN[package][script]
    found = peer.suggest(LOSSES[script])
    if "fails" in real:  # fastai has no answer where it stops in the first tenth
        assert found is None
        return
    smoothed = peer.smooth(LOSSES[script][: len(peer.rates)])
    theirs = np.array([math.nan if x is None else x for x in real["smoothed"]])
    assert len(smoothed) == len(theirs)
    np.testing.assert_allclose(smoothed, theirs, rtol=2e-5, equal_nan=True)
    np.testing.assert_allclose(peer.rates[: len(theirs)], real["rates"], rtol=1e-6)
    wanted = real["suggestions"][rule]
    assert (found is None) == (wanted is None)
    if wanted is not None:
        assert found == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_leaves_the_trainer_as_it_was(name):
    trainer, fresh = ToyTrainer(), ToyTrainer()
    rate = peer_suggestion(trainer, name, seed=3)
    assert rate is None or rate > 0
    rates = {"learning_rate": np.full(20, 0.05)}
    assert np.array_equal(trainer.advance(rates).losses, fresh.advance(rates).losses)


def test_an_unknown_peer_is_refused():
    with pytest.raises(gp.ArgumentError, match="fastai-valley"):
        peer_suggestion(ToyTrainer(), "keras")
