"""What the layers of neurons that never fire share: readouts."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from eventsnn.engines.layered.deliveries import Deliveries, Train
from eventsnn.engines.layered.layer import Layer
from eventsnn.engines.layered.walk import SpikeErrors, TimedErrors


class NonSpikingLayer(Layer):
    """A layer whose neurons only integrate. ``back`` finds errors and gradient in one pass."""

    beside = True

    def run_near(self, deliveries: Deliveries, share: float) -> tuple[Train, Train]:
        """Nobody comes near a threshold that is not there."""
        raise TypeError(f"feedforward: {type(self).__name__} never fires")

    def owed(self, errors: SpikeErrors | TimedErrors, dtype: Any) -> TimedErrors:
        """Return the errors as they are."""
        if not isinstance(errors, TimedErrors):
            raise TypeError("adjoint: a readout is owed for what it kept")
        return errors

    def errors(self, walk: Any) -> NDArray[Any]:
        """Return the errors of deliveries."""
        errors = self.back(walk, True)[0]
        if errors is None:
            raise TypeError(f"adjoint: {type(self).__name__} has no errors")
        return errors

    def gradient(self, walk: Any) -> NDArray[Any]:
        """Return the gradient, a sum for each group of recordings."""
        gradient: NDArray[Any] = self.back(walk, True)[1]
        return gradient
