"""The documentation is true: its Python blocks run, and what they assert holds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
ENGINES = ("glidepath.keras", "glidepath.torch", "glidepath.optax", "import keras", "import torch")


def blocks(*, light: bool) -> list[tuple[str, str]]:
    """Every Python block of the pages, by page and number; light ones need no framework."""
    found = []
    for page in PAGES:
        for number, block in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")), start=1):
            if light != any(word in block for word in ENGINES):
                found.append((f"{page.name}-{number}", block))
    return found


@pytest.mark.parametrize(("name", "block"), blocks(light=True), ids=lambda value: value[:40])
def test_block(name: str, block: str) -> None:
    """A block that needs no framework runs as it stands."""
    exec(compile(block, name, "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize(("name", "block"), blocks(light=False), ids=lambda value: value[:40])
def test_framework_block(name: str, block: str, tmp_path: Path) -> None:
    """A block that imports a framework runs in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", block],
        cwd=tmp_path,
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"{name}:\n{done.stderr}"
