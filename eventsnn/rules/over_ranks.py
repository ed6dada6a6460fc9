"""What a rule answers about ranks: whether a batch can be shared out, and how."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.ranks.ranks import ONE, Ranks
from eventsnn.rules.learned import Among


class OverRanks:
    """Of a rule that says nothing: it learns in one process.

    Attributes
    ----------
    whole_batches : bool
        Whether it is handed all samples of a batch on each rank, and takes those of its rank
        itself.
    ranks : Ranks
        Who share out its batches.
    """

    kind: ClassVar[str]
    whole_batches: ClassVar[bool] = False
    ranks: Ranks = ONE

    def groups(self, n: int) -> list[range] | None:
        """Return the recordings of a batch of n in groups that one rank takes whole.

        None of a rule that ranks cannot share out.
        """
        return None

    def over(self, ranks: Ranks) -> Self:
        """Return the rule, whose batches ranks share out from now on.

        Raises
        ------
        UserError
            Where they cannot.
        """
        if ranks.size > 1 and self.groups(1) is None:
            raise UserError(
                f"rule {self.kind}: it learns in one process; leave mpiexec out, or give a rule "
                "whose batches ranks share out, such as adjoint"
            )
        self.ranks = ranks
        return self

    def among(self, labels: NDArray[np.int64]) -> Among | None:
        """Return which samples of a batch with these labels this rank takes; None: all."""
        if self.ranks.size == 1 or self.whole_batches:
            return None
        return Among(self.rows(len(labels)), labels)

    def rows(self, n: int) -> slice:
        """Return the samples of a batch of n that this rank takes."""
        return slice(0, n) if self.ranks.size == 1 else self.ranks.rows(self.groups(n) or [])
