"""How precisely a network is written in whole numbers: declared options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from eventsnn.errors import UserError
from eventsnn.options import option, take


@dataclass(frozen=True)
class Precision:
    """How precise the whole numbers are.

    Attributes
    ----------
    bits, scales, most_events, tick_us
        See their help.
    """

    bits: int = option(8, "Bits of a weight.", least=1, most=16)
    scales: Literal["channel", "layer"] = option(
        "channel",
        "What has a scale of its own: each channel (of a dense layer: each neuron), or a layer.",
    )
    most_events: int = option(
        65_536, "Events that a recording may hold at most.", least=1, most=(1 << 31) - 1
    )
    tick_us: int = option(
        1,
        "Tick in which elapsed time is counted; a power of two. Longer ones need smaller tables.",
        unit="microseconds",
        least=1,
        most=1 << 20,
    )

    def __post_init__(self) -> None:
        """Refuse what is no precision."""
        take(self)
        if self.tick_us & (self.tick_us - 1):
            raise UserError(f"tick_us is {self.tick_us}; give a power of two")
