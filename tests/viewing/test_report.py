"""The report: every number is there, nothing gets in unescaped, and it needs no network."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html import escape, unescape
from pathlib import Path

import numpy as np
import pytest
from factory import CODE, flying, policies, study

from glidepath.errors import MissingExtraError
from glidepath.studies.result import StudyResult
from glidepath.viewing import numbers, write_figures, write_report
from glidepath.viewing.report import plots
from glidepath.viewing.report.page import all_plots, page

LIBRARY = "/* plotly */"
PNG = b"\x89PNG"


def text_of(page: str) -> str:
    main = page.split("<main>")[1].split("</main>", maxsplit=1)[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", main))


def rows_of(html: str) -> dict[str, str]:
    body = html.split('class="sortable"')[1].split("</table>", maxsplit=1)[0]
    found = re.findall(r"<tr[^>]*>(.*?)</tr>", body.split("<tbody>")[1])
    return {re.search(r'data-sort="([^"]*)"', row).group(1): row for row in found}


@pytest.fixture(scope="module")
def result() -> StudyResult:
    return study()


@pytest.fixture(scope="module")
def html(result: StudyResult) -> str:
    return page(result, LIBRARY, command="glidepath tune digits --seeds 5")


def test_every_policy_has_its_mean_and_interval(result: StudyResult, html: str) -> None:
    rows = rows_of(html)
    assert set(rows) == set(policies())
    for policy in result.policies:
        row = text_of(f"<main>{rows[policy.name]}</main>")
        if policy.metric_mean is not None:
            low, high = policy.metric_ci
            assert f"{policy.metric_mean:.4f} ± {(high - low) / 2:.4f}" in row
        if policy.to_fixed is not None:
            assert numbers.signed(policy.to_fixed.mean, 4) in row
        assert numbers.count(policy.steps_to_target) in row


def test_whether_a_difference_is_distinct_is_said(result: StudyResult, html: str) -> None:
    rows = rows_of(html)
    for policy in result.policies:
        said = re.findall(r'class="pill[^"]*">(distinct|unclear)', rows[policy.name])
        meant = [d.distinct for d in (policy.to_best, policy.to_fixed) if d is not None]
        assert [word == "distinct" for word in said] == meant


def test_rows_are_sorted_best_first_and_diverged_last(result: StudyResult, html: str) -> None:
    means = {p.name: p.metric_mean for p in result.policies}
    order = [means[name] for name in rows_of(html)]
    assert order[-1] is None
    assert order[:-1] == sorted(order[:-1], reverse=True)


def test_a_diverged_policy_has_no_mean_and_says_so(html: str) -> None:
    row = text_of(f"<main>{rows_of(html)['triangular']}</main>")
    assert "no mean" in row and "2 of 5" in row and "3 pairs" in row
    assert "Diverged: triangular (2 of 5)" in text_of(html)


def test_the_recommendation_its_reason_ties_and_code(result: StudyResult, html: str) -> None:
    words = text_of(html)
    chosen = result.recommended
    assert f"digits: use {chosen.name} with rates up to 0.32" in words
    assert chosen.reason in words
    assert f"cannot be told apart from {len(chosen.ties)} policies" in words
    ties = html.split('class="ties"')[1].split("</div>", maxsplit=1)[0]
    assert all(re.search(rf"</svg>{name}</li>", ties) for name in chosen.ties)
    assert escape(CODE.strip()) in html


def test_range_test_cost_and_how_to_repeat(html: str) -> None:
    words = text_of(html)
    for rate in ("0.0105", "0.0129", "0.0316", "0.0021 to 0.32", "2.74"):
        assert rate in words
    assert "The loss is noisy" in words
    assert "glidepath tune digits --seeds 5" in words
    assert "seeds 0, 1, 2, 3 and 4" in words
    assert "Overhead is 10 % of the steps’ time" in words
    assert html.count("&quot;glidepath_policy&quot;") == 14 or html.count("<details>") == 14


def test_momentum_and_weight_decay_are_drawn_where_they_move() -> None:
    ramp = np.linspace(0.95, 0.85, 174)
    for which in ("momentum", "weight_decay"):
        result = flying({"fixed": 0.9, "cosine": 0.9, "1cycle": ramp}, which)
        drawn = all_plots(result)[which]
        assert [trace["name"] for trace in drawn["traces"]] == ["the others (0.9)", "1cycle"]
        assert f'id="plot-{which}"' in page(result, LIBRARY)
    still = flying({"fixed": 0.9, "cosine": 0.9})
    assert not {"momentum", "weight_decay"} & set(all_plots(still))
    assert "Momentum" not in page(still, LIBRARY)


def test_no_ties_is_said_too() -> None:
    result = study(names=["fixed", "cosine"], diverged={})
    sure = replace(result, recommended=replace(result.recommended, ties=()))
    assert "can be told apart from every policy" in text_of(page(sure, LIBRARY))


def test_text_from_outside_is_escaped() -> None:
    bad = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    result = study(names=["fixed", "cosine"], task=bad, reason=bad)
    mended = [replace(p, name=f"{bad}{i}") for i, p in enumerate(result.policies)]
    assert result.range_test is not None
    hostile = replace(
        result,
        policies=tuple(mended),
        recommended=replace(result.recommended, name=mended[0].name, code=bad, ties=(bad,)),
        notes={mended[0].name: bad},
        range_test=replace(result.range_test, warnings=(bad,), suggestions={bad: 0.01}),
    )
    html = page(hostile, LIBRARY, command=bad)
    assert "<script>alert" not in html
    assert "<img" not in html
    assert html.count("</script>") == 3
    assert html.count("&lt;script&gt;alert(1)") >= 8


def test_plots_are_json_with_every_policy(result: StudyResult) -> None:
    drawn = all_plots(result)
    assert set(drawn) == {
        "final", "difference", "range-test", "rates", "momentum", "curve-accuracy", "curve-loss"
    }  # fmt: skip
    for key in ("rates", "curve-accuracy", "curve-loss"):
        assert {t["meta"] for t in drawn[key]["traces"]} == set(policies())
    assert [t["name"] for t in drawn["momentum"]["traces"]] == ["1cycle"]
    json.dumps(drawn, allow_nan=False)


def test_arrays_are_float32_and_few(result: StudyResult) -> None:
    drawn = all_plots(result)
    assert len(json.dumps(drawn)) < 400_000
    for trace in drawn["rates"]["traces"]:
        assert trace["y"]["dtype"] == "f4"
        assert len(trace["y"]["bdata"]) <= 4 * 600 * 4 / 3 + 4
    assert plots.numbers_of([1.0])["bdata"] == "AACAPw=="


@pytest.mark.parametrize("with_range_test", [True, False])
def test_one_seed_has_no_intervals(with_range_test: bool) -> None:
    result = study(seeds=(0,), diverged={}, with_range_test=with_range_test)
    words = text_of(page(result, LIBRARY))
    assert "With a single seed nothing can be said about chance" in words
    assert "With one seed there are no intervals" in words
    told = re.sub(
        r'<section id="what-if">.*?</section>', "", page(result, LIBRARY), flags=re.DOTALL
    )
    assert "±" not in text_of(told).replace("± is", "")  # but predictions have their own interval
    assert ("Range test" in words) == with_range_test


def test_when_every_run_diverged_nothing_is_recommended(tmp_path: Path) -> None:
    every = {"fixed": (0, 1), "1cycle": (0, 1)}
    result = study(names=["fixed", "1cycle"], seeds=(0, 1), diverged=every, reason="All diverged.")
    html = page(result, LIBRARY)
    words = text_of(html)
    assert "digits: no run finished" in words and "All diverged." in words
    assert words.count("2 of 2") >= 2
    assert "ready to paste" not in words and ">recommended<" not in html
    assert all(path.read_bytes()[:4] == PNG for path in write_figures(result, tmp_path))


def test_a_policy_that_diverged_on_some_seed_is_not_recommended() -> None:
    result = study(names=["fixed", "wsd"], diverged={"fixed": (0,), "wsd": (1, 2)})
    html = page(result, LIBRARY)
    assert "digits: no policy held on every seed" in text_of(html)
    assert "Nothing is recommended" in text_of(html)
    assert ">recommended<" not in html and "ready to paste" not in html
    assert 'id="plot-final"' in html


def test_fixed_as_the_best_has_one_column_of_differences() -> None:
    result = study(names=["fixed", "power"], diverged={"power": (0, 1, 2, 3, 4)})
    assert result.recommended.name == "fixed"
    html = page(result, LIBRARY)
    assert html.count('<button type="button">Difference to fixed</button>') == 1
    assert "use fixed at 0.32" in text_of(html)


def test_a_baseline_of_another_name_is_named() -> None:
    result = study(names=["fixed", "cosine", "wsd"], diverged={})
    mended = tuple(
        replace(p, name="slow & steady") if p.name == "fixed" else p for p in result.policies
    )
    html = page(replace(result, policies=mended), LIBRARY)
    assert "Difference to slow &amp; steady" in html
    assert "Updates to slow &amp; steady’s result" in html
    assert "difference to slow \\u0026amp; steady" in html


def test_a_missing_plotly_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(MissingExtraError, match=r"glidepath\[report\]"):
        write_report(study(names=["fixed"]), tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_page_and_the_pngs_are_written(result: StudyResult, tmp_path: Path) -> None:
    pytest.importorskip("plotly", reason="plotly is not installed")
    path = write_report(result, tmp_path / "new" / "folder")
    names = {p.name for p in path.parent.iterdir()}
    assert names == {
        "report.html", "final.png", "rates.png", "metric.png", "loss.png", "range-test.png"
    }  # fmt: skip
    assert 1_000_000 < path.stat().st_size < 8_000_000
    for png in path.parent.glob("*.png"):
        assert png.read_bytes()[:4] == PNG


BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WATCH = """<script>
const asked = [];
document.addEventListener("securitypolicyviolation", (event) => asked.push(event.blockedURI));
const seen = new PerformanceObserver((list) => asked.push(...list.getEntries().map((e) => e.name)));
seen.observe({ type: "resource", buffered: true });
setTimeout(() => {
  document.body.dataset.asked = JSON.stringify(asked.filter((url) => url.startsWith("http")));
}, 2000);
</script></body>"""
needs_browser = pytest.mark.skipif(not BROWSER, reason="no Chromium to open the page in")


def opened(page: str, folder: Path) -> tuple[str, list[str]]:
    """The page as the browser has made it, and what it asked the network for."""
    path = folder / "watched.html"
    path.write_text(page.replace("</body>", WATCH), encoding="utf-8")
    done = subprocess.run(
        [BROWSER, *QUIET, f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=5000",
         "--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom", path.as_uri()],
        capture_output=True, text=True, timeout=180, check=True,
    )  # fmt: skip
    asked = re.search(r'data-asked="([^"]*)"', done.stdout)
    assert asked is not None, "the script did not run to its end"
    return done.stdout, json.loads(unescape(asked.group(1)))


@needs_browser
def test_a_browser_draws_it_and_asks_the_network_for_nothing(
    result: StudyResult, tmp_path: Path
) -> None:
    offline = pytest.importorskip("plotly.offline", reason="plotly is not installed")
    dom, asked = opened(page(result, offline.get_plotlyjs()), tmp_path)
    assert asked == []
    assert dom.count('class="main-svg"') >= 7, "the plots were not drawn"


@needs_browser
def test_a_request_would_be_seen(result: StudyResult, tmp_path: Path) -> None:
    broken = page(result, "").replace("</main>", '<img src="http://nowhere.invalid/x.png"></main>')
    assert opened(broken, tmp_path)[1]
