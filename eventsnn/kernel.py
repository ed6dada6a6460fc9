"""How the kernels of the event engine are compiled.

Without numba's run time (``_nrt=False``) a kernel counts no references, which would
cost more than most fan-outs, and cannot allocate. A kernel without it calls only
kernels without it. Compiled code is cached by the file it stands in, so a kernel calls
kernels of its own file, or entry points through typed pointers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile a function that kernels of its own file call."""
    return _compiled(function, _nrt=False)  # type: ignore[no-any-return]


def inlined(function: F) -> F:
    """Compile a function into each kernel of its own file that calls it."""
    return _compiled(function, _nrt=False, forceinline=True)  # type: ignore[no-any-return]


def entry_point(signature: Any, function: Callable[..., Any]) -> Any:
    """Compile a kernel of this signature that other files call through a typed pointer."""
    compile_it: Any = numba.cfunc
    return compile_it(signature, cache=True, error_model="numpy", _nrt=False)(function)


def _compiled(function: Any, **options: Any) -> Any:
    compile_it: Any = numba.njit
    return compile_it(cache=True, error_model="numpy", **options)(function)
