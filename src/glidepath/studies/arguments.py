"""The checks of a study's arguments, before anything is trained or written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from glidepath.errors import ArgumentError, SpecError
from glidepath.schedules import Policy, Schedule, as_policy, checks
from glidepath.studies.defaults import check_names
from glidepath.studies.pool import Executor
from glidepath.studies.storage import slug
from glidepath.studies.task import StudyTask


def checked_task(task: StudyTask) -> StudyTask:
    """The task, which must look like one."""
    if not isinstance(task, StudyTask) or not isinstance(task.name, str):
        raise ArgumentError(
            f"study: a task needs a name and open(), got {task!r}; "
            'give e.g. glidepath.tasks.load_task("digits")'
        )
    return task


def checked_policies(
    policies: Mapping[str, Policy | Schedule | None],
) -> dict[str, Policy | None]:
    """The policies by name, each of which must have a spec and a file name of its own."""
    found: dict[str, Policy | None] = {}
    files: dict[str, str] = {}
    for name, policy in policies.items():
        if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= 100:
            raise ArgumentError(
                f"study: a policy's name must be printable text of up to 100 characters, got "
                f"{name!r}; give another"
            )
        twin = files.setdefault(slug(name).lower(), name)
        if twin != name:
            raise ArgumentError(
                f"study: the policies {twin!r} and {name!r} would share their files; rename one"
            )
        if policy is None:
            check_names([name])
            found[name] = None
            continue
        found[name] = as_policy(policy)
        try:
            found[name].to_spec()  # type: ignore[union-attr]
        except SpecError as error:
            raise SpecError(
                f"the policy {name!r} cannot be part of a study, which must be able to write it "
                f"down: {error}"
            ) from error
    return found


def checked_seeds(seeds: int | Sequence[int]) -> tuple[int, ...]:
    """The seeds: a number of them, or themselves."""
    if isinstance(seeds, list | tuple | range):
        listed = tuple(checks.count("study", "a seed", seed, least=0) for seed in seeds)
        if not listed or len(set(listed)) != len(listed):
            raise ArgumentError(
                f"study: seeds must be different, and one at least, got {seeds!r}; give e.g. 5"
            )
        return listed
    return tuple(range(checks.count("study", "seeds", seeds)))


def checked_workers(workers: int | Executor) -> int | Executor:
    """A number of processes, or an executor."""
    if hasattr(workers, "submit"):
        return workers
    return checks.count("study", "workers", workers)
