"""Who judges a published figure: within a tolerance, at least, at most, fails too, or nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eventsnn.reproduce.paper import Figure, Judge, Result, Verdict


def _verdict(met: bool, **details: float) -> Verdict:
    return Verdict("met" if met else "missed", details=details)


@dataclass(frozen=True)
class Within(Judge):
    """Ours differs from the figure by at most ``tolerance``; a row without a figure misses."""

    tolerance: float

    def judge(self, figure: Figure, rows: Mapping[str, Result]) -> Verdict:
        """Look at the first seed."""
        ours = rows[figure.row][figure.key]
        near = ours is not None and abs(ours - figure.value) <= self.tolerance
        return _verdict(near, tolerance=self.tolerance)


@dataclass(frozen=True)
class AtLeast(Judge):
    """Ours is ``bound`` or more."""

    bound: float

    def judge(self, figure: Figure, rows: Mapping[str, Result]) -> Verdict:
        """Look at the first seed."""
        ours = rows[figure.row][figure.key]
        return _verdict(ours is not None and ours >= self.bound, at_least=self.bound)


@dataclass(frozen=True)
class AtMost(Judge):
    """Ours is ``bound`` or less."""

    bound: float

    def judge(self, figure: Figure, rows: Mapping[str, Result]) -> Verdict:
        """Look at the first seed."""
        ours = rows[figure.row][figure.key]
        return _verdict(ours is not None and ours <= self.bound, at_most=self.bound)


@dataclass(frozen=True)
class Shown(Judge):
    """Nothing judges the figure: it stands beside ours, and ``reason`` says why."""

    reason: str

    def judge(self, figure: Figure, rows: Mapping[str, Result]) -> Verdict:
        """Say the reason."""
        return Verdict("shown", details={"reason": self.reason})


@dataclass(frozen=True)
class Beside(Judge):
    """The figure stands beside another of its row, whose verdict is that of both."""

    def judge(self, figure: Figure, rows: Mapping[str, Result]) -> None:
        """Say nothing."""
