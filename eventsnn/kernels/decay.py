"""The decay table of a time constant: two loads and a product for any whole gap below FINE**2.

``neurons/neuron.py`` defines what a decay is; engines look the same bits up here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eventsnn.kernels.compile import inlined

FINE = 1024
"""Steps of the fine decay table, 1 us each; the coarse table has as many steps of FINE us."""

SHIFT = FINE.bit_length() - 1
"""``gap >> SHIFT`` is the step of the coarse table, ``gap & (FINE - 1)`` of the fine one."""


@inlined
def looked_up(table: Any, first: Any, gap: Any) -> Any:
    """Return exp(-gap / tau) of a uint64 gap below FINE**2; the table begins at ``first``.

    All is unsigned, so that the two indexes need no test for a negative wrap.
    """
    high = table[np.uint64(first) + np.uint64(FINE) + (gap >> np.uint64(SHIFT))]
    return high * table[np.uint64(first) + (gap & np.uint64(FINE - 1))]
