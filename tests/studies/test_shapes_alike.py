"""Shapes that are the same are searched once."""

import glidepath as gp
from glidepath.studies.setting import Setting, alike
from glidepath.studies.worker import Described
from glidepath.training import Metric


def test_only_the_shape_counts():
    described = Described(10, Metric("loss", False), ("learning_rate", "momentum"), 32)
    setting = Setting(described, 4, None, {}, {})
    line = gp.polynomial_decay(1.0, 0.0, "100%")
    wanted = {
        "plateau": gp.as_policy(line),
        "polynomial": gp.as_policy(0.03 * line),
        "cosine": gp.as_policy(gp.cosine_decay(1.0, "100%")),
        "flying momentum": gp.as_policy(gp.one_cycle(1.0)),
        "rate alone": gp.as_policy(gp.one_cycle(2.0, momentum=None)),
    }
    twins = {name: name for name in wanted} | {"polynomial": "plateau"}
    assert alike(setting, wanted) == twins
