"""Tables of compiled functions that a kernel calls by number.

numba can call a function through a typed pointer, but reads each one out of its Python
object at every entry, which costs a few microseconds apiece. Here the addresses stand in
one array, and only the address of that array is read. The signature is part of the
table's type: a kernel that was cached for another one does not fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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

_proxy: Any = cgutils.create_struct_proxy
_is_not_null: Any = cgutils.is_not_null
_native: Any = NativeValue


class Pointers:
    """Compiled functions of one signature.

    Parameters
    ----------
    functions : sequence of numba.cfunc
    """

    def __init__(self, functions: Sequence[Any]) -> None:
        self.functions = tuple(functions)  # held, or their code would go
        self.signature = functions[0]._sig
        self._addresses = np.array([f.address for f in functions], np.int64)
        self.base = int(self._addresses.ctypes.data)


class PointersType(types.Type):
    """numba's type of ``Pointers``."""

    def __init__(self, signature: Any) -> None:
        self.function = types.FunctionType(signature)
        super().__init__(name=f"Pointers({signature})")


register_model(PointersType)(models.OpaqueModel)


@typeof_impl.register(Pointers)
def _typeof(value: Pointers, _: Any) -> PointersType:
    return PointersType(value.signature)


def _unbox(_: Any, obj: Any, c: Any) -> Any:
    base = c.pyapi.object_getattr_string(obj, "base")
    address = c.pyapi.long_as_voidptr(base)
    c.pyapi.decref(base)
    failed = _is_not_null(c.builder, c.pyapi.err_occurred())
    return _native(address, is_error=failed)


_unboxes: Any = unbox
_unboxes(PointersType)(_unbox)


def _pointer(_: Any, table: Any, index: Any) -> Any:
    """Return function ``index`` of a table."""

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        base = b.bitcast(args[0], ir.IntType(64).as_pointer())
        function = _proxy(table.function)(context, b)
        function.c_addr = b.inttoptr(b.load(b.gep(base, [args[1]])), cgutils.voidptr_t)
        return function._getvalue()

    return table.function(table, types.int64), codegen


pointer: Any = intrinsic(_pointer)
