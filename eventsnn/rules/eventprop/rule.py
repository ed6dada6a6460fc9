"""EventProp as a rule that is found by name."""

from __future__ import annotations

from typing import Any

from eventsnn.rules.eventprop.options import EventPropOptions
from eventsnn.rules.learner import Learner
from eventsnn.rules.rule import Rule


class EventProp(Rule):
    """The rule ``eventprop``."""

    kind = "eventprop"
    Options = EventPropOptions

    @classmethod
    def learner(cls, options: Any, threads: int = 1) -> Learner:
        """Return a network that learns by this rule."""
        from eventsnn.rules.eventprop.learner import EventPropLearner

        return EventPropLearner(options, threads)
