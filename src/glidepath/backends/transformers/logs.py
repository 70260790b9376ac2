"""When a `Trainer` logs its training loss, and when it evaluates, known before it trains."""

from __future__ import annotations

import math
from typing import Any

from transformers.trainer_utils import IntervalStrategy

_Moment = tuple[int, int]
"""An update, and whether it is at the end of an epoch, which comes after the end of the step."""


def unlogged(args: Any, state: Any, batches: Any) -> str | None:
    """What is wrong where an evaluation comes before the training loss was ever logged.

    Args:
        args: the trainer's `TrainingArguments`.
        state: its `TrainerState` when training begins, a checkpoint's where one is resumed.
        batches: what it draws batches from.

    Returns:
        The sentence, with what to do; None where nothing is wrong, or nothing can be known.
    """
    if any("loss" in row for row in state.log_history):
        return None
    epoch = _epoch(batches, args.gradient_accumulation_steps)
    logged, evaluated = _first_log(args, state, epoch), _first_evaluation(args, state, epoch)
    if logged is None or evaluated is None or logged <= evaluated:
        return None
    return (
        "a controller monitors 'loss', the training loss that is logged, and the first evaluation "
        f"comes after update {evaluated[0]}, before the first log, after update {logged[0]}; give "
        f"TrainingArguments(logging_strategy='steps', logging_steps={evaluated[0]}), or monitor "
        "'eval_loss'"
    )


def _epoch(batches: Any, accumulated: int) -> int | None:
    """The updates of an epoch, None where the data do not know their length."""
    try:
        return max(math.ceil(len(batches) / accumulated), 1)
    except TypeError:
        return None


def _first_log(args: Any, state: Any, epoch: int | None) -> _Moment | None:
    done = state.global_step
    if args.logging_first_step and done == 0:
        return 1, 0
    if args.logging_strategy == IntervalStrategy.STEPS:
        return _after(done, state.logging_steps), 0
    if args.logging_strategy == IntervalStrategy.EPOCH and epoch is not None:
        return min(_after(done, epoch), state.max_steps), 1
    return None


def _first_evaluation(args: Any, state: Any, epoch: int | None) -> _Moment | None:
    done = state.global_step
    if args.eval_strategy == IntervalStrategy.STEPS:
        least = max(done, math.ceil(args.eval_delay) - 1)
        return min(_after(least, state.eval_steps), state.max_steps), 0
    if args.eval_strategy == IntervalStrategy.EPOCH and epoch is not None:
        least = max(done, (math.ceil(args.eval_delay) - 1) * epoch)
        return min(_after(least, epoch), state.max_steps), 1
    return None


def _after(done: int, every: float) -> int:
    """The first multiple of `every` that is more than `done` updates."""
    step = max(int(every), 1)
    return (done // step + 1) * step
