"""How the numbers of a NIR file are meant, as options of a command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eventsnn.errors import UserError
from eventsnn.exchange.formats.nir import SPIKE
from eventsnn.options import Form, option, take
from eventsnn.text import shown


def _unit(text: Any) -> str | float:
    word = str(text).strip()
    if word in ("s", "ms", "us"):
        return word
    try:
        return float(word)
    except ValueError:
        raise UserError(
            f"time_unit is {shown(text)}; give s, ms, us or the microseconds of a unit"
        ) from None


_UNIT = Form((str, float, int), "s, ms, us or the microseconds of a unit", _unit)


@dataclass(frozen=True)
class NirConvention:
    """What a NIR file does not say (docs/reference/nir.md); None where it is not given."""

    time_unit: str | float | None = option(
        None, "Unit of its times: s, ms, us, or the microseconds of one.", form=_UNIT
    )
    spike: str | float | None = option(
        None,
        "What a spike is: dirac (a pulse of area 1), or how long it is held at 1, such as 100us.",
        form=SPIKE,
    )
    steps: str | None = option(
        None,
        "How it means leaks: as written, or as programs do it in steps of a spike's length.",
        choices=("equations", "euler", "exponential"),
    )
    reset: str | None = option(
        None,
        "What a spike does: v goes to v_reset, or loses the threshold.",
        choices=("value", "subtract"),
    )
    fires: str | None = option(None, "What v is at a spike.", choices=(">", ">="))
    recurrent_delay_us: int | None = option(
        None, "Delay of what closes a circle without one; default: a spike's length.", least=1
    )
    settled: bool = option(False, "A bias behind a synapse is there from the beginning.")

    def __post_init__(self) -> None:
        """Check what is given."""
        take(self)
