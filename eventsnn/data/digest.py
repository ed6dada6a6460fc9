"""A digest of arrays: what data are, told in 32 letters, and whether a file still holds them.

The cyclic sum (CRC-32) of every MiB, and the SHA-256 of these sums. It finds what goes wrong by
accident: a changed byte always, anything else but once in four billion times. It guards against
nobody: who can change a file can change the digest in it. `docs/decisions.md` has its speed.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.threads import cores, in_threads

BLOCK_BYTES = 1 << 20


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
    digest = hashlib.sha256()
    blocks: list[memoryview] = []
    for name, array in arrays.items():
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        digest.update(f"{name} {little.dtype.str} {array.shape}\n".encode())
        raw = little.reshape(-1).view(np.uint8).data
        blocks += [raw[i : i + BLOCK_BYTES] for i in range(0, len(raw), BLOCK_BYTES)]
    for total in in_threads(zlib.crc32, blocks, cores() if len(blocks) > 1 else 1):
        digest.update(total.to_bytes(4, "little"))
    return digest.hexdigest()[:32]
