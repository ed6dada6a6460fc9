"""AvgPool2d: means of windows."""

from __future__ import annotations

from typing import ClassVar

from eventsnn.exchange.nir.nodes.pool2d import Pooling


class AvgPool2d(Pooling):
    """Means."""

    kind: ClassVar[str] = "AvgPool2d"

    @property
    def share(self) -> float:
        """Its part of the mean."""
        return 1 / (self.window[0] * self.window[1])
