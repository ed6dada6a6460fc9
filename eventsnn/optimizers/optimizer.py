"""What every optimizer answers: pure functions from gradients to better parameters.

``state = optimizer.init(params)``, then ``params, state = optimizer.update(gradients,
state, params, rate)``. An optimizer is a frozen description, one a file; everything that changes
is in the state, which is plain arrays for a checkpoint. Each number is computed from its
own gradient alone, so that threads change no bit.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.dense.backward import Blockwise
from eventsnn.engines.layered.dense.laid import Laid
from eventsnn.errors import UserError
from eventsnn.text import named

Param = NDArray[Any] | Laid
"""Numbers that learn, or an average or a moment of them."""

Params = Sequence[Param]
Gradients = Sequence[NDArray[Any] | Blockwise]

Rate = float | Sequence[float]
"""Learning rate, one for all or one a parameter."""


class State(NamedTuple):
    """What an optimizer remembers.

    Attributes
    ----------
    step : int
        Updates made.
    slots : tuple of lists
        As many lists as the optimizer has moments, one of the kind of each parameter in each.
    """

    step: int
    slots: tuple[list[Param], ...]


class Optimizer(ABC):
    """An optimizer. Subclasses are frozen dataclasses, named in options by ``kind``.

    Class attributes
    ----------------
    kind : str
        Name in options.
    options : tuple of str
        Parameters that a run's options of the same name give; others keep their defaults.
    """

    kind: ClassVar[str]
    options: ClassVar[tuple[str, ...]] = ()
    rate: float = 1e-3

    @abstractmethod
    def init(self, params: Params) -> State:
        """Return the state before the first update."""

    @abstractmethod
    def update(
        self,
        gradients: Gradients,
        state: State,
        params: Params,
        rate: Rate,
        *,
        reuse: bool = False,
        threads: int = 1,
    ) -> tuple[list[Param], State]:
        """Return new parameters and the new state.

        ``reuse`` writes them where the old ones are, which saves as much memory again. A block
        of a ``Blockwise`` gradient is summed by the thread that then changes its weights, if
        they are laid out.
        """

    def begin(self, weights: Mapping[str, NDArray[Any]]) -> State:
        """Return the state before the first update of weights with names."""
        return self.init(list(weights.values()))

    def step(
        self,
        gradients: Mapping[str, NDArray[Any]],
        state: State,
        weights: Mapping[str, NDArray[Any]],
        rate: float | None = None,
    ) -> tuple[dict[str, NDArray[Any]], State]:
        """Return new weights by their names, and the new state; the old ones stay.

        Parameters
        ----------
        gradients : mapping from name to float array
            Of the shapes of the weights; of the loss that is to fall.
        state : as ``begin`` or the last ``step`` returned it
        weights : mapping from name to float array
        rate : float, optional
            Learning rate of this step, above 0; None: that of the optimizer, ``es.Adam(1e-3)``.

        Raises
        ------
        UserError
            If a weight has no gradient, or a gradient no weight, or the rate makes no sense.

        Examples
        --------
        >>> import numpy as np
        >>> import eventsnn as es
        >>> adam, weights = es.Adam(), {"w": np.ones((2, 1), np.float32)}
        >>> state = adam.begin(weights)
        >>> gradients = {"w": np.array([[1.0], [0.0]], np.float32)}
        >>> weights, state = adam.step(gradients, state, weights, rate=0.1)
        >>> weights["w"].ravel().round(2).tolist()[0] < 1.0
        True
        """
        rate = self.rate if rate is None else check_rate(rate)
        if set(gradients) != set(weights):
            wrong = sorted(set(gradients) ^ set(weights))[0]
            raise UserError(f"optimizer: {named(wrong)} has no gradient, or no weight; give both")
        ordered = [gradients[name] for name in weights]
        new, state = self.update(ordered, state, list(weights.values()), rate)
        return {name: np.asarray(w) for name, w in zip(weights, new, strict=True)}, state


def check_rate(rate: float) -> float:
    """Return a learning rate, or refuse it."""
    good = isinstance(rate, int | float | np.number) and 0 < rate < math.inf
    check(good and not isinstance(rate, bool), "rate", rate, "a finite number above 0")
    return rate


def check(good: bool, name: str, value: float, remedy: str) -> None:
    """Refuse a parameter that is not good."""
    if not good:
        raise UserError(f"optimizer: {name} is {value}; give {remedy}")
