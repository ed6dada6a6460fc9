"""How the kernels of the event engine are compiled.

Without numba's run time (``_nrt=False``) a kernel counts no references, which would
cost more than most fan-outs, and cannot allocate. A kernel without it calls only
kernels without it. Compiled code is kept on disk (``kernels/cache.py``) for the file it stands
in and all that this imports, so that a kernel may call kernels of other files.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.core.ccallback import CFunc
from numba.core.registry import CPUDispatcher
from numba.core.sigutils import normalize_signature
from numba.extending import intrinsic

from eventsnn.errors import UserError
from eventsnn.kernels.cache import KernelCache


def check_compiling(what: str) -> None:
    """Refuse to run what only compiled code can do where NUMBA_DISABLE_JIT is set."""
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        raise UserError(
            f"{what} needs compiled code, and NUMBA_DISABLE_JIT is set; unset it, or give "
            "engine='asynchronous' or 'reference'"
        )


def kernel(function: Any) -> Any:
    """Compile a function that only kernels call."""
    return _inner(function)


def inlined(function: Any) -> Any:
    """Compile a function, and its code into each kernel that calls it."""
    return _inner(function, forceinline=True)


def pasted(function: Any) -> Any:
    """Compile a function as a part of each kernel that calls it.

    For one that is called at one place and takes dozens of arrays: a call copies their
    headers.
    """
    return _inner(function, inline="always")


def threaded(function: Any) -> Any:
    """Compile a function that Python calls while its other threads run on."""
    return _compiled(function, nogil=True)


def allocating(function: Any) -> Any:
    """Compile a function that Python calls, and that may make arrays."""
    return _compiled(function, nogil=True, _nrt=True)


def entry_point(signature: Any, function: Callable[..., Any]) -> Any:
    """Compile a kernel of this signature that is called through a typed pointer."""
    options = {"error_model": "numpy", "_nrt": False}
    made: Any = CFunc(function, _signature(signature), locals={}, options=options)
    _keep(made, function)
    made.compile()
    return made


_signature: Any = normalize_signature


class _Inner(CPUDispatcher):
    """A function without an entry from Python, which takes long to compile (docs/decisions.md)."""

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise TypeError(f"{self.py_func.__qualname__} is for kernels alone: Python cannot call it")


def _inner(function: Any, **options: Any) -> Any:
    made = _compiled(function, no_cpython_wrapper=True, no_cfunc_wrapper=True, **options)
    if isinstance(made, CPUDispatcher):  # it is the function itself under NUMBA_DISABLE_JIT
        made.__class__ = _Inner
    return made


def _compiled(function: Any, **options: Any) -> Any:
    compile_it: Any = numba.njit
    made = compile_it(**{"error_model": "numpy", "_nrt": False, **options})(function)
    if isinstance(made, CPUDispatcher):
        _keep(made, function)
    return made


def _keep(made: Any, function: Callable[..., Any]) -> None:
    """Keep compiled code on disk, unless the function stands in no file (a notebook, a zip)."""
    if Path(inspect.getfile(function)).is_file():
        made._cache = KernelCache(function)


def _fetch(_: Any, array: Any, place: Any) -> Any:
    """Fetch the cache line of an element in advance."""

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        i32, byte = ir.IntType(32), ir.IntType(8).as_pointer()
        data = context.make_array(array)(context, b, args[0]).data
        kind = ir.FunctionType(ir.VoidType(), [byte, i32, i32, i32])
        prefetch = cgutils.get_or_insert_function(  # type: ignore[no-untyped-call]
            b.module, kind, "llvm.prefetch.p0i8"
        )
        b.call(prefetch, [b.bitcast(b.gep(data, [args[1]]), byte), i32(0), i32(3), i32(1)])
        return context.get_dummy_value()

    return types.none(array, types.int64), codegen


def _likely(_: Any, condition: Any) -> Any:
    """Return a condition; where it holds is what is compiled to be fast."""

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        bit = ir.IntType(1)
        expect = b.module.declare_intrinsic("llvm.expect", [bit], ir.FunctionType(bit, [bit, bit]))
        return b.call(expect, [args[0], bit(1)])

    return types.boolean(types.boolean), codegen


fetch: Any = intrinsic(_fetch)
likely: Any = intrinsic(_likely)
