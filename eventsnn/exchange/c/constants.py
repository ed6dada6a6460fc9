"""Numbers as C writes them: floats in hexadecimal, which no compiler rounds."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WIDTH = 100


def real(value: Any) -> str:
    """Return a float32 or float64 as a C constant of its type; finite."""
    digits, power = float(value).hex().split("p")
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return f"{digits}p{power}{'f' if isinstance(value, np.float32) else ''}"


def array(kind: str, name: str, values: NDArray[Any]) -> str:
    """Return the definition of a constant array; one of no values holds a 0 that nobody reads."""
    flat = values.reshape(-1) if values.size else np.zeros(1, values.dtype)
    if flat.dtype.kind == "f":
        words: Iterable[str] = (real(v) for v in flat)
    else:
        words = (f"{v}{'u' if flat.dtype.kind == 'u' else ''}" for v in flat.tolist())
    body = _lines(words)
    return f"static const {kind} {name}[{len(flat)}] = {{\n{body}\n}};\n"


def _lines(words: Iterable[str]) -> str:
    """Fill lines with words, as ``textwrap`` would, in a time that millions of them allow."""
    lines: list[str] = []
    line: list[str] = []
    length = 0
    for word in words:
        if length + len(word) + 2 > _WIDTH:
            lines.append(" ".join(line))
            line, length = [], 0
        line.append(f"{word},")
        length += len(word) + 2
    lines.append(" ".join(line))
    return textwrap.indent("\n".join(lines), "    ")


def harmless(name: str) -> str:
    """Return a name as a comment may hold it: it can neither end nor go on."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in " _.:=>-") else "_" for c in name)
    return kept[:60]
