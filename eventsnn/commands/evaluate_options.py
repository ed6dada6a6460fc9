"""What ``eventsnn evaluate`` may be asked for, beside a model and its data."""

from __future__ import annotations

from dataclasses import dataclass

from eventsnn.commands.stopping import LOSE_HELP, STOP_HELP, AskedStop, StopForm
from eventsnn.errors import UserError
from eventsnn.options import option, take


@dataclass(frozen=True)
class EvaluateOptions:
    """What is told beyond accuracy, and when a recording is no longer looked at."""

    mistakes: bool = option(
        False, "Also show what is taken for what, and where.", flag="--mistakes"
    )
    stop: AskedStop | None = option(None, STOP_HELP, form=StopForm)
    lose: float | None = option(None, LOSE_HELP, least=0, most=100)

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        take(self)
        if self.lose is not None and (self.stop is None or self.stop.stop is not None):
            raise UserError(
                "lose: is for a level that is chosen; give --stop a policy alone, such as margin, "
                "or leave it out"
            )
