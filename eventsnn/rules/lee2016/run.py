"""Samples one after the other, compiled: what is presented, what is noted, what is learned."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.compile import kernel, threaded
from eventsnn.rules.lee2016.forward import rest, send
from eventsnn.rules.lee2016.learning import learn_sample
from eventsnn.rules.lee2016.poisson import lay_out, next_time, random_at
from eventsnn.rules.lee2016.state import ADDS


class LeePixels(NamedTuple):
    """Images that are presented as Poisson trains.

    Attributes
    ----------
    pixel : uint8 array (n_images, n_pixels)
    place : int32 array
        Room for the longest list of an image's grey values.
    mean : float
        Microseconds between two events.
    duration : float
        Of a presentation, microseconds.
    """

    pixel: NDArray[np.uint8]
    place: NDArray[np.int32]
    mean: float
    duration: float


class LeeStreams(NamedTuple):
    """Recordings, presented with their own time stamps.

    Attributes
    ----------
    t, unit, start, duration : arrays
        As of an EventBatch.
    crop : int
        Consecutive events that are presented, from a random place; 0: all, to the duration.
    """

    t: NDArray[np.int32]
    unit: NDArray[Any]
    start: NDArray[np.int64]
    duration: NDArray[np.int64]
    crop: int


class LeeJob(NamedTuple):
    """What a call works off.

    Attributes
    ----------
    order, label : int64 array (n,)
        Samples, and their classes where they are learned.
    key : uint64 array (n,)
        Of the random numbers of each sample.
    learn : bool
    step : int
        Updates before.
    mark : float64 array (n_marks,)
        Times, rising, at which the answer is noted; behind them, at the end.
    """

    order: NDArray[np.int64]
    label: NDArray[np.int64]
    key: NDArray[np.uint64]
    learn: bool
    step: int
    mark: NDArray[np.float64]


class LeeOut(NamedTuple):
    """What comes of a job.

    Attributes
    ----------
    answer : int64 array (n, n_marks + 1)
        Classes, -1 where the output has not fired.
    adds : int64 array (n, n_marks + 1)
        Synaptic additions until then.
    spikes : int64 array (n, n_out)
        Spikes of each output.
    loss : float64 array (n,)
    """

    answer: NDArray[np.int64]
    adds: NDArray[np.int64]
    spikes: NDArray[np.int64]
    loss: NDArray[np.float64]


@kernel
def _answer(net, work):  # type: ignore[no-untyped-def]
    """Return the output with most spikes, of equal ones the highest potential; -1 for none."""
    p = net.size.size - 1
    best = np.int64(-1)
    for i in range(net.size[p]):
        n = work.spikes[net.at[p] + i]
        if n == 0:
            continue
        if best >= 0:
            most, v = work.spikes[net.at[p] + best], work.v[net.at[p] + best]
            if n < most or (n == most and work.v[net.at[p] + i] <= v):
                continue
        best = np.int64(i)
    return best


@kernel
def _note_answer(net, work, out, k, mark):  # type: ignore[no-untyped-def]
    """Note the answer, and the additions since the sample began."""
    out.answer[k, mark] = _answer(net, work)
    out.adds[k, mark] += work.tally[ADDS].sum()


@kernel
def _mark(net, work, job, out, k, now):  # type: ignore[no-untyped-def]
    """Note the answer at every mark up to now; return how many marks are done."""
    t, done = now
    while done < job.mark.size and job.mark[done] <= t:
        _note_answer(net, work, out, k, done)
        done += 1
    return done


@kernel
def _begin(net, work, job, out, k):  # type: ignore[no-untyped-def]
    """Begin a sample; additions are counted from here."""
    rest(net, work)
    out.adds[k] = -work.tally[ADDS].sum()
    return np.int64(0), job.key[k]


@kernel
def _finish(net, work, rates, moments, job, out, at):  # type: ignore[no-untyped-def]
    """Note the answer at the end, and learn."""
    k, end, done = at
    _mark(net, work, job, out, k, (np.inf, done))
    _note_answer(net, work, out, k, job.mark.size)
    p = net.size.size - 1
    for i in range(net.size[p]):
        out.spikes[k, i] = work.spikes[net.at[p] + i]
    if job.learn:
        label, step = job.label[k], job.step + k + 1
        out.loss[k] = learn_sample(net, work, rates, moments, label, end, step)


@threaded
def run_pixels(net, work, rates, moments, pixels, job, out):  # type: ignore[no-untyped-def]
    """Present images; the work's tally grows."""
    for k in range(job.order.size):
        done, key = _begin(net, work, job, out, k)
        n = lay_out(pixels.pixel[job.order[k]], pixels.place)
        t, number = 0.0, np.int64(0)
        while n > 0:
            t += next_time(key, number, pixels.mean)
            if t >= pixels.duration:
                break
            now = np.floor(t)
            unit = np.int64(pixels.place[np.int64(random_at(key, number + 1) * n)])
            if done < job.mark.size:
                done = _mark(net, work, job, out, k, (now, done))
            send(net, work, rates, unit, now, job.learn)
            number += 2
        _finish(net, work, rates, moments, job, out, (k, pixels.duration, done))


@threaded
def run_streams(net, work, rates, moments, streams, job, out):  # type: ignore[no-untyped-def]
    """Present recordings; the work's tally grows."""
    for k in range(job.order.size):
        done, key = _begin(net, work, job, out, k)
        i = job.order[k]
        first, last = streams.start[i], streams.start[i + 1]
        end = np.float64(streams.duration[i])
        if 0 < streams.crop < last - first:
            first += np.int64(random_at(key, 0) * (last - first - streams.crop + 1))
            last = first + streams.crop
            end = np.float64(streams.t[last - 1])
        for e in range(first, last):
            now = np.float64(streams.t[e])
            if done < job.mark.size:
                done = _mark(net, work, job, out, k, (now, done))
            send(net, work, rates, np.int64(streams.unit[e]), now, job.learn)
        _finish(net, work, rates, moments, job, out, (k, end, done))
