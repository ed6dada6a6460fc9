"""Options of ``eventsnn live``, each declared once: its flags and checks are made from this."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eventsnn.errors import UserError
from eventsnn.live.inbox import POLICIES
from eventsnn.live.outputs import STEPS
from eventsnn.options import Form, option, take

_FILE = Form((str, Path), "the name of a file", Path)


@dataclass(frozen=True)
class LiveCommandOptions:
    """How a network runs on a stream."""

    window_us: int = option(
        0, "The answer is of the last so many microseconds; 0: of the whole stream.", least=0
    )
    reads: str = option(
        "",
        "What the answer is made of; as the model learned, unless it is given.",
        choices=("", "integral", "maximum", "final", "counts"),
    )
    late_us: int = option(
        1000, "How much later than a newer one an event may come; events are held so long.",
        least=0, most=10_000_000,
    )  # fmt: skip
    queue: int = option(1_000_000, "Most events that wait for the network.", least=1)
    when_full: str = option(
        "",
        "What is done then: the source waits, the oldest events go, or every second one; as fits "
        "the source, unless it is given.",
        choices=("", *POLICIES),
    )
    speed: float = option(
        1.0, "Of replay: 1 at the pace of its times, 2 twice as fast, 0 without a pause.",
        least=0,
    )  # fmt: skip
    seconds: float = option(0.0, "End after so many seconds; 0: when the source does.", least=0)
    log: Path | None = option(
        None, "Write what came in to this file; replay:FILE gives the same bits.", form=_FILE
    )
    state: Path | None = option(
        None, "Save the session to this file, now and then and at the end.", form=_FILE
    )
    resume: bool = option(False, "Go on from the file of --state.")
    page: int = option(
        0, "Show the run at http://127.0.0.1:PORT, this port; 0: no page.", least=0,
        most=65535,
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Refuse what makes no sense together."""
        take(self)
        if self.window_us % STEPS:
            raise UserError(
                f"window_us is {self.window_us}; give whole tens of microseconds, such as 100000"
            )
        if self.resume and self.state is None:
            raise UserError("resume: give --state, the file to go on from")
