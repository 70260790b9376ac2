"""What to look at in a demonstration: a few plain sentences with its numbers."""

from __future__ import annotations

from glidepath.demos import Regimes
from glidepath.viewing import numbers


def regimes_text(found: Regimes) -> list[str]:
    """What the bowl shows, a line for each rate."""
    lines = [
        "Gradient descent in a bowl. Rates are in units of the stability edge: 1 is "
        "2 / (the largest curvature), and above it every step lands higher than it began.",
    ]
    for descent in found.descents:
        if descent.steps is not None:
            how = f"converged in {numbers.plural(descent.steps, 'step')}"
        elif descent.scale >= 1:
            how = "never converges"
        else:
            how = f"not converged in {numbers.count(len(descent.path) - 1)} steps"
        lines.append(f"  {numbers.rate(descent.scale):>6}  {descent.regime:<11}  {how}")
    lines.append(
        f"The best rate of this bowl is {numbers.rate(found.best_scale)} "
        f"({numbers.plural(found.best_steps, 'step')}): close below the edge. Look at the two "
        "sides: a hundred times less costs a hundred times the steps, a little more costs "
        "everything."
    )
    return lines
