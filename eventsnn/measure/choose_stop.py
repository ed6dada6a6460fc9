"""The level at which a run may stop: chosen on recordings that a network has not learned."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from eventsnn.engines import simulate
from eventsnn.engines.stop import Stop
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.measure.anytime import Streamed, stream
from eventsnn.measure.mistakes import check_labelled
from eventsnn.measure.policies import Point, Policy, at_end, cheapest
from eventsnn.rules.evaluation import MOST_EVENTS, TOGETHER
from eventsnn.rules.learned import Reading
from eventsnn.text import shown
from eventsnn.train.classifier import Classifier
from eventsnn.train.samples import Samples, samples_of


class Chosen(NamedTuple):
    """A level, and what it gives where it was chosen.

    Attributes
    ----------
    stop : Stop
    recordings : int
    point, end : Point
        Of the level, and of all recordings seen to their ends.
    """

    stop: Stop
    recordings: int
    point: Point
    end: Point


def choose_stop(
    model: Classifier,
    recordings: Samples,
    policy: str = "margin",
    *,
    lose: float = 0.001,
    check_us: int = Stop.check_us,
) -> Stop:
    """Choose when a trained network may stop looking.

    Parameters
    ----------
    model : Classifier
        That has learned.
    recordings : DataSet, EventBatch or sequence of EventStream
        Labelled ones that it has not learned and that it will not be judged by; of a data set, the
        training half.
    policy : "margin", "entropy", "patience" or "first_spike"
    lose : float
        Share of the answers that may be lost on these recordings, from 0 to 1.
    check_us : int
        Microseconds between two checks.

    Returns
    -------
    Stop
        The level with the fewest synaptic operations that loses so little.

    Raises
    ------
    UserError
        If no level loses so little, or the network's answer cannot be followed in time.

    Examples
    --------
    >>> import eventsnn as es
    >>> data = es.open_data("digits")  # doctest: +SKIP
    >>> model = es.Classifier("2312-50-10", epochs=8).fit(data.train[:1200])  # doctest: +SKIP
    >>> stop = es.choose_stop(model, data.train[1200:], lose=0.005)  # doctest: +SKIP
    >>> model.score(data.test, stop=stop)  # doctest: +SKIP
    """
    reading = model.learner.reading
    data = samples_of(recordings, "train")
    if reading is None or not isinstance(data, EventBatch):
        raise UserError(
            f"stop: a network of the rule {model.learner.rule.kind} is run by its own rule, "
            "which does not stop early; see it to the end"
        )
    usual = Stop(policy, 1.0, check_us)
    return chosen_on(reading, data, usual, lose, model.threads).stop


def chosen_on(
    reading: Reading, events: EventBatch, usual: Stop, lose: float, threads: int = 1
) -> Chosen:
    """Choose the level of a policy; ``usual`` says which, and how often it looks."""
    if not isinstance(lose, int | float | np.number) or not 0 <= lose <= 1:
        raise UserError(f"stop: lose is {shown(lose)}; give a share from 0 to 1")
    check_labelled(events.label, events.source)
    seen = Policy(followed(reading, events, usual.check_us, threads), usual.policy)
    best = cheapest(seen, lose)
    if best is None:
        raise UserError(
            f"stop: no level of {usual.policy} loses as little as {lose:g} on {len(events)} "
            "recordings; allow more, or give another policy"
        )
    stop, end = Stop(usual.policy, best.level, usual.check_us), at_end(seen.streamed)
    return Chosen(stop, len(events), best, end)


def followed(reading: Reading, events: EventBatch, check_us: int, threads: int = 1) -> Streamed:
    """Return how the answers stand at every check.

    Raises
    ------
    UserError
        Where no moment's answer is known, as with delays a synapse.
    """
    network, weights, loss = reading
    longest = int(events.duration.max(initial=1))
    times = check_us * np.arange(1.0, -(-longest // check_us) + 1)
    found: Streamed | None = None
    for batch in events.pieces(TOGETHER, MOST_EVENTS):
        record = simulate(network, weights, batch, threads=threads)
        checks = np.broadcast_to(times, (len(batch), len(times)))
        here = stream(record, weights, batch, loss, checks, settle=True)
        found = found.joined(here) if found else here
    assert found is not None  # there are recordings
    return found
