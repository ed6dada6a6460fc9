"""Spiking neural networks that compute only when an event arrives.

The public names; each is imported when it is first asked for, so that ``import
eventsnn`` is quick. The simulator is ``from eventsnn.engines import simulate``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eventsnn.data.camera.saccade import Camera, film
    from eventsnn.data.dataset import DataSet
    from eventsnn.data.source import open_data
    from eventsnn.errors import DataError, UserError
    from eventsnn.events import EventBatch, EventStream, merge
    from eventsnn.network import Connection, Network, Population
    from eventsnn.record import Record
    from eventsnn.registry import register
    from eventsnn.rules.deep_spiking.network import HerdingMLP

__version__ = "0.1.0"

_HOME = {
    "Camera": "data.camera.saccade",
    "film": "data.camera.saccade",
    "DataSet": "data.dataset",
    "open_data": "data.source",
    "DataError": "errors",
    "UserError": "errors",
    "EventBatch": "events",
    "EventStream": "events",
    "merge": "events",
    "HerdingMLP": "rules.deep_spiking.network",
    "Connection": "network",
    "Network": "network",
    "Population": "network",
    "Record": "record",
    "register": "registry",
}

__all__ = [
    "Camera",
    "Connection",
    "DataError",
    "DataSet",
    "EventBatch",
    "EventStream",
    "HerdingMLP",
    "Network",
    "Population",
    "Record",
    "UserError",
    "film",
    "merge",
    "open_data",
    "register",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its home."""
    if name not in _HOME:
        raise AttributeError(f"module 'eventsnn' has no attribute {name!r}")
    return getattr(import_module(f"eventsnn.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return [*__all__, "__version__"]
