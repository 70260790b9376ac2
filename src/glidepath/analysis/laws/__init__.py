"""The laws of the loss: each a small pure function, all behind one `fit`."""

from glidepath.analysis.laws.convex import convex_bound
from glidepath.analysis.laws.law import Exposure, Law, Scale, expose
from glidepath.analysis.laws.multi_power import (
    LOG_POWER,
    MULTI_POWER,
    TEMPERED_POWER,
    log_power,
    multi_power,
    tempered_power,
)
from glidepath.analysis.laws.noise import noise_gain
from glidepath.analysis.laws.power import POWER, power
from glidepath.analysis.laws.tissue import QUICK_TISSUE, TISSUE, quick_tissue, tissue

LAWS = {
    law.name: law for law in (LOG_POWER, TEMPERED_POWER, MULTI_POWER, TISSUE, QUICK_TISSUE, POWER)
}
"""Every law that can be fitted, by name."""

__all__ = [
    "LAWS",
    "LOG_POWER",
    "MULTI_POWER",
    "POWER",
    "QUICK_TISSUE",
    "TEMPERED_POWER",
    "TISSUE",
    "Exposure",
    "Law",
    "Scale",
    "convex_bound",
    "expose",
    "log_power",
    "multi_power",
    "noise_gain",
    "power",
    "quick_tissue",
    "tempered_power",
    "tissue",
]
