"""Points like those that went well: Optuna's tree-structured Parzen estimator."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

from eventsnn.sweep.samplers.sampler import Sampler
from eventsnn.sweep.space import Space


class Tpe(Sampler):
    """Begins with ten trials at random, then looks at how the others went (Bergstra et al. 2011).

    Trials that run elsewhere count as bad ones, so that workers do not try the same.
    """

    kind: ClassVar[str] = "tpe"

    def points(self, space: Space, seed: str) -> None:
        """What is tried follows those that are done."""

    def optuna(self, seed: int) -> Any:
        """Return Optuna's own."""
        import optuna

        with warnings.catch_warnings():  # of versions before 5, in which it was new
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.samplers.TPESampler(seed=seed % (1 << 32), constant_liar=True)
