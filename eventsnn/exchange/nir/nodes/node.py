"""What every type of node gives: its parameters, checked, and the shape of what it passes on."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError
from eventsnn.text import named, shown
from eventsnn.topology.topology import MAX_UNITS

Shape = tuple[int, ...]
Raw = Mapping[str, Any]
Metadata = Mapping[str, Any]


class Node(ABC):
    """A node. Subclasses are named in files by ``kind``.

    Class attributes
    ----------------
    kind : str
        Its type, as NIR calls it.
    end : bool
        Whether it only marks where a graph begins or ends.
    """

    kind: ClassVar[str]
    end: ClassVar[bool] = False

    def __init__(self, raw: Raw, metadata: Metadata, where: str) -> None:
        self.where, self.metadata = where, metadata
        self.read(raw)

    @abstractmethod
    def read(self, raw: Raw) -> None:
        """Take the parameters out of a file's group; DataError where they are none."""

    @property
    def own_shape(self) -> Shape | None:
        """The shape of what it passes on, where its parameters say it."""
        return None

    @abstractmethod
    def fits(self, given: Shape) -> Shape:
        """Return the shape of what it passes on for ``given``; DataError if it takes none such."""

    def refuse(self, what: str) -> DataError:
        """Return an error that names the node."""
        return DataError(f"{self.where} ({self.kind}): {what}")

    def numbers(self, raw: Raw, name: str, usual: float | None = None) -> NDArray[Any]:
        """Return finite numbers of a parameter, float32 or float64."""
        if raw.get(name) is None:
            if usual is None:
                raise self.refuse(f"lacks {name}; give it")
            return np.array(usual)
        try:
            array = np.asarray(raw[name])
        except (TypeError, ValueError, RuntimeError) as error:
            raise self.refuse(f"{name} is {named(raw[name])}; give numbers") from error
        if array.dtype.kind not in "iuf":
            raise self.refuse(f"{name} has dtype {named(array.dtype)}; give real numbers")
        if array.dtype != np.float32:
            array = array.astype(np.float64)
        wrong = np.flatnonzero(~np.isfinite(array))
        if wrong.size:
            value = array.reshape(-1)[wrong[0]]
            raise self.refuse(f"{name} of element {wrong[0]} is {value}; give finite numbers")
        if not array.size:
            raise self.refuse(f"{name} is empty; give one number or more")
        return array

    def wholes(self, raw: Raw, name: str, least: int, usual: int | None = None) -> Shape:
        """Return whole numbers of at least ``least``, one or more."""
        found = self.numbers(raw, name, usual).reshape(-1)
        if (found != np.floor(found)).any() or (found < least).any() or (found > MAX_UNITS).any():
            given = shown(found.tolist())
            raise self.refuse(f"{name} is {given}; give whole numbers from {least}")
        return tuple(int(v) for v in found)

    def sides(self, raw: Raw, name: str, least: int, many: int, usual: int | None = None) -> Shape:
        """Return ``many`` whole numbers: one for each side, or one for all."""
        found = self.wholes(raw, name, least, usual)
        if len(found) not in (1, many):
            raise self.refuse(f"{name} is {shown(found)}; give {many} whole numbers")
        return found * many if len(found) == 1 else found

    def shape_of(self, raw: Raw, name: str) -> Shape:
        """Return a shape of units that can be counted."""
        found = self.wholes(raw, name, 1)
        if len(found) > 8 or math.prod(found) > MAX_UNITS:
            raise self.refuse(f"{name} is {shown(found)}; give at most {MAX_UNITS} units")
        return found
