"""The schedulers of other libraries under their own names and arguments, as Glidepath schedules.

`glidepath.compat.torch.CosineAnnealingLR(0.1, T_max=100)`: the base rate comes first where the
native class takes it from the optimizer, then come the native arguments. What comes back is a
schedule or policy like any other, to be planned, drawn, saved and flown in every framework. The
run may end at any update of it, as natively. No framework is imported.

Native arguments that mean nothing here are taken and count for nothing (`name`, `verbose`, a
`last_epoch` of -1), or are listed in `docs/divergences.md`.

The rates are the native ones, and the same rates can train differently in another framework: with
momentum, Keras keeps the rate inside the velocity and torch and Optax outside, and weight decay is
coupled to the gradient in some optimizers and to the rate in others. A rate that was good before
the move is a starting point after it; "Same rates, different training" in `docs/conventions.md`
says what to do.

Where the native scheduler is wrong, Glidepath does the right thing; `docs/divergences.md` lists
every such place, from which update on, and why.
"""

from glidepath.compat import keras, optax, torch, transformers

__all__ = ["keras", "optax", "torch", "transformers"]
