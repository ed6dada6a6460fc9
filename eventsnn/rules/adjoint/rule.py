"""The spike adjoint as a rule that is found by name."""

from __future__ import annotations

from typing import Any

from eventsnn.rules.adjoint.options import AdjointOptions
from eventsnn.rules.learner import Learner
from eventsnn.rules.rule import Rule


class Adjoint(Rule):
    """The rule ``adjoint``."""

    kind = "adjoint"
    Options = AdjointOptions

    @classmethod
    def learner(cls, options: Any, threads: int = 1) -> Learner:
        """Return a network that learns by this rule."""
        from eventsnn.rules.adjoint.learner import AdjointLearner

        return AdjointLearner(options, threads)
