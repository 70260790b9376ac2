"""The documentation is true: its Python blocks run, and what they assert holds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
PAGES = sorted({ROOT / "README.md", *(ROOT / "docs").rglob("*.md")} - {*TUTORIALS})
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\d[\d,]*\.?\d*(?:e[-+]?\d+)?")
BETWEEN = "-- the next block --"
ONE_BY_ONE = f"""
import os, runpy
folder = os.getcwd()
for number in range({{count}}):
    print({BETWEEN!r}, number, flush=True)
    os.chdir(os.path.join(folder, str(number)))
    runpy.run_path("block.py", run_name="__main__")
"""
ENGINES = ("glidepath.keras", "glidepath.torch", "glidepath.optax", "import keras", "import torch")


def blocks(*, light: bool) -> list[tuple[str, str]]:
    """Every Python block of the pages, by page and number; light ones need no framework."""
    found = []
    for page in PAGES:
        for number, block in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")), start=1):
            if light != any(word in block for word in ENGINES):
                found.append((f"{page.relative_to(ROOT)}-{number}", block))
    return found


@pytest.mark.parametrize(("name", "block"), blocks(light=True), ids=lambda value: value[:40])
def test_block(name: str, block: str) -> None:
    """A block that needs no framework runs as it stands."""
    exec(compile(block, name, "exec"), {"__name__": "__main__"})


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a Python of its own."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        # One thread: threads that wait for each other are slow on a busy machine.
        env={**os.environ, "KERAS_BACKEND": "jax", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def by_framework() -> dict[str, list[tuple[str, str]]]:
    """The blocks that need a framework, by which one: it is imported once for all of them."""
    found: dict[str, list[tuple[str, str]]] = {"keras": [], "optax": [], "torch": []}
    for name, block in blocks(light=False):
        words = [word for word in ("keras", "optax") if f"glidepath.{word}" in block]
        found[words[0] if words else "keras" if "import keras" in block else "torch"].append(
            (name, block)
        )
    return found


@pytest.mark.parametrize("framework", ["keras", "optax", "torch"])
def test_framework_blocks(framework: str, tmp_path: Path) -> None:
    """Blocks that import a framework run, each with names and a folder of its own."""
    chosen = by_framework()[framework]
    assert len(chosen) > 3
    for number, (name, block) in enumerate(chosen):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "block.py").write_text(f"# {name}\n{block}", encoding="utf-8")
    done = run(ONE_BY_ONE.format(count=len(chosen)), tmp_path)
    last = done.stdout.rpartition(BETWEEN)[2].split() or ["0"]
    assert done.returncode == 0, f"{chosen[int(last[0])][0]}:\n{done.stderr}"


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_tutorial(page: Path, tmp_path: Path) -> None:
    """A tutorial's blocks run one after the other, and print what the page says they print."""
    parts = SHOWN.findall(page.read_text(encoding="utf-8"))
    done = run(f"\nprint({BETWEEN!r})\n".join(code for code, _ in parts), tmp_path)
    assert done.returncode == 0, f"{page.name}:\n{done.stderr}"
    printed = done.stdout.split(f"{BETWEEN}\n") if parts else []
    for (code, shown), got in zip(parts, printed, strict=True):
        same(shown, got, f"{page.name}:\n{code}")


def same(shown: str, got: str, where: str) -> None:
    """The same words, and numbers within three percent: training differs a little by machine."""
    for line, expected in zip(got.splitlines(), shown.splitlines(), strict=True):
        assert NUMBER.sub("#", line) == NUMBER.sub("#", expected), where
        for one, other in zip(NUMBER.findall(line), NUMBER.findall(expected), strict=True):
            value = float(other.replace(",", ""))
            assert float(one.replace(",", "")) == pytest.approx(value, rel=0.03), where


def test_what_a_page_says_wrongly_is_found() -> None:
    """The comparison above can fail."""
    same("rate 0.045\n", "rate 0.0451\n", "")
    for wrong in ("rate 0.0423\n", "Rate 0.045\n", "rate 0.045\nmore\n", ""):
        with pytest.raises((AssertionError, ValueError)):
            same("rate 0.045\n", wrong, "")
