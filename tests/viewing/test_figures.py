"""The figures hold what they should, look the same everywhere, and leave no trace."""

from __future__ import annotations

import itertools
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from factory import flying, policies, range_test, record, study
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.image import imread

import glidepath as gp
from glidepath.errors import ArgumentError
from glidepath.viewing import (
    curves_figure,
    final_figure,
    plan_figure,
    policy_style,
    range_test_figure,
    rates_figure,
)
from glidepath.viewing.figures import save
from glidepath.viewing.figures.canvas import DPI
from glidepath.viewing.style import STYLES


@pytest.fixture(scope="module")
def plans() -> dict[str, gp.Plan]:
    return {name: gp.as_policy(p).plan("6ep", 29) for name, p in policies().items()}


def test_every_classic_policy_has_a_look_of_its_own() -> None:
    assert set(STYLES) == set(policies())
    looks = list(STYLES.values())
    assert len({(s.color, s.dash) for s in looks}) == len(looks)
    assert len({s.marker for s in looks}) == len(looks)


def test_other_names_keep_their_look_and_take_no_classic_one() -> None:
    assert policy_style("my schedule") == policy_style("my schedule")
    assert policy_style("my schedule").dash in ("dot", "dashdot")
    assert policy_style("a") != policy_style("b")


def test_looks_are_the_same_in_every_process() -> None:
    code = "from glidepath.viewing import policy_style; print(policy_style('mine'))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == repr(policy_style("mine"))


def test_viewing_imports_no_plotting_library_by_itself() -> None:
    code = (
        "import sys, glidepath.viewing, glidepath.viewing.terminal, glidepath.viewing.style; "
        "sys.exit(any(m in sys.modules for m in ('matplotlib', 'plotly', 'scipy')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_pyplot_never_hears_of_a_figure() -> None:
    code = (
        "import sys, glidepath as gp; from glidepath.viewing import plan_figure; "
        "plan_figure({'fixed': gp.constant(0.1).plan(10)}).savefig('/dev/null', format='png'); "
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_global_state_is_left(plans: dict[str, gp.Plan], tmp_path: Path) -> None:
    names = [name for name in mpl.rcParams if name != "backend"]
    before = {name: mpl.rcParams[name] for name in names}
    save(plan_figure(plans), tmp_path / "deep" / "plans.png")
    assert {name: mpl.rcParams[name] for name in names} == before
    assert (tmp_path / "deep" / "plans.png").read_bytes()[:4] == b"\x89PNG"


def test_what_is_saved_is_what_was_drawn(tmp_path: Path) -> None:
    figure = range_test_figure(range_test())
    drawn = imread(save(figure, tmp_path / "ours.png"))
    assert drawn.shape == (round(6.7 * DPI), round(9.2 * DPI), 3)
    figure.savefig(tmp_path / "theirs.png", dpi=DPI)
    assert np.array_equal(drawn, imread(tmp_path / "theirs.png")[..., :3])
    assert figure.get_dpi() == 100


def test_plans_with_momentum_epochs_and_a_legend(plans: dict[str, gp.Plan]) -> None:
    figure = plan_figure(plans)
    rates, momentum = figure.axes[:2]
    assert [line.get_label() for line in rates.get_lines()] == list(plans)
    assert [line.get_label() for line in momentum.get_lines()] == ["1cycle"]
    assert momentum.get_ylabel() == "momentum"
    assert rates.get_yscale() == "log"
    assert rates.child_axes[0].get_xlabel() == "epoch"
    assert [t.get_text() for t in figure.legends[0].get_texts()] == list(plans)


def test_a_plan_that_spans_no_decades_is_linear_from_zero() -> None:
    figure = plan_figure({"cosine": gp.cosine_decay(0.1, "100%").plan(1000)})
    assert figure.axes[0].get_yscale() == "linear"
    assert figure.axes[0].get_ylim()[0] == 0
    assert not figure.axes[0].child_axes


def test_a_long_plan_is_drawn_from_few_points() -> None:
    plan = gp.step_decay(0.1, 0.5, 100_000).plan(1_000_000)
    (line,) = plan_figure({"step": plan}).axes[0].get_lines()
    steps, values = line.get_xdata(), line.get_ydata()
    assert len(steps) < 5000
    assert {99_999, 100_000} <= set(np.asarray(steps).tolist())
    assert np.array_equal(values, plan(np.asarray(steps)))


def test_plans_that_cannot_be_drawn_are_refused() -> None:
    with pytest.raises(ArgumentError, match="must not be empty"):
        plan_figure({})
    with pytest.raises(ArgumentError, match="has no end"):
        plan_figure({"fixed": gp.constant(0.1).plan()})


def test_a_range_test_names_each_suggestion_on_a_log_axis() -> None:
    figure = range_test_figure(range_test())
    loss, accuracy = figure.axes
    words = [text.get_text() for text in loss.texts]
    assert {"valley  0.0105", "steepest  0.0129", "minimum/10  0.0316"} == set(words)
    assert loss.get_xscale() == "log"
    legend = [text.get_text() for text in loss.get_legend().get_texts()]
    assert "low to high: 0.0021 to 0.32" in legend
    assert "diverged at 2.74" in legend
    assert accuracy.get_ylabel() == "accuracy"


def test_labels_of_a_range_test_do_not_overlap() -> None:
    close = replace(range_test(), suggestions={"a": 0.010, "b": 0.0101, "c": 0.0102, "d": 1.5})
    figure = range_test_figure(close)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    for index, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[index + 1 :])


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(-5.9, 0.4), min_size=3, max_size=3), st.booleans())
def test_labels_never_overlap_wherever_the_marks_are(powers: list[float], diverges: bool) -> None:
    rates = [10.0**power for power in powers]
    names = ("valley", "minimum/10", "steepest")
    found = replace(
        range_test(diverges=diverges),
        suggestions=dict(zip(names, rates, strict=True)),
        suggested=rates[0],
    )
    figure = range_test_figure(found)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    boxes = [text.get_window_extent() for text in axes.texts]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    panel = axes.get_window_extent()
    assert all(panel.x0 <= box.x0 and box.x1 <= panel.x1 for box in boxes)
    assert all(panel.y0 <= box.y0 and box.y1 <= panel.y1 for box in boxes)


