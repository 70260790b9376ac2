"""Whatever is written in a spec or on the command line: a result, or an error of ours."""

import json
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import glidepath as gp
from glidepath.cli import app
from glidepath.cli.policies import parse_policies, parse_total, parse_value
from glidepath.schedules import CONTROLLERS, RECIPES
from glidepath.studies import storage

ARGUMENTS = sorted(
    {name for build in RECIPES.values() for name in build.__annotations__ if name != "return"}
)
KEYS = [
    *("version", "recipe", "then", "take", "over", "scale", "by", "product", "clip", "low"),
    *("high", "repeat", "times", "learning_rate", "momentum", "weight_decay", "controllers"),
    *("controller", "monitor", "patience", *ARGUMENTS),
]

numbers = st.one_of(
    st.floats(),
    st.integers(-(2**70), 2**70),
    st.sampled_from([0, 1, 0.1, 1e-3, 5, 1e308, -0.0, 10**400]),
)
durations = st.sampled_from(["5ep", "10%", "100%", "rest", "0ep", "-1%", "1e9ep", "5 ep", "٣ep"])
leaves = st.one_of(
    st.none(), st.booleans(), numbers, durations, st.text(max_size=5),
    st.sampled_from([*RECIPES, *CONTROLLERS, "linear", "cosine", "auto"]),
)  # fmt: skip
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=4)), inner, max_size=5),
    ),
    max_leaves=12,
)


def good_specs():
    warm = gp.linear(0, 0.1, "10%") >> gp.cosine_decay(0.1, "90%")
    policies = [
        warm,
        0.5 * warm.clip(0.01, 0.05),
        gp.one_cycle(0.1),
        gp.constant(0.1).take("5ep").repeat(2),
        gp.constant(0.1) * gp.step_decay(1.0, 0.5, "3ep"),
        gp.piecewise_constant([0.1, 0.01], ["3ep"]),
        gp.Policy(gp.wsd(0.1, "5%", "20%"), 0.9, 1e-4, [gp.reduce_on_plateau(patience=2)]),
        gp.triangular(0.01, 0.1, 7, mode="exp_range", gamma=0.99),
    ]
    return [policy.to_spec() for policy in policies]


def attempt(function, *arguments):
    """The result, or the message of an error of ours; anything else that is raised is a failure."""
    try:
        return function(*arguments), None
    except gp.GlidepathError as error:
        return None, str(error)


def flown(policy):
    """The policy planned for a small run; its rates, where it can be planned."""
    plan = gp.as_policy(policy).plan(200, 10)
    for name in plan.tracks:
        assert np.isfinite(plan.table(name)).all()
        assert (plan.table(name) >= 0).all()
    return plan


@settings(deadline=None)
@given(values)
@example({"version": 1, "recipe": "linear", "start": 1, "end": 0, "over": "1e5ep"})
@example({"version": True, "recipe": "constant", "rate": 1})
@example({"version": 1, "repeat": {"recipe": "constant", "rate": 1}, "times": 10**30})
def test_any_data_is_a_policy_or_an_error_of_ours(data):
    plan, error = attempt(lambda: flown(gp.from_spec(data)))
    assert error or plan.total_steps == 200


@settings(deadline=None)
@given(st.sampled_from(good_specs()), st.data())
def test_a_spec_that_was_tampered_with(spec, data):
    """One place in a good spec is replaced by something else."""
    text = json.loads(json.dumps(spec))
    node, key = text, None
    while isinstance(node, dict | list) and node:
        parent, keys = node, list(node) if isinstance(node, dict) else range(len(node))
        key = data.draw(st.sampled_from(list(keys)))
        node = parent[key]
        if data.draw(st.booleans()):
            break
    parent[key] = data.draw(values)
    plan, error = attempt(lambda: flown(gp.from_spec(text)))
    assert error or plan.total_steps == 200


