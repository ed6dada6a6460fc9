"""How many events a session was given since its network was at rest."""

from __future__ import annotations

from typing import Any

from eventsnn.rules.rule import Rule


class Taken:
    """Counts events, for networks that take so many of them; of another rule, none are refused.

    Attributes
    ----------
    count : int
    """

    def __init__(self, rule: Rule[Any, Any] | None) -> None:
        self._rule, self.count = rule, 0

    def add(self, events: int) -> None:
        """Count more events; DataError for more than the network takes, which count not."""
        if self._rule is not None:
            where = "session: the stream since reset()"
            self._rule.check_events(self.count + events, where, "reset() now and then")
        self.count += events
