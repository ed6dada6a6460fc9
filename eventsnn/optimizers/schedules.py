"""Learning-rate schedules: pure functions of how far a run is."""

from __future__ import annotations

import math
from typing import Literal, get_args

from eventsnn.errors import UserError

Schedule = Literal["cosine", "constant", "linear", "step"]

SCHEDULES: tuple[Schedule, ...] = get_args(Schedule)

_STEP_SHARES = (0.5, 0.75)


def rate_at(schedule: Schedule, peak: float, progress: float, warmup: float = 0.0) -> float:
    """Return the learning rate.

    Parameters
    ----------
    schedule : "cosine", "constant", "linear" or "step"
        Cosine and linear fall to 0 at the end; step falls to a tenth after half of the
        run, and again after three quarters.
    peak : float
    progress : float
        Share of the run that is done, 0..1.
    warmup : float
        Share of the run in which the rate rises linearly to the peak.
    """
    if progress < warmup:
        return peak * progress / warmup
    rest = (progress - warmup) / (1 - warmup)
    match schedule:
        case "cosine":
            return peak * 0.5 * (1 + math.cos(math.pi * rest))
        case "constant":
            return peak
        case "linear":
            return peak * (1 - rest)
        case "step":
            return float(peak * 0.1 ** sum(rest >= share for share in _STEP_SHARES))
    raise UserError(f"schedule {schedule!r}; give one of {', '.join(SCHEDULES)}")
