"""No trial is given up."""

from __future__ import annotations

from typing import Any, ClassVar

from eventsnn.sweep.pruners.pruner import Pruner


class Unpruned(Pruner):
    """Every trial learns all its epochs."""

    kind: ClassVar[str] = "none"
    prunes: ClassVar[bool] = False

    def optuna(self, trials: int, epochs: int) -> Any:
        """Return Optuna's own."""
        import optuna

        return optuna.pruners.NopPruner()
