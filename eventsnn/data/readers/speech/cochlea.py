"""A filter bank as the ear has it: sound to the level of each channel, frame by frame.

Gammatone filters (R. Patterson et al., "An efficient auditory filterbank based on the gammatone
function", 1987) whose frequencies lie evenly on the scale of B. Glasberg and B. Moore (1990). It
stands in for Lyon's model of the ear, with which HM2-BP was published: channels and frames are as
many, their values are not the same.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 8000
"""Samples a second that the filters are made for."""
CHANNELS = 78
FRAME = 128
"""Samples a frame: 16 ms."""

_LOWEST_HZ, _HIGHEST_HZ = 80.0, 3800.0
_TAPS = 512
_FLOOR_DB = 50.0
_PEAK = 0.5


def frames_of(sound: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the level of every channel.

    Parameters
    ----------
    sound : float64 array (n,)
        8,000 samples a second, of any loudness.

    Returns
    -------
    float32 array (78, ceil(n / 128))
        From 0, 50 dB below the loudest channel and frame of the recording and less, to 0.5. The
        lowest frequency comes first. All is 0 where the sound is silent.
    """
    from scipy.signal import oaconvolve

    heard = oaconvolve(sound[None, :], _filters(), axes=1)[:, : len(sound)]
    n = -(-len(sound) // FRAME)
    padded = np.zeros((CHANNELS, n * FRAME))
    np.maximum(heard, 0.0, out=padded[:, : len(sound)])
    level = padded.reshape(CHANNELS, n, FRAME).mean(axis=2)
    loudest = level.max(initial=0.0)
    if loudest <= 0.0:
        return np.zeros((CHANNELS, n), np.float32)
    lowest = loudest * 10.0 ** (-_FLOOR_DB / 20.0)
    above = 20.0 * np.log10(np.maximum(level, lowest) / lowest)
    frames: NDArray[np.float32] = (_PEAK / _FLOOR_DB * above).astype(np.float32)
    return frames


def frequencies_hz() -> NDArray[np.float64]:
    """Return the frequency of every channel, float64 (78,), rising."""
    low, high = (21.4 * np.log10(1.0 + 0.00437 * f) for f in (_LOWEST_HZ, _HIGHEST_HZ))
    scale = np.linspace(low, high, CHANNELS)
    hz: NDArray[np.float64] = (10.0 ** (scale / 21.4) - 1.0) / 0.00437
    return hz


@cache
def _filters() -> NDArray[np.float64]:
    """Return the response of every channel to a click, float64 (78, 512): 64 ms."""
    from scipy.signal import gammatone

    return np.stack(
        [gammatone(hz, "fir", order=4, numtaps=_TAPS, fs=RATE_HZ)[0]
         for hz in frequencies_hz()]
    )  # fmt: skip
