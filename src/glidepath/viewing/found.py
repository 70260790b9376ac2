"""What the terminal shows of the finder's answer."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table
from rich.text import Text

from glidepath.finding.finder.found import Found
from glidepath.viewing import numbers
from glidepath.viewing.terminal import sparkline


def found_table(found: Found) -> Group:
    """The rate and its interval, the predicted curve in one line, the cost and the warnings."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column("what", no_wrap=True)
    table.add_column("rate", justify="right", no_wrap=True)
    table.add_column("meaning", style="dim")
    low, high = map(numbers.rate, found.interval)
    table.add_row(
        "learning rate",
        numbers.rate(found.learning_rate),
        f"the peak for the whole budget; likely between {low} and {high}",
        style="bold",
    )
    base, top = (numbers.rate(found.cyclical[name]) for name in ("low", "high"))
    table.add_row("cyclical", f"{base} to {top}", "base and top for cyclical rates")
    edge = (
        "the lowest rate above the best at which a lane diverged or learnt nothing"
        if found.diverges_at
        else "no lane diverged"
    )
    table.add_row("diverges", numbers.rate(found.diverges_at), edge)
    cost = found.cost
    spent = (
        f"{numbers.count(cost.lane_updates)} lane-updates ({cost.lane_updates / cost.budget:.2g} "
        f"of the budget), {numbers.count(cost.sequential_updates)} one after the other, "
        f"{numbers.seconds(cost.seconds)}; confidence: {found.confidence}"
    )
    curve = found.curve
    ends = (numbers.rate(curve.rates[0]), numbers.rate(curve.rates[-1]))
    line = f"loss  {ends[0]} {sparkline(curve.loss, 48)} {ends[1]}"
    warnings = [Text(f"careful: {words}", style="yellow") for words in found.warnings]
    return Group(Text(line), Text(""), table, Text(spent), *warnings)
