"""Policies, values and lengths as they are written on the command line."""

import json

import pytest

import glidepath as gp
from glidepath.cli.policies import parse_policies, parse_requests, parse_total, parse_value, tokens
from glidepath.studies import DEFAULTS


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("one_cycle peak=0.1", gp.one_cycle(0.1)),
        ("one_cycle peak=0.1 momentum=null", gp.one_cycle(0.1, momentum=None)),
        ("one_cycle peak=1 momentum=0.9,0.8", gp.one_cycle(1, momentum=(0.9, 0.8))),
        ("one_cycle peak=1 momentum=[0.9, 0.8]", gp.one_cycle(1, momentum=(0.9, 0.8))),
        ("cosine_decay rate=1e-1 over=100%", gp.cosine_decay(0.1, "100%")),
        ("step_decay rate=.1 factor=0.5 every=10", gp.step_decay(0.1, 0.5, 10)),
        (
            "exponential_decay rate=0.1 decay=0.9 every=2ep staircase=true",
            gp.exponential_decay(0.1, 0.9, "2ep", staircase=True),
        ),
        (
            "linear start=0 end=0.1 over=5% then cosine_decay rate=0.1 over=rest",
            gp.linear(0, 0.1, "5%") >> gp.cosine_decay(0.1, "rest"),
        ),
        (
            "constant rate=0.1 take=5ep then exponential_decay rate=0.1 decay=0.95 every=1ep",
            gp.constant(0.1).take("5ep") >> gp.exponential_decay(0.1, 0.95, "1ep"),
        ),
        (
            "piecewise_constant rates=0.1,0.01,0.001 boundaries=30ep,60ep",
            gp.piecewise_constant([0.1, 0.01, 0.001], ["30ep", "60ep"]),
        ),
        (
            "piecewise_constant rates=0.1,0.01 boundaries=30ep",
            gp.piecewise_constant([0.1, 0.01], ["30ep"]),
        ),
        (
            "constant rate=0.1 with reduce_on_plateau patience=3 factor=0.5",
            gp.Policy(gp.constant(0.1), controllers=[gp.reduce_on_plateau(patience=3, factor=0.5)]),
        ),
    ],
)
def test_a_policy_is_read_as_it_is_written(text, policy):
    for texts in ([text], text.split(" ")) if "[" not in text else ([text],):
        [found] = parse_policies(texts).values()
        assert found == gp.as_policy(policy)


def test_several_policies_stand_side_by_side_with_names_that_tell_them_apart(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(gp.wsd(0.1, "5%", "20%").to_spec()))
    found = parse_policies(
        f"one_cycle peak=0.1 one_cycle peak=0.3 constant rate=1 {path}".split(" ")
    )
    assert list(found) == ["one_cycle peak=0.1", "one_cycle peak=0.3", "constant", "mine"]
    assert found["mine"] == gp.as_policy(gp.wsd(0.1, "5%", "20%"))


def test_the_same_policy_twice_has_two_names():
    assert list(parse_policies(["constant rate=1", "constant rate=1"])) == [
        "constant rate=1",
        "constant rate=1 #2",
    ]


def test_the_names_of_default_policies_are_requests():
    found = parse_requests(
        ["cosine", "triangular", "triangular low=0 high=1 half_cycle=9"], list(DEFAULTS)
    )
    assert list(found.items())[:2] == [("cosine", None), ("triangular", None)]
    assert list(found)[2] == "triangular low=0 high=1 half_cycle=9"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", 0.1),
        ("1e-3", 1e-3),
        ("3", 3),
        ("-2", -2),
        ("true", True),
        ("False", False),
        ("null", None),
        ("5ep", "5ep"),
        ("10%", "10%"),
        ("1,2", [1, 2]),
        ("[1, 2]", [1, 2]),
        ("30ep,60ep", ["30ep", "60ep"]),
        ("1,", [1]),
        ("[]", []),
        ("'val_loss'", "val_loss"),
        ("__import__('os')", "__import__('os')"),
    ],
)
def test_values(text, value):
    found = parse_value(text)
    assert found == value
    assert type(found) is type(value)


def test_words_are_parted_by_spaces_outside_of_brackets():
    assert tokens(["a b=[1, 2]  c", "d", "e.json"]) == ["a", "b=[1, 2]", "c", "d", "e.json"]
    assert tokens(["a folder/policy.json"]) == ["a folder/policy.json"]


@pytest.mark.parametrize(("text", "total"), [("30", 30), (" 870 ", 870), ("2ep", "2ep")])
def test_the_length_of_a_run(text, total):
    assert parse_total(text, 10) == total
