"""What the options of a rule may answer beside their fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from eventsnn.options import flat
from eventsnn.options.described import with_options


class RuleOptions:
    """Base of a rule's options, which are a frozen dataclass of ``eventsnn.options.option``.

    Attributes
    ----------
    group : str
        Their name in the JSON of a run; "": the rule's kind.
    """

    group: ClassVar[str] = ""

    @classmethod
    def recipe(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the defaults of a run, its own options and the rule's, where they differ.

        Parameters
        ----------
        given : mapping
            What was given, and always ``data``, ``layers`` and ``facts``: of the data
            (``eventsnn.data.facts.Facts``), those of filmed digits before they are known.
        """
        return {}

    def completed(self, epochs: int) -> Self:
        """Fill in what depends on the number of epochs."""
        return self

    def to_json(self, kind: str) -> dict[str, Any]:
        """Return them as plain JSON, to stand among the options of a run of the rule ``kind``."""
        return {self.group or kind: flat(self)}

    @classmethod
    def of_older(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Return what the JSON of an older run says by the names and forms of today."""
        return values


class TellsOptions:
    """A class whose help tells the options that are declared in its ``Options``."""

    Options: ClassVar[type[RuleOptions]]

    def __init_subclass__(cls, **more: Any) -> None:
        """Add them to the docstring of a class that has a ``kind``."""
        super().__init_subclass__(**more)
        if "kind" in vars(cls):
            cls.__doc__ = with_options(cls.__doc__ or "", cls.__name__, cls.Options)
