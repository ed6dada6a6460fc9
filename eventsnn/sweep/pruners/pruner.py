"""The contract of what gives up trials."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar


class Pruner(ABC):
    """A way to tell after an epoch that a trial will not be the best.

    Class attributes
    ----------------
    kind : str
        Name in study files.
    prunes : bool
        Whether it ever does: then what is given up depends on which trials were done before.
    """

    kind: ClassVar[str]
    prunes: ClassVar[bool] = True

    @abstractmethod
    def optuna(self, trials: int, epochs: int) -> Any:
        """Return Optuna's; so many first trials, and first epochs of each, are never given up."""
