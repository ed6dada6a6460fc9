"""How the kernels of the event engine are compiled.

Without numba's run time (``_nrt=False``) a kernel counts no references, which would
cost more than most fan-outs, and cannot allocate. A kernel without it calls only
kernels without it. Compiled code is cached by the file it stands in, so a kernel calls
kernels of its own file, or entry points through typed pointers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def kernel(function: Any) -> Any:
    """Compile a function that kernels of its own file call."""
    return _compiled(function, _nrt=False)


def threaded(function: Any) -> Any:
    """Compile a function that Python calls while its other threads run on."""
    return _compiled(function, _nrt=False, nogil=True)


def inlined(function: Any) -> Any:
    """Compile a function into each kernel of its own file that calls it."""
    return _compiled(function, _nrt=False, forceinline=True)


def entry_point(signature: Any, function: Callable[..., Any]) -> Any:
    """Compile a kernel of this signature that other files call through a typed pointer."""
    compile_it: Any = numba.cfunc
    return compile_it(signature, cache=True, error_model="numpy", _nrt=False)(function)


def _compiled(function: Any, **options: Any) -> Any:
    compile_it: Any = numba.njit
    return compile_it(cache=True, error_model="numpy", **options)(function)
