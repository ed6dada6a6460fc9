"""A board on which one thread puts up work in parts, and others take parts of it.

Whoever puts it up takes parts too, so that it gets done if nobody comes; it waits only for parts
that another thread has begun. Threads look at the board within compiled code, without Python's
lock: a part may take some ten microseconds, which waking a sleeping thread takes as well.
"""

from __future__ import annotations

import ctypes
import platform
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import int64, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from eventsnn.kernels.compile import inlined, kernel, threaded

_LINE = 8
"""Words of a cache line."""

_PUT_UP, _WORK, _DONE, _CLOSED, _TAKEN = range(0, 5 * _LINE, _LINE)
"""Number of the work, and behind it (16 bits) its parts; what to do; parts done; closed; from the
last on, a line a part: the number of the work of which it was taken last."""

_BITS = 16

PATIENCE = 1 << 15
"""Looks at a board, about half a millisecond, before a thread lets others have its core."""


class Board(NamedTuple):
    """A board.

    Attributes
    ----------
    words : int64 array ((4 + parts) * 8,)
    give_way : int
        Address of what lets another thread run: ``sched_yield``; 0 where there is none.
    """

    words: NDArray[np.int64]
    give_way: int

    @classmethod
    def fresh(cls, parts: int) -> Board:
        """Return an empty board for work of at most so many parts."""
        room = np.zeros(_TAKEN + (parts + 1) * _LINE, np.int64)
        first = -room.ctypes.data // 8 % _LINE
        return cls(room[first : first + _TAKEN + parts * _LINE], _address_of_yield())


def _address_of_yield() -> int:
    try:
        function = ctypes.CDLL(None).sched_yield
    except (OSError, TypeError, AttributeError):  # not everywhere
        return 0
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)


def _word(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    return builder.gep(context.make_array(kind)(context, builder, array).data, [at])


def _seen(_: Any, words: Any, at: Any) -> Any:
    """Return a word as other threads last left it."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _word(context, builder, words, args[0], args[1])
        return builder.load_atomic(place, "seq_cst", 8)

    return types.int64(words, types.int64), codegen


def _shown(_: Any, words: Any, at: Any, value: Any) -> Any:
    """Write a word, and all that was written before it, for other threads."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _word(context, builder, words, args[0], args[1])
        builder.store_atomic(args[2], place, "seq_cst", 8)
        return context.get_dummy_value()

    return types.none(words, types.int64, types.int64), codegen


def _added(_: Any, words: Any, at: Any, value: Any) -> Any:
    """Add to a word at once, and return what it was."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _word(context, builder, words, args[0], args[1])
        return builder.atomic_rmw("add", place, args[2], "seq_cst")

    return types.int64(words, types.int64, types.int64), codegen


def _swapped(_: Any, words: Any, at: Any, old: Any, new: Any) -> Any:
    """Replace a word if it still is ``old``; return whether it was."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _word(context, builder, words, args[0], args[1])
        found = builder.cmpxchg(place, args[2], args[3], "seq_cst", "seq_cst")
        return builder.extract_value(found, 1)

    return types.boolean(words, types.int64, types.int64, types.int64), codegen


def _rest(_: Any, address: Any) -> Any:
    """Wait for a moment; call the function at ``address``, if there is one."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if platform.machine().lower() in ("x86_64", "amd64"):
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(
                cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse2.pause"),  # type: ignore[no-untyped-call]
                [],
            )
        with builder.if_then(cgutils.is_not_null(builder, args[0])):  # type: ignore[no-untyped-call]
            kind = ir.FunctionType(ir.IntType(32), []).as_pointer()
            builder.call(builder.inttoptr(args[0], kind), [])
        return context.get_dummy_value()

    return types.none(types.int64), codegen


seen: Any = intrinsic(_seen)
shown: Any = intrinsic(_shown)
added: Any = intrinsic(_added)
swapped: Any = intrinsic(_swapped)
rest: Any = intrinsic(_rest)


@inlined
def put_up(board: Any, work: int, parts: int) -> None:
    """Put up new work; the one before is done."""
    words = board.words
    number = (seen(words, int64(_PUT_UP)) >> _BITS) + 1
    shown(words, int64(_WORK), int64(work))
    shown(words, int64(_DONE), int64(0))
    shown(words, int64(_PUT_UP), int64(number << _BITS | parts))


@inlined
def taken(board: Any, mine: int) -> Any:
    """Take a part of what is put up; return (work, part), and part -1 where none is left.

    Part ``mine`` is taken before others, so that what it needs stays in the cache of a core.
    """
    words = board.words
    word = seen(words, int64(_PUT_UP))
    number, parts = word >> _BITS, word & ((1 << _BITS) - 1)
    for k in range(parts if mine < parts else 0):
        part = (mine + k) % parts
        place = int64(_TAKEN + part * _LINE)
        before = seen(words, place)
        if before < number and swapped(words, place, before, number):
            return seen(words, int64(_WORK)), int64(part)
    return int64(0), int64(-1)


@inlined
def done(board: Any) -> None:
    """Say that a part that was taken is done."""
    added(board.words, int64(_DONE), int64(1))


@kernel
def await_others(board: Any) -> None:
    """Wait until all parts are done; all are taken."""
    words, looks = board.words, 0
    parts = seen(words, int64(_PUT_UP)) & ((1 << _BITS) - 1)
    while seen(words, int64(_DONE)) < parts:
        looks += 1
        rest(int64(board.give_way) if looks > PATIENCE else int64(0))


@inlined
def closed(board: Any) -> Any:
    """Return whether no more is put up."""
    return seen(board.words, int64(_CLOSED)) != 0


@threaded
def close(board):  # type: ignore[no-untyped-def]
    """Send away those that look for work."""
    shown(board.words, int64(_CLOSED), int64(1))


@threaded
def take_or_wait(board):  # type: ignore[no-untyped-def]
    """Take the part of what was offered; return False when another thread has done it."""
    _, part = taken(board, 0)
    if part < 0:
        await_others(board)
    return part >= 0


@threaded
def finish(board):  # type: ignore[no-untyped-def]
    """Say that what was taken is done."""
    done(board)
