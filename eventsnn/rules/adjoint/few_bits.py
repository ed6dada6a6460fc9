"""Training for few bits: batches run with rounded weights, and change the exact ones.

The gradient of a rounded weight is taken for that of the exact one (straight-through, Bengio et al.
2013). Scales are those of ``eventsnn quantize``, which finds the rounded weights again without an
error. They are fitted anew at the first update of an epoch and after every power of two of updates.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.dense.laid import Laid
from eventsnn.network import Network
from eventsnn.network.whole.channels import Ways, groups
from eventsnn.network.whole.scales import fitted, most_of
from eventsnn.optimizers.optimizer import Param

FIRST_REFIT = 16
"""Updates from which on scales are fitted anew after powers of two."""


@lru_cache(maxsize=4)
def _groups(network: Network, population: int) -> tuple[int, list[Ways]]:
    return groups(network, network.populations[population], True)


def scales_of(network: Network, weights: list[NDArray[Any]], bits: int) -> dict[int, NDArray[Any]]:
    """Return the scale of each weight, float32 of its ``weight_shape``, by connection that learns.

    Parameters
    ----------
    network : Network
        Each population has one connection into it.
    weights : list of float arrays, in the order of the connections
    bits : int
    """
    out = {}
    for c, connection in enumerate(network.connections):
        if not connection.learns:
            continue
        count, (ways,) = _groups(network, network.targets[c])
        neuron = network.populations[network.targets[c]].neuron
        membrane = None if neuron is None else neuron.membrane
        threshold = membrane.threshold if neuron and neuron.spiking and membrane else None
        flat = weights[c].reshape(-1).astype(np.float64)
        found = [fitted(flat[ways.channel == k], threshold, bits).scale for k in range(count)]
        each = np.array(found, np.float32)[np.maximum(ways.channel, 0)]
        out[c] = each.reshape(weights[c].shape)
    return out


def laid_as(scale: NDArray[Any], param: Param) -> Param:
    """Return scales laid out as the weights are, 1 where these have padding."""
    if not isinstance(param, Laid):
        return scale
    out = Laid.of(scale)
    for part in out.parts:
        part[part == 0] = 1
    return out


def rounded_as_run(param: Param, scale: Param, bits: int) -> Param:
    """Return weights as a machine of whole numbers has them, in the units of the exact ones."""
    if isinstance(param, Laid) and isinstance(scale, Laid):
        out = Laid.room(param.shape, param.dtype, np.empty)
        for new, w, s in zip(out.parts, param.parts, scale.parts, strict=True):
            _round(w, s, bits, new)
        return out
    if isinstance(param, Laid) or isinstance(scale, Laid):
        raise TypeError("few bits: scales are not laid out as the weights are")
    made = np.empty_like(param)
    _round(param, scale, bits, made)
    return made


def _round(w: NDArray[Any], scale: NDArray[Any], bits: int, out: NDArray[Any]) -> None:
    most = float(most_of(bits))
    if bits == 1:
        np.multiply(scale, np.where(w < 0, w.dtype.type(-1), w.dtype.type(1)), out=out)
        return
    np.divide(w, scale, out=out)
    np.rint(out, out=out)
    np.clip(out, -most, most, out=out)
    np.multiply(out, scale, out=out)
