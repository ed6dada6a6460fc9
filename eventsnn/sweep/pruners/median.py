"""Given up is what is worse than half of the others were after as many epochs."""

from __future__ import annotations

from typing import Any, ClassVar

from eventsnn.sweep.pruners.pruner import Pruner


class Median(Pruner):
    """The best so far of a trial is held against the median of what is done (Optuna's own)."""

    kind: ClassVar[str] = "median"

    def optuna(self, trials: int, epochs: int) -> Any:
        """Return Optuna's own."""
        import optuna

        return optuna.pruners.MedianPruner(n_startup_trials=trials, n_warmup_steps=epochs + 1)
