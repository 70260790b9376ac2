"""What the terminal shows of a prediction, a recommendation and a diagnosis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from glidepath.analysis import Diagnosis, Difference, Prediction, Recommendation
from glidepath.viewing import numbers

_ROWS = 8


def prediction_table(found: Prediction) -> Group:
    """The predicted loss at some updates, and the end in a sentence."""
    places = places_for(float(found.high[-1] - found.low[-1]))
    low, high = (numbers.fixed(value, places) for value in found.interval)
    said = Text(
        f"after {numbers.count(found.step[-1])} updates the loss would be "
        f"{numbers.fixed(found.final, places)}, 90 % interval {low} to {high}\n"
    )
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for head in ("update", "loss", "low", "high"):
        table.add_column(head, justify="right")
    rows = np.unique(np.linspace(0, found.step.size - 1, _ROWS).round().astype(int))
    for row in rows:
        values = (found.mean[row], found.low[row], found.high[row])
        cells = [numbers.fixed(float(value), places) for value in values]
        table.add_row(numbers.count(float(found.step[row])), *cells)
    return Group(said, table, *careful(found.warnings))


def recommendation_table(found: Recommendation, total: int) -> Group:
    """The recommended schedule, what it would give, and against what."""
    width = max((gain.width for gain in found.gains.values()), default=0.0)
    places = places_for(width)
    said = Text(
        f"{found.message}\n\nfor {numbers.count(total)} updates: {found.words}\n"
        f"the loss would end at {numbers.fixed(found.final, places)}\n"
    )
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("against")
    table.add_column("difference, 90 % interval", justify="right")
    table.add_column("")
    for name, gain in found.gains.items():
        same = gain.mean == 0 and gain.width == 0
        words = "the same" if same else "clear" if gain.clear else "not clear"
        table.add_row(name, difference(gain, places), words)
    return Group(said, table, *careful(found.warnings))


def diagnosis_text(found: Diagnosis) -> Group:
    """A diagnosis: the regime, the findings, and what to do next."""
    parts: list[Text] = [
        Text(f"\n{found.run}", style="bold"),
        Text(f"the rate: {found.regime}, {found.confidence} confidence ({found.evidence})"),
    ]
    for finding in found.findings:
        parts.append(Text(f"- {finding.kind.replace('_', ' ')}: {finding.text}"))
    parts.append(Text(found.advice))
    return Group(*parts)


def difference(gain: Difference, places: int) -> str:
    """A difference and half of its interval."""
    return f"{numbers.signed(gain.mean, places)} ± {numbers.fixed(gain.width, places)}"


def careful(warnings: Sequence[str]) -> list[Text]:
    """The warnings, a line each."""
    return [Text(f"careful: {words}", style="yellow") for words in warnings]


def places_for(width: float) -> int:
    """Decimals that show an interval of this width with two digits; 6 at the most."""
    if not width > 0:
        return 4
    return int(np.clip(1 - np.floor(np.log10(width)), 2, 6))


def tell(console: Console, *parts: Group | Text) -> None:
    """Print without marking up what is in the texts."""
    for part in parts:
        console.print(part, highlight=False)
