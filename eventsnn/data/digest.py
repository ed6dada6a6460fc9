"""A digest of arrays: what data are, told in 32 letters, and whether a file still holds them.

The cyclic sum (CRC-32) of every MiB, and the SHA-256 of these sums. It finds what goes wrong by
accident: a changed byte always, anything else but once in four billion times. It guards against
nobody: who can change a file can change the digest in it. `docs/explanation/decisions-data.md` has
its speed.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.threads import cores, in_threads

BLOCK_BYTES = 1 << 20
"""Part of the format of films and the cache: with another length all digests are others."""


def digest_of(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the digest of named arrays: their names, dtypes, shapes and bytes.

    Parameters
    ----------
    arrays : mapping of str to array
        Their order counts.

    Returns
    -------
    str
        32 hexadecimal letters, the same on every machine and in every process.
    """
    told, sums = "", []
    for name, array in arrays.items():
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        told += f"{name} {little.dtype.str} {array.shape}\n"
        sums += sums_of(little.reshape(-1).view(np.uint8).data)
    return digest_of_sums(told, sums)


def sums_of(raw: memoryview) -> list[int]:
    """Return the cyclic sum of every block of bytes; on all cores."""
    blocks = [raw[i : i + BLOCK_BYTES] for i in range(0, len(raw), BLOCK_BYTES)]
    return in_threads(zlib.crc32, blocks, cores() if len(blocks) > 1 else 1)


def digest_of_sums(told: str, sums: Iterable[int]) -> str:
    """Return the digest of what is told of some bytes, and of the sums of their blocks."""
    digest = hashlib.sha256(told.encode())
    for total in sums:
        digest.update(total.to_bytes(4, "little"))
    return digest.hexdigest()[:32]


class Summed:
    """Sums bytes that come in pieces, as ``sums_of`` sums them as a whole."""

    def __init__(self) -> None:
        self.sums: list[int] = []
        self._room = 0

    def add(self, raw: memoryview | bytes) -> None:
        """Sum the next bytes."""
        view = memoryview(raw)
        while len(view):
            if not self._room:
                self.sums.append(0)
                self._room = BLOCK_BYTES
            piece = view[: self._room]
            self.sums[-1] = zlib.crc32(piece, self.sums[-1])
            self._room -= len(piece)
            view = view[len(piece) :]
