"""Lists of named tuples that a kernel takes, by number.

A tuple of them has their number in its type, so that a kernel would be compiled anew for each,
and numba reads every array out of its Python object at every entry. Here each one is read once
and stands in memory as the kernel has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic, models, register_model, typeof_impl, unbox

from eventsnn.kernels.compile import threaded
from eventsnn.kernels.pointers import address_of

_typeof: Any = numba.typeof


class Listed:
    """Named tuples of one type, which live as long as this does.

    Parameters
    ----------
    things : sequence of NamedTuple
        At least one. Their arrays are shared, their numbers are copied.
    """

    def __init__(self, things: Sequence[Any]) -> None:
        self.things = tuple(things)  # held, or their arrays would go
        self.item = _typeof(self.things[0])
        self._room = np.zeros(1, np.uint64)
        self.base = 0
        size = _put(self, 0, self.things[0], False)
        self._room = np.zeros(-(-size * len(self.things) // 8) + 8, np.uint64)
        self.base = int(self._room.ctypes.data) + 63 & ~63
        for k, thing in enumerate(self.things):
            if _typeof(thing) != self.item:
                raise TypeError(f"thing {k} is a {_typeof(thing)}, the first a {self.item}")
            _put(self, k, thing, True)


class ListedType(types.Type):
    """numba's type of ``Listed``."""

    def __init__(self, item: Any) -> None:
        self.item = item
        super().__init__(name=f"Listed({item})")


register_model(ListedType)(models.OpaqueModel)


@typeof_impl.register(Listed)
def _type_of_list(value: Listed, _: Any) -> ListedType:
    return ListedType(value.item)


_unboxes: Any = unbox
_unboxes(ListedType)(address_of)


def _place(context: Any, builder: Any, kind: Any, args: Any) -> Any:
    """Return where thing args[1] of a list stands."""
    first = builder.bitcast(args[0], context.get_value_type(kind.item).as_pointer())
    return builder.gep(first, [args[1]])


def _store(_: Any, things: Any, index: Any, thing: Any) -> Any:
    """Write a thing into a list."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[2], _place(context, builder, things, args))
        return context.get_dummy_value()

    return types.none(things, types.int64, thing), codegen


def _listed(_: Any, things: Any, index: Any) -> Any:
    """Return thing ``index`` of a list."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_place(context, builder, things, args))

    return things.item(things, types.int64), codegen


def _size(_: Any, things: Any) -> Any:
    """Return the bytes of a thing of a list."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = context.get_value_type(things.item)
        return context.get_constant(types.int64, context.get_abi_sizeof(kind))

    return types.int64(things), codegen


listed: Any = intrinsic(_listed)
put: Any = intrinsic(_store)
_size_of: Any = intrinsic(_size)


@threaded
def _put(things, index, thing, write):  # type: ignore[no-untyped-def]
    """Write a thing, and return the bytes of one."""
    if write:
        put(things, index, thing)
    return _size_of(things)
