"""Every native argument is taken under its name and with its default, or listed as not."""

from __future__ import annotations

import inspect

import pytest
from test_divergences import ARGUMENTS

import glidepath as gp

compat = gp.compat


def parameters(function):
    return inspect.signature(function).parameters


def left_out(library, name):
    """The arguments that docs/divergences.md lists for a function of a library."""
    listed = [cells for cells in ARGUMENTS if cells[0] in (f"{library}.{name}", *EVERY[library])]
    return {word.split("=")[0].strip("`* ") for cells in listed for word in cells[1].split(",")}


EVERY = {
    "torch": ["torch, every class"],
    "transformers": ["transformers, every function"],
    "keras": [],
    "optax": [],
}


def natives(library):
    """The native functions and classes by name."""
    pytest.importorskip(library, reason=f"{library} is not installed")
    if library == "torch":
        from torch.optim import lr_scheduler as room
    elif library == "keras":
        import keras

        found = {n: getattr(keras.optimizers.schedules, n, None) for n in compat.keras.__all__}
        return {**found, "ReduceLROnPlateau": keras.callbacks.ReduceLROnPlateau}
    elif library == "optax":
        import optax.schedules as room
    else:
        from transformers import optimization as room
    return {name: getattr(room, name) for name in getattr(compat, library).__all__}


@pytest.mark.parametrize(
    "library",
    ["torch", "optax", "transformers", pytest.param("keras", marks=pytest.mark.keras)],
)
def test_every_native_argument_is_taken_or_listed(library):
    for name, native in natives(library).items():
        wanted, ours = parameters(native), parameters(getattr(getattr(compat, library), name))
        missing = [key for key in wanted if key not in ours]
        assert set(missing) <= left_out(library, name), name
        defaults = {key: wanted[key].default for key in wanted if key in ours}
        assert defaults == {key: ours[key].default for key in defaults}, name
        assert [key for key in ours if key in wanted] == list(defaults), name


def test_every_argument_of_greedy_is_taken_or_listed():
    native = pytest.importorskip(
        "transformers.optimization", reason="transformers is not installed"
    ).GreedyLR
    given = {key: p.default for key, p in parameters(native).items() if key != "optimizer"}
    assert gp.as_policy(compat.transformers.get_greedy_schedule(0.1, **given)).controllers
    assert set(compat.transformers._GREEDY) | left_out("transformers", "greedy") >= set(given)


def test_what_is_listed_is_not_taken():
    """A row for an argument that is there by now would be wrong."""
    for name, words, reason in ARGUMENTS:
        assert reason
        for word in words.split(","):
            key = word.split("=")[0].strip("`* ")
            library, _, function = name.partition(".")
            if function and function != "greedy":
                assert key not in parameters(getattr(getattr(compat, library), function)), name


def test_what_means_nothing_here_counts_for_nothing():
    assert compat.torch.StepLR(0.1, 3, last_epoch=-1) == compat.torch.StepLR(0.1, 3)
    assert compat.keras.CosineDecay(0.1, 9, name=None) == compat.keras.CosineDecay(0.1, 9)
    loud = compat.keras.ReduceLROnPlateau(0.1, verbose=1)
    assert loud == compat.keras.ReduceLROnPlateau(0.1, verbose=True)
    lists = compat.torch.CyclicLR([0.1], [0.5], base_momentum=[0.8], max_momentum=[0.9])
    assert lists == compat.torch.CyclicLR(0.1, 0.5)
    assert compat.torch.OneCycleLR([0.1], 9) == compat.torch.OneCycleLR(0.1, 9)
    one = compat.torch.LambdaLR(0.1, [lambda k: 1 / (1 + k)]).plan(3).table()
    assert one.tolist() == [0.1, 0.05, pytest.approx(0.1 / 3)]
    waits = compat.keras.ReduceLROnPlateau(0.1, patience=0)
    assert waits == compat.keras.ReduceLROnPlateau(0.1, patience=1)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: compat.torch.StepLR(0.1, 3, last_epoch=7), "last_epoch must be -1, got 7"),
        (lambda: compat.torch.OneCycleLR(0.1, 9, last_epoch=0), "resume with the adapter"),
        (
            lambda: compat.transformers.get_linear_schedule_with_warmup(0.1, 1, 9, 5),
            "last_epoch must be -1",
        ),
        (lambda: compat.torch.OneCycleLR([0.1, 0.2], 9), "for one parameter group"),
        (lambda: compat.torch.LambdaLR(0.1, [abs, abs]), "make one for each"),
        (lambda: compat.torch.ReduceLROnPlateau(0.1, min_lr=[0, 1]), "min_lr must be one value"),
        (lambda: compat.torch.ReduceLROnPlateau(0.1, eps=-1), "eps must be a finite number"),
        (lambda: compat.keras.CosineDecay(0.1, 9, name=3), "name must be text or None"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_what_to_do(build, message):
    with pytest.raises(gp.ArgumentError, match=message):
        build()
