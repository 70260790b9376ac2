"""The code to paste makes an equal policy; that it trains is tested with the Keras backend."""

import pytest

import glidepath as gp
from glidepath.errors import ArgumentError, SpecError
from glidepath.tasks import code_for
from glidepath.tasks.code import expression

POLICIES = [
    gp.constant(0.1),
    gp.linear(0, 0.1, "5%") >> gp.cosine_decay(0.1, "rest"),
    gp.linear(0, 0.1, "5%") >> 0.5 * gp.constant(0.2).take("3ep") >> gp.constant(0.01).take(9),
    gp.piecewise_constant([0.1, 0.01, 0.001], ["50%", "75%"]),
    (gp.linear(0, 1, 3) >> gp.constant(1).take(2)).repeat(3).clip(0.1, 0.5),
    gp.triangular(0.1, 0.2, "2ep", mode="exp_range", gamma=0.99) * gp.linear(1, 0, "100%"),
    gp.one_cycle(0.1),
    gp.one_cycle(0.1, start=0.05, end=0.01, up="30%", momentum=(0.99, 0.8), anneal="cosine"),
    gp.one_cycle(0.1, momentum=None),
    0.5 * gp.one_cycle(0.1),
    gp.wsd(0.1, 5, 5).plan(50).cooldown_from(30, 10).policy,
    gp.one_cycle(0.1, up=9, down=9).plan(50).extend(90, at=20).policy,
    gp.linear(0, 0.1, 5) >> gp.compat.keras.CosineDecay(0.1, 20),
    gp.compat.torch.OneCycleLR(0.1, 50, pct_start=0.37),
    gp.compat.torch.ReduceLROnPlateau(0.1, eps=1e-3),
    gp.Policy(0.1, controllers=[gp.greedy("loss", hold=2), gp.spike_backoff(factor=0.3)]),
    gp.Policy(
        gp.inverse_sqrt(0.1, 5),
        weight_decay=gp.constant(0.1),
        controllers=[gp.reduce_on_plateau(patience=2, cooldown=1)],
    ),
]


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_the_expression_makes_an_equal_policy(policy):
    text = expression(gp.as_policy(policy))
    made = eval(text, {"gp": gp})  # noqa: S307
    assert gp.as_policy(made) == gp.as_policy(policy)
    assert max(map(len, text.splitlines())) <= 130 or "from_spec" in text


def test_what_is_default_is_left_out():
    assert expression(gp.one_cycle(0.1)) == "gp.one_cycle(peak=0.1)"
    assert code_for(gp.constant(0.1).to_spec(), epochs=7).count("epochs=7") == 1
    assert "momentum" not in code_for(gp.constant(0.1))
    assert "    batch_size=16,\n" in code_for(gp.constant(0.1), batch_size=16)
    assert "batch_size" not in code_for(gp.constant(0.1))
    assert "SGD(momentum=0.9)" in code_for(gp.one_cycle(0.1))


def test_what_has_no_code():
    with pytest.raises(SpecError):
        code_for(gp.from_function(lambda k: 0.1))
    with pytest.raises(ArgumentError, match="keras"):
        code_for(gp.constant(0.1), "jax")
