"""`compare` and `tune`: policies × seeds on one task, from the range test to the result on disk."""

from __future__ import annotations

import importlib.metadata
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from glidepath.errors import ArgumentError, StudyError
from glidepath.finding.finder import EFFORTS, Found
from glidepath.finding.result import RangeTest
from glidepath.schedules import Policy, Schedule, checks
from glidepath.studies import worker
from glidepath.studies.arguments import (
    checked_policies,
    checked_seeds,
    checked_task,
    checked_workers,
)
from glidepath.studies.assemble import Flight, best, judged_on, results
from glidepath.studies.costs import Costs
from glidepath.studies.defaults import DEFAULTS, check_names
from glidepath.studies.pool import Call, Executor, Pool, check_sendable, open_pool
from glidepath.studies.progress import Silent, StudyProgress
from glidepath.studies.recommend import recommend
from glidepath.studies.result import StudyResult
from glidepath.studies.setting import Setting, alike, set_policies, shapes
from glidepath.studies.storage import Folder
from glidepath.studies.summary import summary
from glidepath.studies.task import StudyTask
from glidepath.training import RunRecord

EPOCHS = 20
SEEDS = 10
SWEEPS = 5
"""Sweeps of the range test; their median is taken."""
EFFORT = "standard"
"""What the finder spends on the rate of each default policy."""

Report = Callable[[StudyResult, Path], object]


def compare(  # noqa: PLR0913 - each is a choice of the user's
    task: StudyTask,
    policies: Mapping[str, Policy | Schedule | None],
    *,
    out: Path | str,
    epochs: int = EPOCHS,
    seeds: int | Sequence[int] = SEEDS,
    workers: int | Executor = 2,
    effort: str | None = EFFORT,
    progress: StudyProgress | None = None,
    report: Report | None = None,
) -> StudyResult:
    """Train every policy on every seed and compare them.

    What is done is in `out` as soon as it is done; called again with the same arguments after an
    interrupt or a kill, the study goes on from there.

    Args:
        task: something with a name that opens as a Trainer; see `StudyTask`.
        policies: the policies by name; None for the default of that name, which a range test sets.
        out: the folder for records, event files and results: new, empty, or of this same study.
        epochs: the length of each run.
        seeds: how many seeds (0, 1, ...), or the seeds; every policy trains from the same ones.
        workers: how many processes train at a time (1: this one), or an executor.
        effort: what the finder may spend on the rate of each default policy: "quick", "standard"
            or "thorough"; None sets their rates from the range test alone.
        progress: whom to tell; nobody if None. `studies.progress_for(console)` makes one.
        report: called with the result and `out` before the end, e.g. `viewing.write_report`; its
            `load()`, where it has one, is called first and counts as start-up. A function that
            it returns is called at the very end with the cost, which the report is part of.

    Returns:
        The result, which is also in `out/summary.json`.

    Raises:
        ArgumentError: an argument that cannot be right.
        PlanError: a policy that does not fit the run.
        StudyError: a folder that holds another study; a worker that was killed.
    """
    if not isinstance(policies, Mapping) or not policies:
        raise ArgumentError(
            f"compare: policies must be a mapping of names to policies, got {policies!r}; "
            'give e.g. {"cosine": gp.cosine_decay(0.1, "100%")}'
        )
    return _Study(task, policies, Path(out), epochs, seeds, workers, effort).run(progress, report)


def tune(  # noqa: PLR0913 - each is a choice of the user's
    task: StudyTask,
    *,
    out: Path | str,
    epochs: int = EPOCHS,
    seeds: int | Sequence[int] = SEEDS,
    policies: Iterable[str] | Mapping[str, Policy | Schedule | None] | None = None,
    workers: int | Executor = 2,
    effort: str | None = EFFORT,
    progress: StudyProgress | None = None,
    report: Report | None = None,
) -> StudyResult:
    """Find the rates with a range test, set the classic policies from it, and compare them.

    Args:
        task: as in `compare`, like all the rest.
        out: the folder.
        epochs: the length of each run.
        seeds: how many seeds, or the seeds.
        policies: the names of the default policies to take (all if None), or a mapping as in
            `compare`, whose own policies are compared with the rest.
        workers: how many processes, or an executor.
        effort: what the finder may spend on each policy, or None.
        progress: whom to tell.
        report: called with the result and `out`.

    Returns:
        The result, with the range test.
    """
    if isinstance(policies, Mapping):
        wanted = dict(policies)
    else:
        wanted = dict.fromkeys(check_names(DEFAULTS if policies is None else policies))
    if not wanted:
        raise ArgumentError("tune: policies must name at least one, got none; leave it out for all")
    study = _Study(task, wanted, Path(out), epochs, seeds, workers, effort, always_sweep=True)
    return study.run(progress, report)


