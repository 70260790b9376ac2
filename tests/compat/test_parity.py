"""Every native scheduler, drawn at random and stepped for real, equals its Glidepath policy."""

from __future__ import annotations

import importlib
import json

import numpy as np
import parity
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import glidepath as gp
from glidepath.testing import check_schedule

LIBRARIES = {"torch": "torch", "transformers": "transformers", "optax": "optax", "keras": "keras"}
NAMES = [
    *(("torch", name) for name in gp.compat.torch.__all__),
    *(("optax", name) for name in gp.compat.optax.__all__),
    *(("keras", name) for name in gp.compat.keras.__all__),
    *(("transformers", name) for name in gp.compat.transformers._FUNCTIONS),
]


def drawn(library, name):
    pytest.importorskip(LIBRARIES[library], reason=f"{library} is not installed")
    if library == "transformers":
        pytest.importorskip("torch", reason="torch is not installed")
    importlib.import_module(f"{library}_cases")
    return parity.CASES[library, name]


def marked(library, name):
    marks = [pytest.mark.keras] if library == "keras" else []
    return pytest.param(library, name, marks=marks, id=f"{library}-{name}")


@pytest.mark.parametrize(("library", "name"), [marked(*pair) for pair in NAMES])
def test_the_whole_table_is_the_native_one(library, name):
    draw_pair, tally = drawn(library, name), parity.Tally()
    examples = 8 if library == "keras" else 15

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def compare(data):
        tally.add(draw_pair(data.draw))

    compare()
    assert tally.cases > 0 and tally.updates > 0


def test_a_wrong_schedule_is_noticed():
    native = gp.constant(0.1).plan(10).table().copy()
    native[7] *= 1 + 1e-8
    with pytest.raises(AssertionError, match="update 7"):
        parity.Tally().add(parity.Pair(gp.constant(0.1), native))
    with pytest.raises(AssertionError, match="update 0"):
        parity.Tally().add(parity.Pair(gp.constant(0.1), np.float32(native * (1 + 1e-5))))


def test_every_native_scheduler_has_an_equivalent():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    optax = pytest.importorskip("optax", reason="optax is not installed")
    names = set(torch.optim.lr_scheduler.__all__) - {"LRScheduler"}
    assert names == set(gp.compat.torch.__all__)
    others = {"inject_hyperparams", "inject_stateful_hyperparams", "Schedule", "StatefulSchedule"}
    others |= {"InjectHyperparamsState", "InjectStatefulHyperparamsState", "WrappedSchedule"}
    public = {name for name in dir(optax.schedules) if not name.startswith("_")}
    assert public - others == set(gp.compat.optax.__all__)


def test_every_name_of_get_scheduler_is_known():
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    names = {kind.value for kind in transformers.SchedulerType}
    assert names <= set(gp.compat.transformers._FUNCTIONS)


@pytest.mark.keras
def test_every_schedule_of_keras_has_an_equivalent():
    schedules = pytest.importorskip("keras", reason="keras is not installed").optimizers.schedules
    names = {name for name in dir(schedules) if name[0].isupper()} - {"LearningRateSchedule"}
    assert names == set(gp.compat.keras.__all__) - {"ReduceLROnPlateau"}


COMPOSED = {
    "one cycle between updates": gp.compat.torch.OneCycleLR(0.1, 97, pct_start=0.37),
    "three phases": gp.compat.torch.OneCycleLR(0.1, 97, three_phase=True, anneal_strategy="linear"),
    "cyclic": gp.compat.torch.CyclicLR(0.1, 0.5, 7, 12, mode="triangular2"),
    "cyclic, decaying": gp.compat.torch.CyclicLR(0.1, 0.5, 7, mode="exp_range", gamma=0.99),
    "restarts of real length": gp.compat.keras.CosineDecayRestarts(0.1, 10, 1.7, 0.9, 0.1),
    "hard restarts": gp.compat.transformers.get_scheduler(
        "cosine_with_restarts", 0.1, 10, 90, {"num_cycles": 7}
    ),
    "waves": gp.compat.transformers.get_scheduler("cosine", 0.1, 10, 90, {"num_cycles": 1.3}),
    "one ahead": gp.compat.transformers.get_scheduler(
        "cosine_warmup_with_min_lr", 0.1, 10, 90, {"min_lr": 0.01}
    ),
    "square root": gp.compat.transformers.get_wsd_schedule(
        0.1, 10, 30, 90, warmup_type="1-sqrt", decay_type="1-sqrt", min_lr_ratio=0.1
    ),
    "exponent": gp.compat.optax.cosine_decay_schedule(0.1, 50, 0.1, exponent=2.0),
    "plateau": gp.compat.torch.ReduceLROnPlateau(0.1, cooldown=2),
}


@pytest.mark.parametrize("name", COMPOSED)
def test_what_is_composed_keeps_the_contract_of_schedules(name):
    check_schedule(COMPOSED[name], 120, 10)


def test_a_spec_may_name_the_parts():
    spec = json.loads(json.dumps(COMPOSED["one cycle between updates"].to_spec()))
    assert spec["learning_rate"]["ported"]["recipe"] == "interpolate"
    assert gp.from_spec(spec) == COMPOSED["one cycle between updates"]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: gp.compat.keras.CosineDecay(0.1, 12.5), "decay_steps must be a whole number"),
        (lambda: gp.compat.torch.OneCycleLR(0.1), "needs total_steps, or epochs and"),
        (lambda: gp.compat.torch.OneCycleLR(0.1, 10, pct_start=1.5), "between 0 and 1"),
        (lambda: gp.compat.torch.SequentialLR([gp.constant(1)], [3]), "one boundary less"),
        (lambda: gp.compat.torch.SequentialLR([gp.constant(1)] * 3, [3, 2]), "must rise"),
        (lambda: gp.compat.torch.SequentialLR([gp.Policy(1), 2], [3]), "of a policy give its"),
        (lambda: gp.compat.torch.ChainedScheduler(0.1, [0.1]), "must be schedules"),
        (lambda: gp.compat.torch.MultiplicativeLR(0.1, 2), "must be a function"),
        (lambda: gp.compat.optax.sgdr_schedule([{}]), "needs decay_steps"),
        (lambda: gp.compat.transformers.get_scheduler("polynomial", 0.1, 10, 10), "at least 11"),
        (lambda: gp.compat.transformers.get_scheduler("cosine", 0.1), "needs num_warmup_steps"),
        (lambda: gp.compat.transformers.get_scheduler("cosine", 0.1, 1), "needs num_training"),
        (lambda: gp.compat.transformers.get_scheduler("cosin", 0.1), "must be one of"),
        (
            lambda: gp.compat.transformers.get_scheduler("cosine_with_min_lr", 0.1, 1, 9),
            "needs min_lr or min_lr_rate",
        ),
        (lambda: gp.compat.transformers.get_wsd_schedule(0.1, 1, 1), "needs num_training_steps"),
        (lambda: gp.compat.transformers.get_greedy_schedule(0.1, smooth=True), "are not there"),
        (lambda: gp.compat.transformers.get_greedy_schedule(0.1, speed=1), "no argument speed"),
    ],
)
def test_bad_arguments_are_refused(build, message):
    with pytest.raises(gp.ArgumentError, match=message):
        build()
