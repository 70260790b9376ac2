"""References to tasks: what each wrong one gets, and that none imports a framework too early."""

import pickle
import subprocess
import sys

import pytest

from glidepath.errors import TaskError
from glidepath.tasks import BUILT_IN, load_task


def test_built_in_names():
    for name in BUILT_IN:
        task = load_task(name)
        assert (task.name, task.framework, task.fingerprint) == (name, "keras", name)
        assert pickle.loads(pickle.dumps(task)) == task  # noqa: S301


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("digit", "the built-in tasks are digits, "),
        ("", "a name or"),
        (3, "a name or"),
        ("missing.py:task", "no Python file 'missing.py'"),
        ("setup.cfg:task", "no Python file"),
        ("file.py:", "the built-in tasks are"),
        (":task", "the built-in tasks are"),
        ("file.py:not a name", "the built-in tasks are"),
    ],
)
def test_bad_references(reference, message):
    with pytest.raises(TaskError, match=message):
        load_task(reference)


def test_a_file_is_named_wherever_it_is_opened(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("def task(): ...\n")
    monkeypatch.chdir(tmp_path)
    task = load_task("mine.py:task")
    assert task.name == "mine.task"
    assert task.reference == f"{(tmp_path / 'mine.py').resolve()}:task"
    before = task.fingerprint
    (tmp_path / "mine.py").write_text("def task(): return 1\n")
    assert task.fingerprint != before


def test_loading_a_reference_imports_no_framework():
    code = (
        "import sys; from glidepath.tasks import load_task; load_task('digits'); "
        "print([m for m in ('keras', 'jax', 'sklearn', 'tensorflow', 'torch') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
