"""Sound files: ``.wav`` of any usual format, as one channel of 8,000 samples a second."""

from __future__ import annotations

import struct
import warnings
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.readers.speech.cochlea import RATE_HZ
from eventsnn.errors import DataError
from eventsnn.files.unpack import check_file, said

LONGEST_S = 60
"""Of one recording: the filter bank holds 78 values a sample."""

_FASTEST_HZ = 768_000
_MOST_BYTES = 1 << 28
_MOST_FACTOR = 10_000


def sound_of(path: Path) -> NDArray[np.float64]:
    """Read a recording.

    Several channels are averaged, other rates above 8,000 Hz are resampled; the unit of the
    samples is the file's own.

    Returns
    -------
    float64 array (n,)
        8,000 samples a second.

    Raises
    ------
    DataError
        If the file is no wav, is cut off, empty, not finite, longer than a minute, or has fewer
        than 8,000 samples a second, of which the upper channels would hear nothing.
    """
    if not 0 < check_file(path) <= _MOST_BYTES:
        raise DataError(f"{path}: empty, or above {_MOST_BYTES >> 20} MiB; give a short recording")
    rate, samples = _read(path)
    if not RATE_HZ <= rate <= _FASTEST_HZ:
        raise DataError(
            f"{path}: {rate} samples a second; {RATE_HZ} to {_FASTEST_HZ} are read, record it anew"
        )
    if samples.ndim > 2 or not samples.size:
        raise DataError(f"{path}: holds no samples; remove it")
    if len(samples) > LONGEST_S * rate:
        raise DataError(
            f"{path}: {len(samples) / rate:.0f} s; cut recordings to {LONGEST_S} s at most"
        )
    sound = samples.astype(np.float64)
    if samples.dtype == np.uint8:  # 8 bit have their zero in the middle
        sound -= 128.0
    if not np.isfinite(sound).all():
        wrong = int(np.flatnonzero(~np.isfinite(sound.reshape(len(sound), -1)).all(axis=1))[0])
        raise DataError(f"{path}: sample {wrong} is not finite; record it anew")
    if sound.ndim == 2:
        sound = sound.mean(axis=1)
    return sound if rate == RATE_HZ else _resampled(sound, rate, path)


def _read(path: Path) -> tuple[int, NDArray[Any]]:
    """Return samples a second, and the samples (n,) or (n, channels)."""
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings(record=True) as said_of:
            warnings.simplefilter("always")
            rate, samples = wavfile.read(path)
    except (ValueError, OSError, struct.error, EOFError, TypeError, ArithmeticError) as error:
        raise DataError(f"{path}: is no whole wav file ({said(error)}); fetch it again") from error
    except (MemoryError, UnboundLocalError, AttributeError) as error:
        raise DataError(f"{path}: is no wav file; give recordings that end in .wav") from error
    cut = [str(one.message) for one in said_of if "EOF" in str(one.message)]
    if cut:
        raise DataError(f"{path}: is cut off ({cut[0]:.120}); fetch it again")
    return int(rate), samples


def _resampled(sound: NDArray[np.float64], rate: int, path: Path) -> NDArray[np.float64]:
    from scipy.signal import resample_poly

    ratio = Fraction(RATE_HZ, rate)
    if ratio.denominator > _MOST_FACTOR:
        raise DataError(f"{path}: {rate} samples a second; convert it to {RATE_HZ}")
    found: NDArray[np.float64] = resample_poly(sound, ratio.numerator, ratio.denominator)
    return found
