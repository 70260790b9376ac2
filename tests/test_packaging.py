"""The package as a whole: what it imports, what it asks for, how its rooms lie, what it commits."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import json
import os
import re
import statistics
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "glidepath"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
HEAVY = {
    *("accelerate", "flax", "jax", "jaxlib", "keras", "lightning", "optax", "tensorflow", "torch"),
    *("transformers", "ray", "scipy", "sklearn"),
    *("matplotlib", "plotly", "rich", "tensorboard", "typer"),
}


# --- imports ----------------------------------------------------------------------------------


def run_python(code: str, **environment: str) -> str:
    """What this code prints in a Python of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_glidepath_imports_nothing_heavy():
    imported = json.loads(
        run_python("import glidepath, json, sys; print(json.dumps(sorted(sys.modules)))")
    )
    assert "glidepath" in imported
    assert "numpy" in imported
    assert HEAVY & set(imported) == set()


@pytest.mark.speed
def test_importing_glidepath_takes_less_than_twice_numpys_time(tmp_path):
    # Where Python is told to keep no bytecode, one of the two would be compiled anew each time.
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(tmp_path)}

    def seconds(module: str) -> float:
        start = time.perf_counter()
        run_python(f"import {module}", **compiled)
        return time.perf_counter() - start

    seconds("glidepath")  # compiles both, and warms the disk's cache
    pairs = [(seconds("glidepath"), seconds("numpy"), seconds("sys")) for _ in range(9)]
    start_up = statistics.median(pair[2] for pair in pairs)
    ours = statistics.median(pair[0] for pair in pairs) - start_up
    numpys = statistics.median(pair[1] for pair in pairs) - start_up
    assert ours < 2 * numpys, f"glidepath {ours:.3f} s, numpy {numpys:.3f} s"


@pytest.mark.keras
def test_keras_runs_on_the_engine_that_was_asked_for():
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    assert keras.backend.backend() == os.environ.get("KERAS_BACKEND", keras.backend.backend())


def test_everything_public_is_documented():
    import glidepath

    lacking = []
    for name in sorted(glidepath.__all__):
        thing = getattr(glidepath, name)
        if not (inspect.isclass(thing) or inspect.isroutine(thing)):
            continue
        if not inspect.getdoc(thing):
            lacking.append(name)
        members = vars(thing).items() if inspect.isclass(thing) else ()
        lacking += [
            f"{name}.{member}"
            for member, value in members
            if not member.startswith("_")
            and (inspect.isroutine(value) or isinstance(value, property))
            and not inspect.getdoc(getattr(thing, member))
        ]
    assert lacking == []


# --- what is asked for ------------------------------------------------------------------------


def requirements() -> dict[str, list[Requirement]]:
    """The requirements of the package itself ("") and of each extra but those made of others."""
    groups = {"": PROJECT["dependencies"], **EXTRAS}
    parsed = {name: [Requirement(line) for line in lines] for name, lines in groups.items()}
    return {
        name: wanted
        for name, wanted in parsed.items()
        if not any(canonicalize_name(each.name) == "glidepath" for each in wanted)
    }


def lower_bound(requirement: Requirement) -> str | None:
    bounds = [each.version for each in requirement.specifier if each.operator == ">="]
    return bounds[0] if len(bounds) == 1 else None


def pins(file: str) -> dict[str, str]:
    lines = (ROOT / file).read_text().splitlines()
    entries = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in entries}


@pytest.mark.parametrize("group", sorted(requirements()), ids=lambda name: name or "base")
def test_every_requirement_has_a_lower_bound(group):
    unbounded = [str(each) for each in requirements()[group] if lower_bound(each) is None]
    assert unbounded == []


def test_the_lowest_constraints_are_the_lower_bounds():
    bounds = {
        canonicalize_name(each.name): lower_bound(each)
        for wanted in requirements().values()
        for each in wanted
    }
    assert pins("constraints-lowest.txt") == bounds


def test_a_requirement_of_several_extras_has_one_bound():
    seen: dict[str, set[str | None]] = {}
    for wanted in requirements().values():
        for each in wanted:
            seen.setdefault(canonicalize_name(each.name), set()).add(lower_bound(each))
    assert {name: bounds for name, bounds in seen.items() if len(bounds) > 1} == {}


def test_the_pinned_set_covers_what_the_tests_install_and_respects_the_bounds():
    pinned = pins("constraints.txt")
    not_tested_yet = {"ray"}
    for group, wanted in requirements().items():
        if group in not_tested_yet:
            continue
        for each in wanted:
            version = pinned.get(canonicalize_name(each.name))
            assert version is not None, f"{each.name} is not in constraints.txt"
            assert version in each.specifier, f"{each} does not allow the pinned {version}"


