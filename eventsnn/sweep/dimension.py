"""What a sweep tries of one option: some values, or a range of numbers."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

DIGITS = 6
"""Of numbers that are drawn, so that a trial can be typed again."""


@dataclass(frozen=True)
class Dimension(ABC):
    """One option of a space.

    Attributes
    ----------
    name : str
        Of the option.
    when : tuple of (str, tuple)
        Options above it and their values, with which alone it is there, and those that they need
        in turn; empty: always.
    """

    name: str
    when: tuple[tuple[str, tuple[Any, ...]], ...]

    def active(self, values: dict[str, Any]) -> bool:
        """Return whether it is there, beside the values of those above it."""
        return all(name in values and values[name] in wanted for name, wanted in self.when)

    @abstractmethod
    def at(self, share: float) -> Any:
        """Return the value at a share of the whole, from 0 to below 1."""

    @abstractmethod
    def grid(self) -> list[Any] | None:
        """Return every value, None where they are no finite number."""

    @abstractmethod
    def edges(self) -> list[Any]:
        """Return the values that are checked before anything runs; the first stands for it."""

    @abstractmethod
    def suggested(self, trial: Any) -> Any:
        """Return the value that one of Optuna's trials has, or is given now."""


@dataclass(frozen=True)
class OneOf(Dimension):
    """One of some values: numbers, words, true or false."""

    values: tuple[Any, ...]

    def at(self, share: float) -> Any:
        """Every value has the same share."""
        return self.values[int(share * len(self.values))]

    def grid(self) -> list[Any]:
        """All values, in their order."""
        return list(self.values)

    def edges(self) -> list[Any]:
        """All values."""
        return list(self.values)

    def suggested(self, trial: Any) -> Any:
        """One of the categories."""
        return trial.suggest_categorical(self.name, self.values)


@dataclass(frozen=True)
class Range(Dimension):
    """Numbers from ``low`` to ``high``, both of them included.

    Attributes
    ----------
    log : bool
        Whether the logarithm is drawn evenly.
    step : int or float or None
        Between neighbours; None: any number between, of whole ones 1.
    whole : bool
        Whether they are whole numbers.
    """

    low: float
    high: float
    log: bool
    step: float | None
    whole: bool

    @property
    def count(self) -> int | None:
        """How many values there are; None where any number may be one."""
        step = self.step or (1 if self.whole else None)
        return None if step is None else math.floor((self.high - self.low) / step + 1e-9) + 1

    def at(self, share: float) -> float:
        """Evenly along the range, or its logarithm."""
        if self.count is not None and not self.log:
            return self._value(int(share * self.count))
        if not self.log:
            return self._within(self.low + share * (self.high - self.low))
        # A whole number stands for all that is rounded to it.
        more = 0.5 if self.whole else 0.0
        low, high = math.log(self.low - more), math.log(self.high + more)
        return self._within(math.exp(low + share * (high - low)))

    def _value(self, k: int) -> float:
        return self._within(self.low + k * (self.step or 1))

    def _within(self, value: float) -> float:
        """Return a number as it is written, whole where it shall be, never beyond the ends."""
        value = round(value) if self.whole else float(f"{value:.{DIGITS}g}")
        return min(max(value, self.low), self.high)

    def grid(self) -> list[Any] | None:
        """Whole numbers, or those a step apart."""
        return None if self.count is None else [self._value(k) for k in range(self.count)]

    def edges(self) -> list[Any]:
        """Both ends."""
        return [self.low, self.high]

    def suggested(self, trial: Any) -> float:
        """Within the bounds."""
        high = self.high
        if self.step is not None and self.count is not None:
            high = self._value(self.count - 1)
        suggest = trial.suggest_int if self.whole else trial.suggest_float
        step = (self.step or 1) if self.whole else self.step
        found: float = suggest(self.name, self.low, high, step=step, log=self.log)
        return found
