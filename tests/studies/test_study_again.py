"""A study in a folder that holds one: resumed, refused, or damaged."""

import json
from collections import Counter

import numpy as np
import pytest
from toys import Counting, Toy

import glidepath as gp
from glidepath.studies import compare, summary, tune

POLICIES = {"fixed": gp.constant(0.1), "cosine": gp.cosine_decay(0.3, "100%")}


def quick(task, policies, out, **options):
    return compare(task, policies, out=out, **{"epochs": 3, "seeds": 2, "workers": 1} | options)


def counted(path):
    """Resets by seed: one for each run, and one to seed 0 for each session's warm-up."""
    return Counter(path.read_text().split()) if path.exists() else Counter()


def test_the_same_study_again_flies_nothing(tmp_path):
    log = tmp_path / "log"
    task = Counting(log=str(log))
    first = quick(task, POLICIES, tmp_path / "s")
    assert counted(log) == {"0": 1 + 2, "1": 2}  # the warm-up, and two runs each
    second = quick(task, POLICIES, tmp_path / "s")
    assert counted(log) == {"0": 3, "1": 2}
    assert second.recommended == first.recommended
    assert second.cost.updates == first.cost.updates


def test_what_is_missing_or_cut_short_is_flown_again(tmp_path):
    log = tmp_path / "log"
    task = Counting(log=str(log))
    first = quick(task, POLICIES, tmp_path / "s")
    records = tmp_path / "s" / "records"
    (records / "fixed-seed1.jsonl").unlink()
    cut = records / "cosine-seed1.jsonl"
    cut.write_text("".join(cut.read_text().splitlines(keepends=True)[:30]))
    log.unlink()
    second = quick(task, POLICIES, tmp_path / "s")
    assert counted(log) == {"0": 1, "1": 2}
    assert summary(second)["policies"] == summary(first)["policies"]
    assert second.cost.updates == first.cost.updates + 2 * 60


def test_a_record_of_another_plan_is_flown_again(tmp_path):
    quick(Toy(), POLICIES, tmp_path / "s")
    path = tmp_path / "s" / "records" / "fixed-seed0.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    head = json.loads(lines[0])
    lines[0] = json.dumps({**head, "fingerprint": "0" * 16}) + "\n"
    path.write_text("".join(lines))
    quick(Toy(), POLICIES, tmp_path / "s")
    assert json.loads(path.read_text().splitlines()[0]) == head


def test_tune_resumes_with_the_range_test_of_the_first_session(tmp_path):
    names = ["fixed", "cosine"]
    first = tune(Toy(), out=tmp_path / "s", epochs=3, seeds=2, policies=names, workers=1)
    (tmp_path / "s" / "records" / "fixed-seed1.jsonl").unlink()
    second = tune(Toy(), out=tmp_path / "s", epochs=3, seeds=2, policies=names, workers=1)
    assert np.array_equal(first.range_test.rates, second.range_test.rates)
    assert first.range_test.suggestions == second.range_test.suggestions
    assert second.cost.updates == first.cost.updates + 60
    assert [p.policy for p in first.policies] == [p.policy for p in second.policies]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"epochs": 4}, "epochs are 3, and this one's 4;"),
        ({"seeds": 3}, r"seeds are \[0, 1\], and this one's \[0, 1, 2\];"),
        ({"task": Toy(name="other")}, "task is toy, and this one's other;"),
        (
            {"policies": {"fixed": gp.constant(0.2)}},
            "policies are fixed, cosine, and this one's fixed;",
        ),
    ],
)
def test_a_folder_with_another_study_is_refused_with_the_difference(tmp_path, changed, named):
    quick(Toy(), POLICIES, tmp_path / "s")
    task = changed.pop("task", Toy())
    policies = changed.pop("policies", POLICIES)
    before = (tmp_path / "s" / "study.json").read_text()
    with pytest.raises(gp.StudyError, match=f"holds another study: its {named}"):
        quick(task, policies, tmp_path / "s", **changed)
    assert (tmp_path / "s" / "study.json").read_text() == before


def test_a_changed_rate_of_the_same_name_is_named_with_both_values(tmp_path):
    quick(Toy(), {"fixed": gp.constant(0.1)}, tmp_path / "s")
    with pytest.raises(gp.StudyError, match=r"fixed.*0\.1.*0\.2"):
        quick(Toy(), {"fixed": gp.constant(0.2)}, tmp_path / "s")


def test_a_folder_with_something_else_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(gp.StudyError, match="is not empty and holds no study"):
        quick(Toy(), POLICIES, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir() if p.name[0] != ".") == ["thesis.tex"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"glidepath_study": 99, "identity": {}}', "null"])
def test_a_damaged_study_is_refused(tmp_path, text):
    (tmp_path / "study.json").write_text(text)
    with pytest.raises(gp.StudyError, match="cannot be read, or is of another version"):
        quick(Toy(), POLICIES, tmp_path)


def test_a_damaged_setting_is_refused(tmp_path):
    quick(Toy(), POLICIES, tmp_path)
    path = tmp_path / "study.json"
    data = json.loads(path.read_text())
    del data["setting"]["policies"]["fixed"]["spec"]
    path.write_text(json.dumps(data))
    with pytest.raises(gp.StudyError, match="is damaged"):
        quick(Toy(), POLICIES, tmp_path)


def test_out_must_be_a_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(gp.StudyError, match="cannot be used as a folder"):
        quick(Toy(), POLICIES, tmp_path / "file")
    with pytest.raises(gp.StudyError, match="cannot be used as a folder"):
        quick(Toy(), POLICIES, tmp_path / "file" / "below")


def test_two_sessions_do_not_work_in_one_folder(tmp_path):
    pytest.importorskip("fcntl", reason="this system has no file locks")
    found = []

    def meanwhile(result, out):
        with pytest.raises(gp.StudyError, match="another glidepath is at work"):
            quick(Toy(), POLICIES, tmp_path / "s")
        found.append(True)

    quick(Toy(), POLICIES, tmp_path / "s", report=meanwhile)
    assert found
