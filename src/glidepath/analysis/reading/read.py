"""`read_run`: any log to a `LoggedRun`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from glidepath.analysis.rates import Array, RateCurve, from_log, from_plan
from glidepath.analysis.reading import mend, outliers, parts
from glidepath.analysis.reading.clock import Clock, clock_of
from glidepath.analysis.reading.columns import Columns, choose, listed
from glidepath.analysis.reading.events import read_events
from glidepath.analysis.reading.live import Log, from_memory
from glidepath.analysis.reading.records import as_table, from_record
from glidepath.analysis.reading.table import Table, read_bytes
from glidepath.analysis.reading.text import read_csv, read_json
from glidepath.analysis.run import LoggedRun
from glidepath.errors import ArgumentError, RecordError
from glidepath.schedules import Duration, Policy, Schedule, as_policy
from glidepath.schedules.durations import resolve_total
from glidepath.training.records import RunRecord, read_record

_LONGEST = 10**10
_TELLING = 5
"""Rows with a rate and no loss, at the end of a log, that tell of a loss that was lost."""


def read_run(
    path: Log | Sequence[Log],
    *,
    loss: str | None = None,
    step: str | None = None,
    rate: str | None = None,
    policy: Policy | Schedule | None = None,
    total: Duration | None = None,
    steps_per_epoch: int | None = None,
) -> LoggedRun:
    """Read a training run from what it left on disk, or from a Keras `History`.

    Glidepath records, CSV (Keras's CSVLogger, Lightning's metrics.csv, a Weights & Biases export,
    any other with a header), JSON (a Keras `History`, Transformers' trainer_state.json, rows) and
    TensorBoard event folders. Damage is mended where that is safe and told in `warnings`.

    Args:
        path: the file, or the folder of event files, or what Keras's `fit` returned, or a dict of
            lists. Several are the parts of one run that was stopped and went on; where they
            overlap, the later part counts.
        loss: the column to predict; guessed from the names if None, a validation loss first.
        step: the column of updates; guessed if None.
        rate: the column of learning rates, in every row or in some; guessed if None.
        policy: the policy that was flown, in place of logged rates.
        total: updates in the run, or `"90ep"`; the last step that was logged if None.
        steps_per_epoch: updates in an epoch, where the log counts epochs.

    Raises:
        RecordError: not a log, too damaged, or without a loss, steps or learning rates.
    """
    where, found, known = _parts(path)
    steps_per_epoch = known if steps_per_epoch is None else steps_per_epoch
    if isinstance(found[0], RunRecord) and len(found) == 1:
        return from_record(found[0], where[0].stem, loss)
    tables = [as_table(part) if isinstance(part, RunRecord) else part for part in found]
    table = tables[0] if len(tables) == 1 else parts.joined(tables)
    columns = choose(table, loss, step, rate)
    name = "+".join(part.name for part in where)
    steps = _steps(name, table, columns, steps_per_epoch)
    if len(tables) > 1:
        table, steps = parts.ordered(
            table, steps, [part.name for part in where], [each.length for each in tables]
        )
    return _build(name, (table, steps), columns, policy, total, steps_per_epoch)


def _parts(given: Log | Sequence[Log]) -> tuple[list[Path], list[Table | RunRecord], int | None]:
    """The parts' names and contents, and the updates in an epoch where a history knows them."""
    logs = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    if not logs:
        raise ArgumentError("read_run: needs a path, got an empty list")
    names: list[Path] = []
    found: list[Table | RunRecord] = []
    known: int | None = None
    for log in logs:
        if isinstance(log, Path | str):
            names.append(Path(log))
            found.append(_content(names[-1]))
        else:
            table, steps = from_memory(log)
            names.append(Path("history"))
            found.append(table)
            known = steps if known is None else known
    return names, found, known


def _content(where: Path) -> Table | RunRecord:
    """What a path holds."""
    if where.is_dir() or "tfevents" in where.name:
        return read_events(where)
    data = read_bytes(where)
    if data[:200].lstrip().startswith(b'{"glidepath_record"'):
        return _own(where)
    return _text(where, data)


def _own(where: Path) -> RunRecord:
    try:
        return read_record(where)
    except RecordError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise RecordError(f"{where} is a damaged run record: {error!r}") from error


def _text(where: Path, data: bytes) -> Table:
    if not data.strip():
        raise RecordError(f"{where} is empty")
    text = data.decode("utf-8-sig", "replace")
    odd = sum(text[:4096].count(c) for c in ("\0", "�"))
    if odd > 0.05 * min(len(text), 4096):
        raise RecordError(
            f"{where} is not a text file, nor a TensorBoard event file by its name; "
            "give a CSV, a JSON or a folder of event files"
        )
    return read_json(where, text) if text.lstrip()[:1] in ("{", "[") else read_csv(where, text)


def _build(
    name: str,
    rows: tuple[Table, Array],
    columns: Columns,
    policy: Policy | Schedule | None,
    total: Duration | None,
    steps_per_epoch: int | None,
) -> LoggedRun:
    table, steps = rows
    when, values, notes = mend.series(steps, table.columns[columns.loss], "loss")
    if when.size == 0:
        raise RecordError(f"{name}: no loss with a step is left; was it all NaN?")
    blank = _diverged(table, columns)
    clock = _clock(table, columns, steps)
    rates, more = _rates(name, rows, columns, clock, policy, (total, steps_per_epoch))
    others = {
        key: mend.series(steps, table.columns[column], key)[:2]
        for key, column in columns.others.items()
    }
    if columns.of == "validation":
        when = clock.evaluated(when)
    if "validation_loss" in others:
        seen, found = others["validation_loss"]
        others["validation_loss"] = (clock.evaluated(seen), found)
    warnings = (*table.notes, *columns.notes, *blank, *notes, *more)
    per_epoch = steps_per_epoch
    if per_epoch is None and columns.epoch is not None:
        per_epoch = parts.epoch_length(table.columns[columns.epoch], steps)
    lost = _lost(table, columns, steps)
    return LoggedRun(name, when, values, rates, columns.of, others, warnings, per_epoch, lost)


def _clock(table: Table, columns: Columns, steps: Array) -> Clock:
    """How the log counts, by the steps of its rates, or of its training losses without them."""
    if columns.step is None or columns.step == columns.epoch:
        return Clock(before=False)
    column = columns.rate
    if column is None:
        if columns.of == "validation" and "train_loss" not in columns.others:
            return Clock(before=False)
        column = columns.loss if columns.of == "train" else columns.others["train_loss"]
    return clock_of(table.kind, mend.series(steps, table.columns[column], "")[0])


def _steps(name: str, table: Table, columns: Columns, steps_per_epoch: int | None) -> Array:
    """Updates done at each row."""
    if columns.step is not None and columns.step != columns.epoch:
        return table.columns[columns.step]
    if columns.epoch is None:
        raise RecordError(
            f"{name}: no column counts updates or epochs among {listed(table.columns)}; "
            "name it, e.g. step='iteration'"
        )
    if steps_per_epoch is None:
        raise RecordError(
            f"{name} counts epochs; give steps_per_epoch, the number of updates in one"
        )
    epochs = table.columns[columns.epoch]
    finite = epochs[np.isfinite(epochs)]
    whole = bool(np.all(finite == np.round(finite)))
    from_zero = whole and finite.size > 0 and float(finite.min()) == 0
    return np.asarray((epochs + (1 if from_zero else 0)) * steps_per_epoch)


def _rates(
    name: str,
    rows: tuple[Table, Array],
    columns: Columns,
    clock: Clock,
    policy: Policy | Schedule | None,
    length: tuple[Duration | None, int | None],
) -> tuple[RateCurve, list[str]]:
    """The rates of the run, and what was assumed."""
    (table, steps), (total, steps_per_epoch) = rows, length
    last = _last(table, columns, steps, clock)
    if policy is not None:
        if total is None:
            flown = as_policy(policy).plan(last, steps_per_epoch, strict=False)
            return from_plan(flown), [f"took the last logged step, {last}, for the run's length"]
        return from_plan(as_policy(policy).plan(total, steps_per_epoch)), []
    if columns.rate is None:
        raise RecordError(
            f"{name} has no learning rate among {listed(table.columns)}; name its column with "
            "rate=, or give the policy that was flown with policy="
        )
    when, rates, notes = mend.series(steps, table.columns[columns.rate], "learning rate")
    usable = rates >= 0
    when, rates = when[usable], rates[usable]
    if rates.size == 0 or rates.max() <= 0:
        raise RecordError(f"{name}: {columns.rate!r} has no rate above zero; give policy= instead")
    rates, damaged = outliers.lone_rates(when, rates)
    notes += damaged
    if columns.step is None and steps_per_epoch is not None:
        when, rates = _held(when, rates, steps_per_epoch)
        notes.append("one rate per epoch was logged; it is taken to hold during the epoch")
    else:
        when = clock.rated(when)
    start, begin = _begun(when, rates, last)
    updates = None if total is None else resolve_total(total, steps_per_epoch)[0]
    return from_log(when, rates, updates or last, start), [*notes, *begin]


def _begun(when: Array, rates: Array, last: int) -> tuple[float, list[str]]:
    """The rate of update 0, where the log begins later, and a word on it.

    What was not logged matters: the laws count the sum of all rates. A gap of more than an entry
    or two is taken for a linear warm-up, which is what most logs leave out, unless it is a fifth
    of the run.
    """
    first = float(when[0])
    if first == 0 or when.size < 2:
        return float(rates[0]), []
    usual = float(np.median(np.diff(when)))
    if first > 0.2 * last:
        return float(rates[0]), [
            f"no rate was logged before update {first:.0f}; the first one is taken to hold"
        ]
    if first > 2 * usual:
        return 0.0, [
            f"no rate was logged before update {first:.0f}; a linear warm-up from zero is assumed "
            "(give policy= if it was another)"
        ]
    slope = max(float(rates[1] - rates[0]) / float(when[1] - first), 0.0)
    return max(float(rates[0]) - slope * first, 0.0), []


def _held(when: Array, rates: Array, per_epoch: int) -> tuple[Array, Array]:
    """Rates logged at the ends of epochs, each held from the epoch's first update to its last."""
    first = np.maximum(when - per_epoch, 0)
    pairs = np.column_stack([first, np.maximum(when - 1, first)]).ravel()
    steps, index = np.unique(pairs, return_index=True)
    return steps, np.repeat(rates, 2)[index]


def _last(table: Table, columns: Columns, steps: Array, clock: Clock) -> int:
    """The updates done when the last loss or rate was logged, of a resumed run its later part's."""
    ends = []
    for name, evaluated in ((columns.loss, columns.of == "validation"), (columns.rate, False)):
        if name is not None:
            logged = mend.series(steps, table.columns[name], "")[0]
            last = int(np.max(logged, initial=0))
            done = int(clock.evaluated(np.asarray(last))) if evaluated else clock.total(last)
            ends.append(done if logged.size else 0)
    if not clock.total(0) < max(ends) < _LONGEST:
        raise RecordError(f"the last step is {max(ends)}, which cannot be a run's length")
    return max(ends)


def _diverged(table: Table, columns: Columns) -> tuple[str, ...]:
    """A word where the loss turned NaN for good while the log went on."""
    missing = ~np.isfinite(table.columns[columns.loss])
    if columns.rate is None:
        return ()
    logged = missing & np.isfinite(table.columns[columns.rate])
    usual = np.isfinite(table.columns[columns.loss]) & np.isfinite(table.columns[columns.rate])
    count = int(np.sum(logged))
    if count and usual.any() and count < int(usual.sum()):
        return (f"{count} rows have a learning rate but no finite loss; they are left out",)
    return ()


def _lost(table: Table, columns: Columns, steps: Array) -> int | None:
    """The last update with a finite loss, where the log goes on for long with rates alone."""
    if columns.rate is None:
        return None
    good = mend.usable(steps)
    loss = np.isfinite(table.columns[columns.loss])
    rates = steps[good & np.isfinite(table.columns[columns.rate])]
    both = steps[good & loss & np.isfinite(table.columns[columns.rate])]
    if both.size < _TELLING or 2 * both.size < np.sum(rates <= both.max()):
        return None
    last = float(np.max(steps[good & loss]))
    return int(last) if int(np.sum(rates > last)) >= _TELLING else None
