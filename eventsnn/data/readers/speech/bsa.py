"""Ben's Spiker Algorithm: a signal of one channel becomes spikes that, filtered, give it back.

B. Schrauwen and J. Van Campenhout, "BSA, a fast and accurate spike train encoding scheme",
IJCNN 2003; the filter and the threshold are those of HM2-BP's program (Jin et al. 2018).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.compile import threaded

TAPS = 24
HOLD = 10
"""Steps for which a frame is held."""
THRESHOLD = 0.6


def filter_taps() -> NDArray[np.float64]:
    """Return the filter, float64 (24,): a bell around step 12, of sum 1."""
    bell = np.exp(-((np.arange(TAPS) - 12.0) ** 2) / 25.0)
    taps: NDArray[np.float64] = bell / bell.sum()
    return taps


def spikes_of(frames: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Encode frames of a filter bank.

    Parameters
    ----------
    frames : float32 array (channels, n)
        Not negative. A spike a step encodes a signal of about 1; what lies above is lost.

    Returns
    -------
    bool array (channels, 10 n)
        Whether there is a spike; a frame is held for 10 steps.
    """
    held = np.repeat(frames.astype(np.float64), HOLD, axis=1)
    signal = np.concatenate([held, np.zeros((len(frames), TAPS))], axis=1)
    found = np.zeros(held.shape, np.bool_)
    _encode(signal, filter_taps(), THRESHOLD, found)
    return found


@threaded
def _encode(
    signal: NDArray[np.float64],
    taps: NDArray[np.float64],
    threshold: float,
    found: NDArray[np.bool_],
) -> None:
    """Take the filter off wherever that leaves less of the signal than ``threshold`` demands."""
    for channel in range(found.shape[0]):
        for step in range(found.shape[1]):
            error, whole = 0.0, 0.0
            for tap in range(taps.shape[0]):
                value = signal[channel, step + tap]
                error += abs(value - taps[tap])
                whole += abs(value)
            if error < whole - threshold:
                found[channel, step] = True
                for tap in range(taps.shape[0]):
                    signal[channel, step + tap] -= taps[tap]
