"""Points mixed from those on the front: Optuna's NSGA-II, for two goals."""

from __future__ import annotations

from typing import Any, ClassVar

from eventsnn.sweep.samplers.sampler import Sampler
from eventsnn.sweep.space import Space


class Nsga2(Sampler):
    """Generations of 20 trials, each made of the best before (Deb et al. 2002)."""

    kind: ClassVar[str] = "nsga2"

    def points(self, space: Space, seed: str) -> None:
        """What is tried follows those that are done."""

    def optuna(self, seed: int) -> Any:
        """Return Optuna's own."""
        import optuna

        return optuna.samplers.NSGAIISampler(seed=seed % (1 << 32), population_size=20)
