"""The README's commands, and those of the documentation, work as they stand."""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import glidepath as gp

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
ELSEWHERE = ("git ", "cd ", "pip ", "python -m venv", "tensorboard ", "python benchmarks/", "open ")
"""Commands that set up a machine, start a server, or are tested where they belong."""


def commands() -> list[tuple[str, str]]:
    """Every command line of every page, without repetitions."""
    found: dict[str, str] = {}
    for page in PAGES:
        for block in BLOCK.findall(page.read_text(encoding="utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                command = line.split("  #")[0].strip()
                if command and not command.startswith("#"):
                    found.setdefault(command, page.name)
    return [(page, command) for command, page in found.items()]


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of the environment that runs the tests."""
    return subprocess.run(
        arguments,
        cwd=folder,
        env={**os.environ, "COLUMNS": "100", "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands run, with the files that they speak of."""
    place = tmp_path_factory.mktemp("readme")
    policy = gp.linear(0, 0.1, "5%") >> gp.cosine_decay(0.1, "95%")
    (place / "policy.json").write_text(json.dumps(policy.to_spec()), encoding="utf-8")
    (place / "examples").symlink_to(ROOT / "examples")
    return place


@pytest.mark.parametrize(("page", "command"), commands(), ids=lambda value: value[:60])
def test_command(page: str, command: str, folder: Path) -> None:
    """It is there, it exits with 0, and what it says it writes is written."""
    if command.startswith(ELSEWHERE):
        return
    if command.startswith("make "):
        targets = [word for word in shlex.split(command)[1:] if "=" not in word]
        done = run(["make", "--dry-run", *targets], ROOT)
        assert done.returncode == 0, done.stderr
        return
    program, *arguments = shlex.split(command)
    assert program == "glidepath", f"{page}: {command}"
    done = run([str(Path(sys.executable).parent / program), *arguments], folder)
    assert done.returncode == 0, f"{page}: {command}\n{done.stdout}\n{done.stderr}"
    for option, name in itertools.pairwise(arguments):
        if option in ("--png", "--json", "--out"):
            assert (folder / name).exists(), f"{page}: {command} wrote no {name}"


def test_the_two_commands_come_first() -> None:
    """A newcomer finds `make run` and `make test` before anything else."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.index("make run") < text.index("make test") < text.index("## ")


def test_every_verb_is_in_the_readme() -> None:
    """Each command of the command line has an example."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    done = run([str(Path(sys.executable).parent / "glidepath"), "--help"], ROOT)
    verbs = re.findall(r"^[│ ]+([a-z][a-z-]+)  ", done.stdout, re.MULTILINE)
    assert {"show", "compare", "tune"} <= set(verbs)
    for verb in verbs:
        assert f"glidepath {verb} " in text, verb