def test_a_range_test_that_found_nothing() -> None:
    empty = replace(range_test(diverges=False, with_metric=False), suggestions={"valley": None})
    figure = range_test_figure(empty)
    assert [text.get_text() for text in figure.axes[0].texts] == ["suggested  0.0316"]
    assert "diverged" not in str([t.get_text() for t in figure.axes[0].get_legend().get_texts()])


def test_curves_show_each_policy_and_what_diverged() -> None:
    result = study()
    figure = curves_figure(result, "loss")
    panels = {axes.get_title("left"): axes for axes in figure.axes}
    assert set(panels) == set(policies())
    assert panels["triangular"].get_title("right") == "2 of 5 diverged"
    crosses = [x for x in panels["triangular"].get_lines() if x.get_marker() == "x"]
    assert len(crosses) == 2
    assert not [x for x in panels["cosine"].get_lines() if x.get_marker() == "x"]


def test_final_shows_means_and_no_mean_for_the_diverged() -> None:
    result = study()
    metric, difference = final_figure(result).axes
    names = [label.get_text() for label in metric.get_yticklabels()]
    assert names[-1] == "triangular (2 of 5 diverged)"
    means = {p.metric_mean for p in result.policies if p.metric_mean is not None}
    drawn = {float(x.get_xdata()[0]) for x in metric.get_lines() if len(x.get_xdata()) == 1}
    assert means <= drawn
    assert any(text.get_text() == "3 pairs" for text in difference.texts)


def test_rates_are_those_applied_with_a_line_per_seed_where_they_differ() -> None:
    result = study()
    panels = {axes.get_title("left"): axes for axes in rates_figure(result).axes}
    assert len(panels["plateau"].get_lines()) == 5
    (line,) = panels["1cycle"].get_lines()
    values = result.policies[-2].records[0].series["learning_rate"]
    steps = np.rint(np.asarray(line.get_xdata()) * 29).astype(int)
    assert np.array_equal(line.get_ydata(), values[steps])


def test_only_policies_that_move_it_are_drawn_below_the_rates() -> None:
    ramp = np.linspace(0.95, 0.85, 174)
    for which in ("momentum", "weight_decay"):
        held = dict.fromkeys(policies(), 0.9) | {"1cycle": ramp}
        figure = rates_figure(flying(held, which))
        *panels, below = figure.axes
        assert len(panels) == len(held)
        assert below.get_ylabel() == which.replace("_", " ")
        labels = [text.get_text() for text in below.get_legend().get_texts()]
        assert labels == ["the others (0.9)", "1cycle"]
        assert len(below.get_lines()) == 2
    assert len(rates_figure(flying(dict.fromkeys(policies(), 0.9))).axes) == len(held)


@pytest.mark.parametrize("count", [1, 3, 14])
def test_the_legend_of_what_moved_is_inside_the_figure(count: int) -> None:
    held = {name: np.linspace(0.5, 0.9, 174) * (1 - i / 30) for i, name in enumerate(policies())}
    figure = rates_figure(flying(dict(list(held.items())[:count])))
    figure.draw_without_rendering()
    below = figure.axes[-1]
    legend, panel = below.get_legend().get_window_extent(), below.get_window_extent()
    assert figure.bbox.x0 <= legend.x0 and legend.x1 <= figure.bbox.x1
    assert not legend.overlaps(panel.shrunk(0.999, 0.999)) or legend.y0 >= panel.y1 - 1
    above = [axes.get_tightbbox() for axes in figure.axes[:-1]]
    assert not any(box is not None and box.overlaps(legend) for box in above)


def test_inner_panels_share_the_axes_at_the_edges() -> None:
    axes = rates_figure(study()).axes[:14]
    assert [index for index, a in enumerate(axes) if a.yaxis.get_visible()] == [0, 4, 8, 12]
    assert [index for index, a in enumerate(axes) if a.xaxis.get_visible()] == [10, 11, 12, 13]


def test_a_name_with_mathematics_in_it_is_shown_as_it_is(tmp_path: Path) -> None:
    result = study(names=["fixed", "cosine"])
    odd = tuple(replace(p, name=p.name + "_$x^{$") for p in result.policies)
    for draw in (final_figure, curves_figure, rates_figure):
        save(draw(replace(result, policies=odd, task="$\\frac{$")), tmp_path / "odd.png")


def test_records_without_evaluations_are_drawn(tmp_path: Path) -> None:
    result = study(names=["fixed"], seeds=(0,), diverged={})
    bare = replace(record("fixed", policies()["fixed"], 0), evaluations=(), outcome="interrupted")
    result = replace(result, policies=(replace(result.policies[0], records=(bare,)),))
    for draw in (final_figure, curves_figure, rates_figure):
        save(draw(result), tmp_path / "bare.png")
