"""The contract of a learning rule."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from eventsnn.rules.learner import Learner
from eventsnn.rules.rule_options import RuleOptions


class Rule(ABC):
    """A learning rule, found by its ``kind``.

    Attributes
    ----------
    kind : str
        The word that ``--rule`` takes.
    aliases : tuple of str
        Older words for it; they are taken for ever, in checkpoints too.
    Options : type
        Its options: a frozen dataclass.
    """

    kind: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    Options: ClassVar[type[RuleOptions]]

    @classmethod
    @abstractmethod
    def learner(cls, options: Any, threads: int = 1) -> Learner:
        """Return a network that learns by this rule, as the ``TrainOptions`` describe it."""
