"""The room as a whole: what it imports, and what it gives."""

import subprocess
import sys

import pytest

from glidepath import analysis


def test_importing_the_room_imports_no_scipy_and_no_plotting():
    code = (
        "import glidepath.analysis, sys; "
        "print([m for m in ('scipy', 'matplotlib', 'tensorboard') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", analysis.__all__)
def test_public_names_are_there_and_documented(name):
    assert getattr(analysis, name).__doc__
