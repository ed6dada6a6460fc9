"""Trained weights that others released: read from a file of theirs, without trust.

``--data checkpoint:FILE`` gives them to the rows that ask for them. The file stays where it
is: it is never copied, and nothing in it is run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from eventsnn.data.places import place
from eventsnn.errors import DataError, UserError
from eventsnn.files.arrays import Arrays, read_npz, read_safetensors

PREFIX = "checkpoint:"
"""What such a word begins with."""


@dataclass(frozen=True)
class Released:
    """What a row asks of a file of weights.

    Attributes
    ----------
    name : str
        Under which the word stands in the JSON's ``data``.
    arrays : mapping of str to tuple
        Names and shapes of the arrays that must be there, of real numbers; more may be.
    """

    name: str
    arrays: Mapping[str, tuple[int, ...]]

    def misfit(self, found: Arrays) -> str:
        """Say which array is missing or no such array; empty where all are right."""
        for name, shape in self.arrays.items():
            if name not in found:
                return f"holds no array {name!r}"
            array = found[name]
            if array.dtype.kind not in "fiu" or array.shape != shape:
                return f"{name} is {array.dtype} of shape {array.shape}, not numbers of {shape}"
            if not np.isfinite(array).all():
                at = tuple(int(k) for k in np.argwhere(~np.isfinite(array))[0])
                return f"{name}{list(at)} is {array[at]}, not finite"
        return ""

    def taken(self, found: Arrays) -> Arrays:
        """Return the arrays that are asked for, in their order."""
        return {name: found[name] for name in self.arrays}


def read_released(word: str) -> Arrays:
    """Read the arrays of ``checkpoint:FILE``, an ``.npz`` or ``.safetensors`` file.

    Raises
    ------
    UserError
        If there is no path, or it ends otherwise.
    DataError
        If there is no such file, or it is broken or holds anything but plain arrays.
    """
    path = word.removeprefix(PREFIX)
    if not path:
        raise UserError(f"data {word!r}: the path is missing; give checkpoint:FILE")
    file = place(path)
    suffix = file.suffix.lower()
    if suffix == ".npz":
        return read_npz(file)
    if suffix == ".safetensors":
        return read_safetensors(file)[0]
    raise UserError(f"data {word!r}: give weights as an .npz or .safetensors file")


def digest_of_released(arrays: Arrays) -> str:
    """Return a digest of names, shapes, types and values."""
    found = hashlib.sha256()
    for name, array in arrays.items():
        found.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:16]


def refused(word: str, found: Arrays, asked: list[tuple[str, Released]]) -> UserError:
    """Return the error of weights that no row takes.

    ``asked``: names of rows and what they ask for.
    """
    if not asked:
        return UserError(
            f"data {word!r}: no row of this paper reads released weights; leave it out"
        )
    why = "; ".join(f"row {row}: {need.misfit(found)}" for row, need in asked)
    return DataError(f"data {word!r}: no row takes these weights ({why}); give the file released")
