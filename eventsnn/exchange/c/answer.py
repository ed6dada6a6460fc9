"""How a C program reads its answer, and when it stops looking."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from eventsnn.engines.stop import Stop
from eventsnn.errors import UserError
from eventsnn.exchange.c.texts import FOLDER
from eventsnn.losses.loss import Loss, Reads
from eventsnn.network import Population
from eventsnn.options import made
from eventsnn.rules.given.rule import GivenOptions
from eventsnn.text import named


@dataclass(frozen=True)
class CAnswer:
    """From what an output did to scores.

    Attributes
    ----------
    loss : Loss
        Of which the scores are.
    stop : Stop or None
    most_events : int
        Of a recording; 0: any.
    """

    loss: Loss
    stop: Stop | None = None
    most_events: int = 0

    @property
    def reads(self) -> Reads:
        """What it reads of the output."""
        return self.loss.reads

    @property
    def gain(self) -> float:
        """Scores a unit of output."""
        return float(getattr(self.loss, "gain", 1.0))

    @property
    def scale_us(self) -> float:
        """Of first spikes: microseconds that make one unit of score."""
        return float(getattr(self.loss, "scale_us", 1.0))


def answer_in(given: dict[str, Any], output: Population, stop: str) -> CAnswer:
    """Return how an answer is read: options of the rule ``given``, as a file or a model has them.

    Raises
    ------
    UserError
        Where the output does not give it, or its loss scores otherwise.
    """
    usual = {"reads": "counts" if output.spiking else "integral"}
    options = made(GivenOptions, usual | given)
    answer = answer_by(options.make_loss(), output, stop)
    return replace(answer, most_events=options.most_events)


def answer_by(loss: Loss, output: Population, stop: str) -> CAnswer:
    """Return how an answer is read whose scores are those of a loss; see ``answer_in``."""
    if not loss.scaled or not (FOLDER / f"answers/{loss.reads}.c").is_file():
        raise UserError(
            f"c: the loss {named(loss.kind)} has scores of its own, and no C text; give a model "
            "whose scores are what its output says times a gain, as those of cross-entropy are"
        )
    if (loss.reads in ("counts", "first_spike")) != output.spiking:
        kind = output.neuron.kind if output.neuron else "input"
        raise UserError(
            f"c: population {named(output.name)}: its {kind} neurons give no {loss.reads}; give a "
            "model whose loss reads what they do"
        )
    chosen = Stop.of(stop, "stop") if stop else None
    if chosen is not None and chosen.policy != "margin":
        raise UserError(f"stop is {stop}: a C program stops by margin; give margin:LEVEL")
    return CAnswer(loss, chosen)
