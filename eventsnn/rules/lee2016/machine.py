"""A network that learns by the rule, and the runs of its kernels over samples."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data, inputs_of, labels_of
from eventsnn.data.images import Images
from eventsnn.errors import UserError
from eventsnn.network import Network
from eventsnn.rules.lee2016.network import neuron_of
from eventsnn.rules.lee2016.options import Lee2016Options
from eventsnn.rules.lee2016.poisson import splitmix, splitmixes
from eventsnn.rules.lee2016.run import (
    LeeJob,
    LeeOut,
    LeePixels,
    LeeStreams,
    run_pixels,
    run_streams,
)
from eventsnn.rules.lee2016.state import (
    LeeRates,
    LeeWork,
    fold,
    make_moments,
    make_net,
    make_work,
)

NO_MARKS = np.zeros(0)


class Answers(NamedTuple):
    """What a network said; see ``LeeOut``.

    Attributes
    ----------
    answer, adds : int64 array (n, n_marks + 1)
    spikes : int64 array (n, n_out)
    tally : int64 array (N_COUNTS, P)
        Of all samples together.
    """

    answer: NDArray[np.int64]
    adds: NDArray[np.int64]
    spikes: NDArray[np.int64]
    tally: NDArray[np.int64]


class LeeMachine:
    """A network, its options, and everything that changes while it learns.

    Parameters
    ----------
    network : Network
        Of ``network_of``.
    options : Lee2016Options
    weights : list of arrays
        Of each connection's ``weight_shape``.
    """

    def __init__(
        self, network: Network, options: Lee2016Options, weights: list[NDArray[Any]]
    ) -> None:
        self.network, self.options = network, options
        self.neuron = neuron_of(network.populations[1])
        self.net = make_net(network, options, weights)
        self.work = make_work(self.net, self.neuron)
        self.moments = make_moments(self.net, options.optimizer == "adam")
        self.epoch, self.seen = 0, 0

    @property
    def rates(self) -> LeeRates:
        """Numbers of the present epoch."""
        own, falls = self.options, self.options.falls(self.epoch)
        return LeeRates(
            own.rate * falls,
            own.rate * own.threshold_rate * falls,
            own.weight_cost,
            own.weight_slope,
            own.sigma,
            own.threshold_cost * falls,
            float(own.refractory_us),
            own.normalise,
            own.share_error,
            own.optimizer == "adam",
        )

    def learn(self, data: Data, order: NDArray[np.int64], seed: int) -> LeeOut:
        """Learn samples one by one; the random numbers of each come from ``seed``."""
        labels = labels_of(data)[order]
        n_out = self.network.populations[-1].size
        wrong = np.flatnonzero((labels < 0) | (labels >= n_out))
        if wrong.size:
            raise UserError(
                f"{data.source}: sample {order[wrong[0]]} has the label {labels[wrong[0]]}; the "
                f"network has {n_out} outputs, for the classes 0 to {n_out - 1}"
            )
        own = self.options
        shown = own.first_us if self.epoch == 0 and own.first_us else own.present_us
        keys = _keys(seed, np.arange(len(order)))
        job = LeeJob(order, labels.astype(np.int64), keys, True, self.seen, NO_MARKS)
        out = self._run(self._source(data, order, shown, own.crop), job, self.work)
        self.seen += len(order)
        return out

    def answers(
        self,
        data: Data,
        order: NDArray[np.int64],
        threads: int = 1,
        marks: NDArray[np.float64] = NO_MARKS,
    ) -> Answers:
        """Predict samples; the network stays as it is.

        Parameters
        ----------
        marks : float64 array (n_marks,)
            Times in microseconds, rising, at which answers are noted; the end comes behind.
        """
        pieces = np.array_split(order, max(1, min(threads, len(order))))
        works = [make_work(self.net, self.neuron) for _ in pieces]

        def run(k: int) -> LeeOut:
            return self._run(*self._job(data, pieces[k], marks), works[k])

        with ThreadPoolExecutor(len(pieces)) as pool:
            found = list(pool.map(run, range(len(pieces))))
        tally = np.sum([work.tally for work in works], axis=0)
        answer, adds, spikes = (
            np.concatenate([getattr(one, name) for one in found])
            for name in ("answer", "adds", "spikes")
        )
        return Answers(answer, adds, spikes, tally)

    def record(self, data: Data, index: int) -> tuple[Answers, LeeWork]:
        """Predict one sample; the work's log has every spike."""
        order, room = np.array([index]), 1 << 14
        while True:
            work = make_work(self.net, self.neuron, room)
            out = self._run(*self._job(data, order, NO_MARKS), work)
            if work.logged[0] <= room:
                return Answers(out.answer, out.adds, out.spikes, work.tally), work
            room = int(work.logged[0])

    def end_epoch(self) -> None:
        """Multiply the weights by their scales."""
        fold(self.net)

    def _job(
        self, data: Data, order: NDArray[np.int64], marks: NDArray[np.float64]
    ) -> tuple[LeePixels | LeeStreams, LeeJob]:
        """Return samples to be predicted: each has random numbers of its own."""
        own = self.options
        keys, none = _keys(own.test_seed, order), np.zeros(0, np.int64)
        return (
            self._source(data, order, own.test_us, 0),
            LeeJob(order, none, keys, False, 0, marks),
        )

    def _source(
        self, data: Data, order: NDArray[np.int64], duration: int, crop: int
    ) -> LeePixels | LeeStreams:
        n = self.network.populations[0].size
        if inputs_of(data) != n:
            raise UserError(
                f"{data.source}: {inputs_of(data)} inputs, but the network takes {n}; give data "
                "of as many"
            )
        if isinstance(data, Images):
            pixels = data.images.reshape(len(data), -1)
            room = int(pixels[order].sum(1, dtype=np.int64).max(initial=0))
            mean = 1e6 / self.options.total_rate_hz
            return LeePixels(pixels, np.empty(room, np.int32), mean, float(duration))
        return LeeStreams(data.t, data.unit, data.start, data.duration, crop)

    def _run(self, source: LeePixels | LeeStreams, job: LeeJob, work: LeeWork) -> LeeOut:
        n, marks = len(job.order), len(job.mark) + 1
        out = LeeOut(
            np.full((n, marks), -1, np.int64),
            np.zeros((n, marks), np.int64),
            np.zeros((n, self.network.populations[-1].size), np.int64),
            np.zeros(n),
        )
        run = run_pixels if isinstance(source, LeePixels) else run_streams
        run(self.net, work, self.rates, self.moments, source, job, out)
        return out


def _keys(seed: int, order: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return the key of the random numbers of each sample."""
    return splitmixes(np.uint64(splitmix(seed)) ^ order.astype(np.uint64))
