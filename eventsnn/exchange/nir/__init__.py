"""NIR, the Neuromorphic Intermediate Representation: graphs of other programs, in and out.

    network, weights = es.nir.read("net.nir", made_by="snntorch")
    es.nir.write("mine.nir", network, weights)

What the equations of NIR mean here, to the unit, stands in ``docs/reference/nir.md``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eventsnn.exchange.nir.convention import Convention as Convention
    from eventsnn.exchange.nir.files import adopt as adopt
    from eventsnn.exchange.nir.files import answer_in as answer_in
    from eventsnn.exchange.nir.files import graph as graph
    from eventsnn.exchange.nir.files import read as read
    from eventsnn.exchange.nir.files import unseen as unseen
    from eventsnn.exchange.nir.files import write as write
    from eventsnn.exchange.nir.nodes.node import Node as Node
    from eventsnn.exchange.nir.programs import MADE_BY as MADE_BY

_HOME = {
    "Convention": "convention",
    "MADE_BY": "programs",
    "Node": "nodes.node",
    "adopt": "files",
    "answer_in": "files",
    "graph": "files",
    "read": "files",
    "unseen": "files",
    "write": "files",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its home, when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module 'eventsnn.nir' has no attribute {name!r}")
    return getattr(import_module(f"eventsnn.exchange.nir.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(_HOME)
