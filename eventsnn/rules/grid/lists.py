"""Spikes by step and spikes by unit: the same lists, turned over."""

from __future__ import annotations

from typing import Any

from eventsnn.kernels.compile import inlined


@inlined
def turned_over(start: Any, value: Any, to_start: Any, to_value: Any) -> None:
    """Turn over lists: value j of list i becomes value i of list j; the order within stays.

    List i is value[start[i]] to value[start[i + 1] - 1].
    """
    for i in range(len(to_start)):
        to_start[i] = 0
    for k in range(start[len(start) - 1]):
        to_start[value[k] + 1] += 1
    for i in range(len(to_start) - 1):
        to_start[i + 1] += to_start[i]
    for i in range(len(start) - 1):
        for k in range(start[i], start[i + 1]):
            j = value[k]
            to_value[to_start[j]] = i
            to_start[j] += 1
    for j in range(len(to_start) - 1, 0, -1):
        to_start[j] = to_start[j - 1]
    to_start[0] = 0