@settings(deadline=None)
@given(st.sampled_from(good_specs()), st.integers(0, 400))
def test_a_spec_that_was_cut_off(spec, length):
    text = json.dumps(spec)
    assume(length < len(text))
    with pytest.raises(gp.SpecError):
        gp.from_spec(text[:length])


@settings(deadline=None)
@given(st.text(max_size=40))
@example("[" * 100_000)
@example('{"version": 1e999}')
def test_any_text_is_an_error_of_ours(text):
    policy, error = attempt(gp.from_spec, text)
    assert error or gp.as_policy(policy)


words = st.one_of(
    st.sampled_from([*RECIPES, "then", "with", "reduce_on_plateau", "policy.json", "", "=", "a=b"]),
    st.builds(
        "{}={}".format,
        st.sampled_from([*ARGUMENTS, "take", "patience", "x"]),
        st.one_of(
            numbers.map(repr), durations, st.text(max_size=6),
            st.sampled_from(["0.1", "0.1,0.01", "[1, 2", "3ep,6ep", "true", "null", "1_0", "0x1"]),
        ),
    ),
    st.text(max_size=6),
)  # fmt: skip
plausible = st.builds(
    lambda name, rates: [name, *(f"{key}={value}" for key, value in rates.items())],
    st.sampled_from(list(RECIPES)),
    st.dictionaries(
        st.sampled_from(ARGUMENTS),
        st.sampled_from(["0.1", "1", "5", "3ep", "10%", "rest", "0.1,0.01", "0.9", "true"]),
        max_size=5,
    ),
)


@settings(deadline=None)
@given(st.one_of(st.lists(words, max_size=8), plausible))
@example(["constant", "rate=" + "9" * 5000])
@example(["constant", "rate=1e400"])
@example(["piecewise_constant", "rates=[1,2", "boundaries=3"])
def test_any_words_are_policies_or_an_error_of_ours(texts):
    found, error = attempt(parse_policies, texts)
    assert error or found
    for policy in (found or {}).values():
        plan, error = attempt(flown, policy)
        assert error or plan.total_steps == 200


@settings(deadline=None)
@given(st.text(max_size=20))
def test_any_value_is_read(text):
    found = parse_value(text)
    assert found is None or isinstance(found, bool | int | float | str | list)


@given(st.one_of(st.integers(0, 10**9), st.floats(1e-9, 1e9)))
def test_a_number_is_read_as_itself(number):
    found = parse_value(repr(number))
    assert found == number
    assert type(found) is type(number)


@settings(deadline=None)
@given(
    st.one_of(st.text(max_size=8), st.from_regex(r"\A\d{1,12}(ep|%)?\Z")), st.none() | st.integers()
)
def test_any_length_is_read_or_refused(text, steps_per_epoch):
    total, error = attempt(parse_total, text, steps_per_epoch)
    assert error or isinstance(total, int | str)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(plausible, st.lists(words, min_size=1, max_size=6)),
    st.sampled_from(["100", "10ep", "3", "0", "-1", "nan", "1e3", "5%", "99999999999999999999"]),
    st.sampled_from([[], ["--steps-per-epoch", "7"], ["--steps-per-epoch", "x"], ["--what"]]),
)
def test_any_command_line_is_a_result_or_exit_code_2(policy, total, options):
    """`--` keeps words that look like options apart from those that are."""
    words_only = [word.replace("\0", "") for word in policy]
    done = CliRunner().invoke(app, ["show", "--total", total, *options, "--", *words_only])
    assert done.exit_code in (0, 2), (done.exception, done.output)
    assert done.exception is None or isinstance(done.exception, SystemExit)
    if done.exit_code == 2:
        assert done.stderr
        assert "Traceback" not in done.stderr


@given(st.text(max_size=60))
def test_any_name_becomes_a_file_inside_the_folder(name):
    found = storage.slug(name)
    assert found
    assert "/" not in found and "\\" not in found and found not in (".", "..")


@given(values)
def test_whatever_is_stored_is_json(data):
    text = json.dumps(storage.plain(data), allow_nan=False)
    json.loads(text, parse_constant=lambda name: math.nan / 0)
