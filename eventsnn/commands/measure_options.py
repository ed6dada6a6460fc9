"""What ``eventsnn measure`` may be asked for, beside a model and its data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eventsnn.commands.stopping import STOP_HELP, AskedStop, StopForm
from eventsnn.options import Form, option, take

_FILE = Form((str, Path), "the name of a file", Path)


@dataclass(frozen=True)
class MeasureOptions:
    """What is told beyond accuracy and operations, and where it goes."""

    figures: Path | None = option(
        None, "Folder for every figure as PNG and SVG, light and dark.", form=_FILE
    )
    html: Path | None = option(
        None, "Write one page with everything; it needs no network.", form=_FILE
    )
    energy: Path | None = option(None, "TOML file of energy models of your own.", form=_FILE)
    lose: float = option(0.1, "Points of accuracy an early stop may lose.", least=0, most=100)
    levels: Path | None = option(
        None,
        "JSON of another measurement: report its levels here, on everything.",
        form=_FILE,
    )
    stop: AskedStop | None = option(None, STOP_HELP, form=StopForm)
    shuffle_times: bool = option(False, "Tell the accuracy with the times of events shuffled, too.")

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        take(self)
