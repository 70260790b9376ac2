"""The trainer protocol, the one loop that drives it, and what it writes."""

from glidepath.training.loop import Outputs, Progress, drive
from glidepath.training.records import Evaluation, RecordWriter, RunInfo, RunRecord, read_record
from glidepath.training.tensorboard import ScalarWriter
from glidepath.training.trainer import Laner, LaneTrial, LaneTrier, Metric, Prober, Trainer, Updates

__all__ = [
    "CooldownBy",
    "Evaluation",
    "LaneTrial",
    "LaneTrier",
    "Laner",
    "Metric",
    "Outputs",
    "Prober",
    "Progress",
    "RecordWriter",
    "RunInfo",
    "RunRecord",
    "ScalarWriter",
    "Trainer",
    "Updates",
    "WallClock",
    "cooldown_by",
    "drive",
    "read_record",
]
