"""Tables of compiled functions."""

import numba
import numpy as np
from numba import float64, int64

from eventsnn.simulate.pointers import Pointers, pointer


@numba.cfunc(float64(float64, int64))
def add(x, k):
    return x + k


@numba.cfunc(float64(float64, int64))
def times(x, k):
    return x * k


@numba.cfunc(int64(int64))
def twice(k):
    return 2 * k


@numba.njit
def use(table, other, index, x):
    return pointer(table, index)(x, 3) + pointer(other, 0)(index)


def test_functions_are_called_by_number():
    table, other = Pointers([add, times]), Pointers([twice])
    assert use(table, other, 0, 1.5) == 4.5
    assert use(table, other, 1, 1.5) == 6.5
    assert [use(table, other, k, 2.0) for k in np.array([1, 0])] == [8.0, 5.0]


def test_the_signature_is_part_of_the_type():
    assert numba.typeof(Pointers([add])) == numba.typeof(Pointers([times, add]))
    assert numba.typeof(Pointers([add])) != numba.typeof(Pointers([twice]))
