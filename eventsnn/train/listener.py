"""Who is told how a run goes."""

from __future__ import annotations

from typing import Any

from eventsnn.rules.learned import Rates


class Listener:
    """Told how a run goes; the command line draws it."""

    def compiling(self) -> None:
        """Kernels are compiled or loaded now."""

    def started(self, rates: list[Rates]) -> None:
        """Initial weights are chosen; ``rates`` is empty where they do not depend on data."""

    def epoch_begins(self, epoch: int, epochs: int, samples: int) -> None:
        """Epoch ``epoch`` (from 1) begins."""

    def progress(self, done: int, accuracy: float) -> None:
        """``done`` samples are learned; the accuracy so far in this epoch, while learning."""

    def epoch_ends(self, row: dict[str, Any]) -> None:
        """One row of the history is complete, and saved."""
