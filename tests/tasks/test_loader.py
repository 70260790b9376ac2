"""References to tasks: what each wrong one gets, and that none imports a framework too early."""

import pickle
import subprocess
import sys

import pytest

from glidepath.errors import TaskError
from glidepath.tasks import BUILT_IN, load_task
from glidepath.training.blame import blamed


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


BAD = """
def failing(): return 1 / 0
def leaving(): raise SystemExit(3)
class Opening:
    def open(self): raise ValueError("shapes differ")
def opening(): return Opening()
"""


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("failing", r"failing\(\) in .*mine.py failed with ZeroDivisionError: division by zero;"),
        ("leaving", r"leaving\(\) in .*mine.py failed with SystemExit: 3; run it by itself"),
        ("opening", "opening mine.opening failed with ValueError: shapes differ;"),
        ("missing", "has no function 'missing'"),
    ],
)
def test_whatever_the_users_code_raises_is_a_task_error(tmp_path, function, message):
    (tmp_path / "mine.py").write_text(BAD)
    with pytest.raises(TaskError, match=message):
        load_task(f"{tmp_path / 'mine.py'}:{function}").open()


def test_ctrl_c_is_nobodys_fault():
    with pytest.raises(KeyboardInterrupt), blamed("training"):
        raise KeyboardInterrupt
    message = "training failed with RuntimeError: no message"
    with pytest.raises(TaskError, match=message), blamed("training"):
        raise RuntimeError


def test_the_engine_is_known_before_the_task_is_opened(monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert load_task("digits").engine == "jax"
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert load_task("digits").engine == "torch"
    (tmp_path / "mine.py").write_text("import glidepath.optax\n")
    assert load_task(f"{tmp_path / 'mine.py'}:task").engine is None


def test_loading_a_reference_imports_no_framework():
    code = (
        "import sys; from glidepath.tasks import load_task; load_task('digits'); "
        "print([m for m in ('keras', 'jax', 'sklearn', 'tensorflow', 'torch') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
