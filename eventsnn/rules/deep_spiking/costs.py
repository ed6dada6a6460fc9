"""What the event-driven backprop MLP did, per recording, from the tally of its kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.rules.deep_spiking import state


def costs(tally: NDArray[np.int64], recordings: int) -> dict[str, Any]:
    """Return spikes and operations per recording.

    Parameters
    ----------
    tally : int64 array (rows of ``state``, n_layers)
    recordings : int

    Returns
    -------
    dict
        ``spikes_per_recording``: list of n_layers + 1, the input first. An input event
        is a spike.
        ``operations_per_recording``: per layer the synaptic additions forward: every
        spike adds one row of weights. After training also ``backward`` (additions of
        weight columns by error spikes) and ``updates`` (weights moved), and
        ``error_spikes`` per layer.
    """
    mean = tally / recordings
    result: dict[str, Any] = {
        "spikes_per_recording": [float(mean[state.IN_SPIKES, 0]), *map(float, mean[state.SPIKES])],
        "operations_per_recording": [float(n) for n in mean[state.ADDS]],
    }
    if tally[state.ERRORS].any():
        result["error_spikes_per_recording"] = [float(n) for n in mean[state.ERRORS]]
        result["backward_operations_per_recording"] = [float(n) for n in mean[state.BACK_ADDS]]
        result["weight_updates_per_recording"] = [float(n) for n in mean[state.UPDATES]]
    return result
