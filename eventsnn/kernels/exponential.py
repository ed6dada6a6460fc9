"""exp(x) for x <= 0 within a kernel, without a call: a loop around it keeps its registers.

x is k ln 2 / 32 + r with a whole k, and exp(x) = 2^(k // 32) 2^(k % 32 / 32) exp(r): the second
factor from a table, the last one from its series: r is at most ln 2 / 64 away from 0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import int64, types
from numba.extending import intrinsic

from eventsnn.kernels.compile import inlined

_STEPS, _SHIFT, _MASK = 32, 5, np.uint64(31)
_int: Any = int64
_POWERS = np.array([2.0 ** (k / _STEPS) for k in range(_STEPS)])
_PER_STEP = _STEPS / math.log(2)
_LOW = -708.0
"""Below it stands 0: the next powers of 2 are no longer held in full precision."""

# ln 2 / 32 in two parts: whole multiples of the first one below 2**20 are exact.
_HIGH_BITS = 0.021660849335603416
_LOW_BITS = 5.689487495325457e-11


def _power_of_two(_: Any, exponent: Any) -> Any:
    """Return 2.0 to a whole power from -1022 to 1023."""

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        i64 = ir.IntType(64)
        return b.bitcast(b.shl(b.add(args[0], i64(1023)), i64(52)), ir.DoubleType())

    return types.float64(types.int64), codegen


power_of_two: Any = intrinsic(_power_of_two)


@inlined
def decayed(x: float) -> float:
    """Return exp(x) of x <= 0 within an ulp; 0 below -708, and of NaN."""
    k = _int(x * _PER_STEP - 0.5)
    r = (x - k * _HIGH_BITS) - k * _LOW_BITS
    square = r * r
    high = 1.0 / 24.0 + r * (1.0 / 120.0) + square * (1.0 / 720.0)
    series = r + square * (0.5 + r * (1.0 / 6.0) + square * high)
    power = _POWERS[np.uint64(k) & _MASK]
    whole = (power + power * series) * power_of_two(k >> _SHIFT)
    return whole if x >= _LOW else 0.0
