"""How a study ends: with a report that knows its cost, without test data, or with a broken task."""

import json

import pytest
from toys import Broken, Toy, Untested

import glidepath as gp
from glidepath.errors import TaskError
from glidepath.studies import compare
from glidepath.training import read_record

POLICIES = {"fixed": gp.constant(0.1), "cosine": gp.cosine_decay(0.1, "100%")}


def quick(task, out, **options):
    return compare(task, POLICIES, out=out, **{"epochs": 3, "seeds": 2, "workers": 1} | options)


def test_a_report_is_told_the_cost_that_it_is_part_of(tmp_path):
    told = []

    def report(result, out):
        told.append(result.cost)
        return told.append

    result = quick(Toy(), tmp_path / "s", report=report)
    before, after = told
    assert after == result.cost
    assert after.overhead > before.overhead
    stored = json.loads((tmp_path / "s" / "summary.json").read_text())["cost"]
    assert stored["overhead"] == after.overhead


def test_the_page_has_the_cost_of_summary_json(tmp_path):
    pytest.importorskip("plotly", reason="plotly is not installed")
    from glidepath.viewing import draw_report
    from glidepath.viewing.report import sections

    result = quick(Toy(), tmp_path / "s", report=lambda result, out: draw_report(result, out).write)
    page = (tmp_path / "s" / "report.html").read_text(encoding="utf-8")
    assert page.count(sections.cost(result)) == 1


def test_a_task_without_test_data_is_reported_on_validation(tmp_path):
    result = quick(Untested(), tmp_path / "s")
    assert result.split == "validation"
    assert json.loads((tmp_path / "s" / "summary.json").read_text())["split"] == "validation"
    record = read_record(next((tmp_path / "s" / "records").glob("*.jsonl")))
    assert {evaluation.split for evaluation in record.evaluations} == {"validation"}
    for policy in result.policies:
        assert policy.metric_mean == policy.validation_mean


@pytest.mark.parametrize("workers", [1, 2])
def test_a_task_that_breaks_in_training_is_named_with_its_message(tmp_path, workers):
    message = r"first epoch of the task 'toy' failed with ValueError: shapes \(3,\) and \(4,\) dif"
    with pytest.raises(TaskError, match=message):
        quick(Broken(), tmp_path / "s", workers=workers)