class _Study:
    """One session of a study."""

    def __init__(
        self,
        task: StudyTask,
        policies: Mapping[str, Policy | Schedule | None],
        out: Path,
        epochs: int,
        seeds: int | Sequence[int],
        workers: int | Executor,
        effort: str | None,
        always_sweep: bool = False,
    ) -> None:
        self.key = uuid.uuid4().hex
        self.task = checked_task(task)
        self.policies = checked_policies(policies)
        self.folder = Folder(out.expanduser().absolute())
        self.epochs = checks.count("study", "epochs", epochs)
        self.seeds = checked_seeds(seeds)
        self.workers = checked_workers(workers)
        self.sweep = always_sweep or None in self.policies.values()
        self.effort = None if effort is None else checks.choice("study", "effort", effort, EFFORTS)
        if workers != 1:
            check_sendable(f"the task {task.name!r}", task)
            for name, policy in self.policies.items():
                check_sendable(f"the policy {name!r}", policy)

    def run(self, progress: StudyProgress | None, report: Report | None) -> StudyResult:
        """From what is in the folder to the result."""
        with self.folder.locked():
            stored = self.folder.open(self.identity())
            self.costs = Costs(self.folder)
            with progress or Silent() as self.progress:
                try:
                    with open_pool(self.workers, self.listen) as pool:
                        ready = self.prepared(stored, pool)
                        records = self.flown(ready, pool)
                    return self.concluded(ready, records, report)
                except BaseException:  # what an interrupted session took is charged as well
                    if self.folder.begun:
                        self.costs.save(now=True)
                    raise

    def identity(self) -> dict[str, Any]:
        """What must be the same for a folder to be resumed."""
        return {
            "task": self.task.name,
            "fingerprint": getattr(self.task, "fingerprint", None),  # of the task's file
            "engine": getattr(self.task, "engine", None),  # of Keras
            "epochs": self.epochs,
            "seeds": list(self.seeds),
            "policies": {
                name: None if policy is None else policy.to_spec()
                for name, policy in self.policies.items()
            },
            "range_test": self.sweep,
            "effort": self.effort,
            "glidepath": importlib.metadata.version("glidepath"),
        }

    def listen(self, message: worker.Message) -> None:
        """A worker's message on how far it is."""
        if (message.name, message.seed) in self.waiting:
            self.progress.running(message.name, message.seed, message.step)

    def prepared(self, stored: dict[str, Any], pool: Pool) -> Setting:
        """The policies, set: as they were stored, or from a range test now."""
        self.waiting: set[tuple[str, int]] = set()
        if "setting" in stored:
            return self.stored_setting(stored["setting"])
        self.progress.stage(f"opening {self.task.name} ...")
        described = self.describe(pool)
        test = self.range_test(pool) if self.sweep else None
        ready = set_policies(described, self.epochs, test, self.policies)
        ready.plans(self.task.name)
        unset = [name for name, policy in self.policies.items() if policy is None]
        if self.effort is not None and unset:
            ready = ready.moved(self.search(pool, shapes(ready, unset), ready))
        self.folder.write_study({**stored, "setting": ready.to_json()})
        return ready

    def describe(self, pool: Pool) -> worker.Described:
        """Open the task in every process; what it is like."""
        calls: list[Call] = [(worker.describe, (self.key, self.task))] * pool.processes
        found = None
        for _, (described, spent) in cast("Any", self.costs.run(pool, calls)):
            self.costs.add(spent)
            found = described
        assert found is not None
        return cast("worker.Described", found)

    def range_test(self, pool: Pool) -> RangeTest:
        """The range test, in one of the processes."""
        call: Call = (worker.sweep, (self.key, self.task, SWEEPS, {}))
        [(_, (test, spent))] = cast("Any", list(self.costs.run(pool, [call])))
        self.costs.add(spent)
        self.progress.stage(
            f"range test: {test.updates} updates; a rate of {test.suggested:.3g} is suggested, "
            f"{test.low:.3g} to {test.high:.3g} for cycles"
        )
        for warning in test.warnings:
            self.progress.stage(f"careful: {warning}")
        return cast("RangeTest", test)

    def search(
        self, pool: Pool, wanted: Mapping[str, Policy], setting: Setting
    ) -> dict[str, Found]:
        """What the finder finds for each shape, as many at a time as there are processes."""
        assert self.effort is not None
        twins = alike(setting, wanted)
        names, budget = list(dict.fromkeys(twins.values())), f"{self.epochs}ep"
        self.progress.stage(f"finding the rate of each of {len(names)} shapes ...")
        calls: list[Call] = [
            (worker.search, (self.key, self.task, wanted[name], budget, self.effort))
            for name in names
        ]
        found = {}
        for index, (one, spent) in cast("Any", self.costs.run(pool, calls)):
            self.costs.add(spent)
            found[names[index]] = one
            low, high = one.interval
            self.progress.stage(
                f"{names[index]}: a peak of {one.learning_rate:.3g} ({low:.3g} to {high:.3g})"
            )
        return {name: found[twin] for name, twin in twins.items()}

    def stored_setting(self, data: Mapping[str, Any]) -> Setting:
        """The policies as an earlier session set them."""
        try:
            return Setting.from_json(data)
        except StudyError as error:
            raise StudyError(
                f"{self.folder.path / 'study.json'}: {error}; remove the folder to begin again"
            ) from error

    def flown(self, ready: Setting, pool: Pool) -> dict[tuple[str, int], RunRecord]:
        """Every run's record: those that were there, and the rest flown now, seed by seed."""
        found: dict[tuple[str, int], RunRecord] = {}
        jobs: list[worker.Job] = []
        board = worker.has_board()
        for seed in self.seeds:
            for name, plan in ready.plans(self.task.name).items():
                record = self.folder.finished(name, seed, plan.fingerprint)
                if record is not None:
                    found[name, seed] = record
                    continue
                jobs.append(
                    worker.Job(
                        name=name,
                        policy=ready.policies[name].policy,
                        seed=seed,
                        epochs=self.epochs,
                        record=self.folder.record(name, seed),
                        board=self.folder.board(name, seed) if board else None,
                    )
                )
        if jobs and not board:
            self.progress.stage(
                'no TensorBoard files without tensorboard: pip install "glidepath[tensorboard]"'
            )
        self.progress.begin(
            len(jobs) + len(found), len(found), self.epochs * ready.described.steps_per_epoch
        )
        return found | self.fly(jobs, pool)

    def fly(self, jobs: list[worker.Job], pool: Pool) -> dict[tuple[str, int], RunRecord]:
        """The record of every job, as many at a time as there are processes."""
        found = {}
        self.waiting = {(job.name, job.seed) for job in jobs}
        calls: list[Call] = [(worker.fly, (self.key, self.task, job)) for job in jobs]
        for index, result in self.costs.run(pool, calls):
            job, ended = jobs[index], cast("worker.Flown", result)
            self.costs.add(ended.spent)
            self.waiting.discard((job.name, job.seed))
            self.progress.ended(job.name, job.seed, ended.record.outcome)
            self.costs.save()
            found[job.name, job.seed] = ended.record
        return found

    def concluded(
        self, ready: Setting, records: Mapping[tuple[str, int], RunRecord], report: Report | None
    ) -> StudyResult:
        """The result, reported and stored."""
        self.progress.stage("comparing and drawing ...")
        with self.costs.importing():
            import scipy.special  # noqa: F401  (the statistics' quantiles)

            getattr(report, "load", lambda: None)()
        result = self.result(ready, records)
        finish = None if report is None else report(result, self.folder.path)
        self.costs.save(now=True)
        result = replace(result, cost=self.costs.total())
        if callable(finish):
            finish(result.cost)
        self.folder.write_summary(summary(result))
        return result

    def result(self, ready: Setting, records: Mapping[tuple[str, int], RunRecord]) -> StudyResult:
        """What the records say."""
        metric = ready.described.metric
        flights = [
            Flight(name, item.policy, tuple(records[name, seed] for seed in self.seeds))
            for name, item in ready.policies.items()
        ]
        compared = results(flights, metric)
        return StudyResult(
            task=self.task.name,
            metric=metric,
            total_steps=self.epochs * ready.described.steps_per_epoch,
            steps_per_epoch=ready.described.steps_per_epoch,
            seeds=self.seeds,
            policies=compared,
            range_test=ready.test,
            recommended=recommend(
                flights,
                compared,
                metric,
                ready.plans(self.task.name)[best(flights, metric).name],
                getattr(self.task, "code_for", None),
                ready.described.batch_size,
            ),
            cost=self.costs.total(),
            notes={name: item.note for name, item in ready.policies.items()},
            split=judged_on(flights),
            found=ready.found,
        )
