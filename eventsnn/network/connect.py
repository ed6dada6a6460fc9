"""``connect``: a connection whose synapses a rule draws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.connectivity import Connectivity
from eventsnn.distributions import Distribution
from eventsnn.errors import UserError
from eventsnn.memory import check_room
from eventsnn.network.graph import Connection, Population
from eventsnn.text import named


def connect(
    source: Population,
    target: Population,
    rule: Connectivity,
    *,
    delay_us: int | NDArray[np.int64] | Distribution = 0,
    name: str = "",
    fixed: bool = False,
) -> Connection:
    """Connect two populations, or one to itself, by a rule.

    Parameters
    ----------
    source, target : Population
    rule : Connectivity
        Such as ``FixedInDegree(100, seed=1)``; it draws the topology once.
    delay_us : int, int64 array of the topology's weight_shape, or Distribution
        Whole microseconds; what a distribution gives is rounded to them.
    name, fixed : as for ``Connection``

    Raises
    ------
    UserError
        For what is no population or rule, and whatever the rule or the connection refuses.

    Examples
    --------
    >>> import eventsnn as es
    >>> cells = es.Population("cells", (500,), es.LIF(tau_us=20_000))
    >>> rule = es.FixedInDegree(50, seed=1, autapses=False)
    >>> recurrent = es.connect(cells, cells, rule, delay_us=es.Uniform(1000, 3000, seed=2))
    >>> recurrent.name, len(recurrent.topology.target)
    ('cells->cells', 25000)
    """
    for what, end in (("source", source), ("target", target)):
        if not isinstance(end, Population):
            raise UserError(f"connect: {what} is {named(end)}; give a Population")
    if not isinstance(rule, Connectivity):
        raise UserError(f"connect: rule is {named(rule)}; give one such as FixedInDegree(100, 1)")
    where = name or f"{source.name}->{target.name}"
    try:
        topology = rule.topology(source.size, target.size, source.name == target.name)
    except UserError as error:
        raise UserError(f"connection {named(where)}: {error}") from error
    delay: Any = delay_us
    if isinstance(delay_us, Distribution):
        synapses = math.prod(topology.weight_shape)
        check_room(8 * synapses, f"connection {named(where)}: delays of {synapses} synapses: it")
        delay = np.rint(delay_us.draw(topology.weight_shape))
    return Connection(source.name, target.name, topology, delay, name, fixed)
