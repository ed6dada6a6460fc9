"""The event-driven backprop MLP as a rule that is found by name."""

from __future__ import annotations

from typing import Any

from eventsnn.rules.deep_spiking.options import DeepSpikingOptions
from eventsnn.rules.learner import Learner
from eventsnn.rules.rule import Rule


class DeepSpiking(Rule):
    """The rule ``deep-spiking`` of O'Connor & Welling (2016)."""

    kind = "deep-spiking"
    aliases = ("herding",)
    Options = DeepSpikingOptions

    @classmethod
    def learner(cls, options: Any, threads: int = 1) -> Learner:
        """Return a network that learns by this rule."""
        from eventsnn.rules.deep_spiking.learner import HerdingLearner

        return HerdingLearner(options)