def test_all_means_every_extra_for_users():
    (everything,) = (Requirement(line) for line in EXTRAS["all"])
    assert everything.extras == set(EXTRAS) - {"all", "dev", "docs"}


def test_the_command_and_the_version_are_installed():
    scripts = importlib.metadata.entry_points(group="console_scripts", name="glidepath")
    assert [script.value for script in scripts] == ["glidepath.cli:main"]
    version = run_python("import glidepath; print(glidepath.__version__)").strip()
    assert importlib.metadata.version("glidepath") == version


def test_what_is_installed_carries_its_types_and_its_licence():
    assert (SOURCE / "py.typed").is_file()
    licence = (ROOT / "LICENSE").read_text()
    assert "Apache License" in licence
    assert "Version 2.0, January 2004" in licence
    assert PROJECT["license"] == "Apache-2.0"


# --- the rooms and the house rules ------------------------------------------------------------


def test_the_rooms_contracts_hold():
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [str(command), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def python_files() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        yield path, ast.parse(path.read_text(), filename=str(path))


def imported_packages(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module).partition(".")[0]


def test_schedules_import_the_standard_library_and_numpy_only():
    allowed = sys.stdlib_module_names | {"numpy", "glidepath"}
    strangers = {
        f"{path.relative_to(ROOT)}: {package}"
        for path, tree in python_files()
        if path.relative_to(SOURCE).parts[0] == "schedules"
        for package in imported_packages(tree)
        if package not in allowed
    }
    assert strangers == set()


def test_rooms_do_not_use_the_front_door():
    """`from glidepath import ...` in a room would go round the order of the rooms, unseen."""
    offences = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in python_files()
        if path.name not in {"cli.py", "__main__.py"}
        for node in ast.walk(tree)
        if (isinstance(node, ast.ImportFrom) and node.module == "glidepath" and not node.level)
        or (isinstance(node, ast.Import) and any(a.name == "glidepath" for a in node.names))
    }
    assert offences == set()


def lines_of_code(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function after its docstring."""
    first = function.body[0]
    last_before = first.end_lineno if ast.get_docstring(function) else first.lineno - 1
    return int(function.end_lineno or 0) - int(last_before or 0)


def test_files_and_functions_stay_short():
    long = []
    for path, tree in python_files():
        lines = len(path.read_text().splitlines())
        if lines >= 400:
            long.append(f"{path.relative_to(ROOT)}: {lines} lines")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = lines_of_code(node)
                if lines >= 50:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {lines}")
    assert long == []


def public_rooms() -> set[str]:
    """The rooms and faces that users import; backends are reached through their faces."""
    files = {path.stem for path in SOURCE.glob("[!_]*.py")}
    folders = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    return (files | folders) - {"backends", "cli"}


@pytest.mark.parametrize("room", sorted(public_rooms()))
def test_every_room_has_its_page_in_the_api(room):
    page = ROOT / "docs" / "api" / f"{room}.md"
    assert page.is_file(), f"write docs/api/{room}.md: a heading and '::: glidepath.{room}'"
    assert f"::: glidepath.{room}" in page.read_text()
    assert f"api/{room}.md" in (ROOT / "mkdocs.yml").read_text(), "name the page in mkdocs.yml"


# --- what is committed ------------------------------------------------------------------------


def tracked_texts() -> Iterator[tuple[str, str]]:
    """Every text file that git tracks, or, where there is no git, that the package is made of."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    names = listing.stdout.split("\0") if listing.returncode == 0 else []
    names = [name for name in names if name] or [
        str(path.relative_to(ROOT)) for path in SOURCE.rglob("*.py")
    ]
    for name in names:
        path = ROOT / name
        if path.suffix in {".png", ".gif", ".gz", ".npz", ".keras"} or not path.is_file():
            continue
        yield name, path.read_text(encoding="utf-8")


# Written so that this file does not hold what it looks for.
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:work|home|root|Users|opt)/\w|(?<![\w.])/tm[p]/\w")
REGISTRY_HOSTS = re.compile(
    r"pypi[.](?:org|python[.]org)|pythonhosted[.]org|download[.]pytorch[.]org"
    r"|(?:extra-)?index-ur[l]|registry[.]npmjs|anaconda[.]org|conda[.]anaconda"
)


@pytest.mark.parametrize("pattern", [MACHINE_PATHS, REGISTRY_HOSTS], ids=["paths", "hosts"])
def test_nothing_of_this_machine_is_committed(pattern):
    found = [
        f"{name}:{number}: {line.strip()}"
        for name, text in tracked_texts()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_the_patterns_find_what_they_are_for():
    assert MACHINE_PATHS.search("see /" + "home/someone/x")
    assert MACHINE_PATHS.search("in /" + "tmp/x")
    assert not MACHINE_PATHS.search("docs/home/index.md")
    assert REGISTRY_HOSTS.search("https://pypi" + ".org/simple")
