"""CooldownAdvice: says during `fit` what a cool-down begun now would give, and can begin it."""

from __future__ import annotations

import math
import sys
from collections.abc import MutableMapping
from typing import Any

import keras
from keras import ops

from glidepath.backends.advising import AdviserLike, checked
from glidepath.backends.keras.flight import Flight
from glidepath.backends.keras.noise import GradientNoise
from glidepath.errors import ArgumentError


class CooldownAdvice(keras.callbacks.Callback):
    """Says at the ends of epochs: "a cool-down now would give about −0.08 ± 0.02".

    `model.fit(..., callbacks=[flight, CooldownAdvice(gp.Adviser(runs=["probe.csv"]), flight)])`.
    The number is also in the epoch's logs, and so on the progress line, as `cooldown_gain`: not a
    number in the epochs without an answer.

    Args:
        adviser: a `gp.Adviser`.
        flight: what flies the rate; it must come before this callback. None where the rate is the
            optimizer's own, which is then read at every epoch's end.
        monitor: the loss to tell it: "val_loss" or "loss"; of the kind of the adviser's runs.
        noise: the gradients' noise, for where no decay was seen; a callback of the same fit.
        apply: begin the cool-down when the law says that its time has come, to end where the plan
            ends. Off by default; needs a flight.

    Raises:
        ArgumentError: no adviser; `apply` without a flight; when training, a loss that is not
            there.
    """

    def __init__(
        self,
        adviser: AdviserLike,
        flight: Flight | None = None,
        monitor: str = "val_loss",
        *,
        noise: GradientNoise | None = None,
        apply: bool = False,
    ) -> None:
        super().__init__()
        self._adviser = checked(adviser, "CooldownAdvice")
        if apply and flight is None:
            raise ArgumentError(
                "CooldownAdvice: apply=True needs the flight whose rate comes down; give "
                "CooldownAdvice(adviser, flight, apply=True)"
            )
        self._flight, self._monitor, self._apply = flight, monitor, apply
        self._noise = noise
        self.applied_at: int | None = None
        """The update at which a cool-down was begun; None where none was."""
        self.said: list[str] = []
        """What was said so far."""

    def on_epoch_end(self, epoch: int, logs: MutableMapping[str, Any] | None = None) -> None:
        """Tell the adviser, and pass on what it says."""
        values = {} if logs is None else logs
        if "cooldown_gain" not in values:  # there from the first epoch on: a CSVLogger needs it
            values["cooldown_gain"] = math.nan
        if self._monitor not in values:
            raise ArgumentError(
                f"CooldownAdvice: the epoch has no {self._monitor!r}, it has {sorted(values)}; "
                "give monitor=, or fit the validation data"
            )
        optimizer = self.model.optimizer
        step = int(ops.convert_to_numpy(optimizer.iterations))
        rate = values.get("learning_rate")
        if rate is None:
            rate = ops.convert_to_numpy(optimizer.learning_rate)
        self._adviser.saw(step, float(values[self._monitor]), float(rate))
        trace = None if self._noise is None else self._noise.trace(float(rate))
        if trace is not None:
            self._adviser.noisy(trace)
        plan = None if self._flight is None else self._flight.plan
        advice = self._adviser.advise(plan, ahead=self._apply)
        if advice is None or self.applied_at is not None:
            return
        if advice.gain is not None:
            values["cooldown_gain"] = advice.gain.mean
        self._say(str(advice))
        total = None if plan is None else plan.total_steps
        if self._apply and advice.due and self._flight is not None and total and step < total:
            self._flight.cooldown(total - step)
            self.applied_at = step
            self._say(f"the cool-down begins, over {total - step} updates")

    def _say(self, words: str) -> None:
        if not self.said or self.said[-1] != words:
            self.said.append(words)
            if self.params.get("verbose", 1):
                sys.stdout.write(f"\n{words}\n")
