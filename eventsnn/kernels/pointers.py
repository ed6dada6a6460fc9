"""Tables of compiled functions that a kernel calls, or of arrays that it takes, by number.

numba can call a function through a typed pointer, but reads each one out of its Python
object at every entry, which costs a few microseconds apiece. Here the addresses stand in
one array, and only the address of that array is read. The signature is part of the
table's type: a kernel that was cached for another one does not fit.

Arrays are told the same way, so that a kernel is compiled once, however many there are: a
tuple of arrays has their number in its type.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import (
    NativeValue,
    intrinsic,
    models,
    register_model,
    typeof_impl,
    unbox,
)
from numba.np.arrayobj import populate_array
from numpy.typing import NDArray

_proxy: Any = cgutils.create_struct_proxy
_populate: Any = populate_array
_is_not_null: Any = cgutils.is_not_null
_native: Any = NativeValue


class Pointers:
    """Compiled functions of one signature.

    Parameters
    ----------
    functions : sequence of numba.cfunc or None
        At least one; where there is None nothing may be called.
    """

    def __init__(self, functions: Sequence[Any]) -> None:
        self.functions = tuple(functions)  # held, or their code would go
        self.signature = next(f._sig for f in functions if f)
        self._addresses = np.array([f.address if f else 0 for f in functions], np.int64)
        self.base = int(self._addresses.ctypes.data)


class PointersType(types.Type):
    """numba's type of ``Pointers``."""

    def __init__(self, signature: Any) -> None:
        self.function = types.FunctionType(signature)
        super().__init__(name=f"Pointers({signature})")


class Arrays:
    """Flat arrays of one dtype, which live as long as this does.

    Parameters
    ----------
    arrays : sequence of arrays (n,)
        C-contiguous; a kernel may write to those that are writeable, and must not to others.
    dtype : dtype
        Theirs; told apart, since there may be none.
    """

    def __init__(self, arrays: Sequence[NDArray[Any]], dtype: Any) -> None:
        self.arrays, self.dtype = tuple(arrays), np.dtype(dtype)
        for array in self.arrays:
            if array.dtype != self.dtype or array.ndim != 1 or not array.flags.c_contiguous:
                raise TypeError(f"an array of {array.dtype} {array.shape}, not flat {self.dtype}")
        places = [(array.ctypes.data, len(array)) for array in self.arrays]
        self._places = np.array(places, np.int64).reshape(-1, 2)
        self.base = int(self._places.ctypes.data)


class ArraysType(types.Type):
    """numba's type of ``Arrays``."""

    def __init__(self, dtype: Any) -> None:
        self.array = types.Array(numba.from_dtype(dtype), 1, "C")
        super().__init__(name=f"Arrays({dtype})")


register_model(PointersType)(models.OpaqueModel)
register_model(ArraysType)(models.OpaqueModel)


@typeof_impl.register(Pointers)
def _typeof(value: Pointers, _: Any) -> PointersType:
    return PointersType(value.signature)


@typeof_impl.register(Arrays)
def _typeof_arrays(value: Arrays, _: Any) -> ArraysType:
    return ArraysType(value.dtype)


def address_of(_: Any, obj: Any, c: Any) -> Any:
    """Take an object into compiled code as the address that its ``base`` says."""
    base = c.pyapi.object_getattr_string(obj, "base")
    address = c.pyapi.long_as_voidptr(base)
    c.pyapi.decref(base)
    failed = _is_not_null(c.builder, c.pyapi.err_occurred())
    return _native(address, is_error=failed)


_unboxes: Any = unbox
_unboxes(PointersType)(address_of)
_unboxes(ArraysType)(address_of)


def _pointer(_: Any, table: Any, index: Any) -> Any:
    """Return function ``index`` of a table."""

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        base = b.bitcast(args[0], ir.IntType(64).as_pointer())
        function = _proxy(table.function)(context, b)
        function.c_addr = b.inttoptr(b.load(b.gep(base, [args[1]])), cgutils.voidptr_t)
        return function._getvalue()

    return table.function(table, types.int64), codegen


pointer: Any = intrinsic(_pointer)


def _picked(_: Any, table: Any, index: Any) -> Any:
    """Return array ``index`` of a table."""

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        i64 = ir.IntType(64)
        place = b.gep(b.bitcast(args[0], i64.as_pointer()), [b.mul(args[1], i64(2))])
        address, size = b.load(place), b.load(b.gep(place, [i64(1)]))
        element = context.get_data_type(table.array.dtype)
        width = i64(context.get_abi_sizeof(element))
        array = context.make_array(table.array)(context, b)
        data = b.inttoptr(address, element.as_pointer())
        _populate(array, data, [size], [width], width, meminfo=None)
        return array._getvalue()

    return table.array(table, types.int64), codegen


picked: Any = intrinsic(_picked)
