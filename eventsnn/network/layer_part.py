"""One part of a layer string: the grammar itself.

=============  =================================================================================
``800``        that many neurons, reached all to all
``256r``       the same, each of which also reaches all of them, 1 ms later; ``256r5000``: 5 ms
``12c5``       convolution, 12 channels, kernel 5 x 5; ``12c5s2p1`` with stride 2, padding 1
``2p``         sum pooling of windows of 2 x 2; ``3ps2`` with stride 2
``2a``         average pooling
``2avg``       plain average: without neurons, part of the next layer's connection
``...f``       fixed: what leads into the layer, and from it to itself, never learns
``...@0.5``    its neurons fire at 0.5
``[...-...]``  a skip connection past these layers, into the last one
=============  =================================================================================

Suffixes come in this order: ``135rf@20``.
"""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple

Kind = Literal["dense", "conv", "pool", "average"]

RECURRENT_US = 1000
"""Delay of the connection from a layer to itself, unless another is given."""

_N = r"\d{1,10}"  # more units than ten digits tell fit no machine
_KINDS: dict[Kind, re.Pattern[str]] = {
    "dense": re.compile(rf"(?P<size>{_N})(?P<recurrent>r(?P<delay>{_N})?)?"),
    "conv": re.compile(
        rf"(?P<size>{_N})c(?P<kernel>{_N})(?:s(?P<stride>{_N}))?(?:p(?P<padding>{_N}))?"
    ),
    "pool": re.compile(rf"(?P<size>{_N})(?P<way>[pa])(?:s(?P<stride>{_N}))?"),
    "average": re.compile(rf"(?P<size>{_N})avg"),
}
_ENDS = re.compile(
    r"(?P<opens>\[*)(?P<body>[0-9a-eg-z]+)(?P<fixed>f)?(?:@(?P<threshold>\d{1,18}(?:\.\d{1,18})?))?"
    r"(?P<closes>\]*)",
    re.ASCII,
)


class Part(NamedTuple):
    """A layer as it is written.

    Attributes
    ----------
    kind : "dense", "conv", "pool" or "average"
    size : int
        Neurons, channels, or the side of a window.
    kernel, padding : int
        Of a convolution.
    stride : int or None
        None: 1 of a convolution, windows side by side of a pooling.
    mean : bool
        Of a pooling: it averages.
    delay_us : int or None
        Of the connection from the layer to itself; None: there is none.
    fixed : bool
        Nothing that leads into the layer learns.
    threshold : float or None
        None: that of the rule.
    opens, closes : int
        Brackets before and behind it.
    """

    kind: Kind
    size: int
    kernel: int = 1
    stride: int | None = None
    padding: int = 0
    mean: bool = False
    delay_us: int | None = None
    fixed: bool = False
    threshold: float | None = None
    opens: int = 0
    closes: int = 0


def part_of(text: str) -> Part | None:
    """Read one part; None if it is none."""
    ends = _ENDS.fullmatch(text)
    if ends is None:
        return None
    for kind, pattern in _KINDS.items():
        match = pattern.fullmatch(ends["body"])
        threshold = ends["threshold"]
        learns, fires = kind in ("dense", "conv"), kind != "average"
        if match is not None and (learns or not ends["fixed"]) and (fires or not threshold):
            return Part(
                kind,
                **_numbers(match.groupdict()),
                fixed=bool(ends["fixed"]),
                threshold=None if threshold is None else float(threshold),
                opens=len(ends["opens"]),
                closes=len(ends["closes"]),
            )
    return None


def _numbers(found: dict[str, str | None]) -> dict[str, Any]:
    """Return the numbers of a part that are not the usual ones."""
    numbers: dict[str, Any] = {
        key: int(found[key] or 0)
        for key in ("size", "kernel", "stride", "padding")
        if found.get(key) is not None
    }
    if found.get("recurrent"):
        numbers["delay_us"] = int(found["delay"] or RECURRENT_US)
    if "way" in found:
        numbers["mean"] = found["way"] == "a"
    return numbers
