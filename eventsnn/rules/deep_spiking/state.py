"""The arrays of one event-driven backprop MLP, as its kernels take them.

Everything of one network lies in flat arrays (class ``Net``: what is learned, class
``Work``: what one thread needs to run it). A population's potentials are padded to a
multiple of LANES, with zero weights behind the last unit, so that the inner loops run
over whole vectors; padding never spikes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.given import check_no_mask
from eventsnn.rules.deep_spiking.options import HerdingOptions, QuantizerKind, splitmix
from eventsnn.text import shown

LANES = 64
"""Units that the inner loops take at once: four vectors of 16; shorter ones LLVM unrolls."""
SPIKE_BUDGET = 1 << 20
"""Spikes that one layer may send in one step before the run counts as exploded."""
LARGEST_WHOLE = 1 << 51
"""Weights and inputs of integer mode, scaled, lie within it: float64 tells them apart."""

LOG_FULL, BAD_PLACE, BAD_UNIT, BAD_TIME = -1, -2, -3, -4
"""What a run returns instead of an exploded layer: no room in the log; a recording whose
place in the batch, addresses or times are not as EventBatch has them."""

IN_SPIKES, SPIKES, ERRORS, PASSED, BACK_SPIKES, ADDS, BACK_ADDS, UPDATES = range(8)
"""Rows of ``Work.tally``, a column a layer: spikes that came in and went out; error
spikes that came in, passed the gate, and went out below; additions forward and
backward; weights moved."""
N_COUNTS = 8


class Rule(NamedTuple):
    """The options as numbers, in the type of the state."""

    high: Any  # a forward unit above this spikes
    low: Any  # a forward unit below this sends -1
    back_low: Any  # the same for the backward quantizers
    in_low: Any  # the same for the quantizers of input and target, which are always signed
    one: Any  # what a spike is worth
    rate: Any  # weight change a pair of spikes
    n_steps: int
    start: int  # forward potentials at the start of a sample: 0 zero, 1 keep, 2 random, 3 clip
    back_start: int
    fractional: bool
    smooth: bool
    depth_first: bool
    hold: bool
    heap: bool  # equal potentials leave in the order of a binary heap
    seed: Any  # uint64, scrambled


class Net(NamedTuple):
    """Layer l = 0..L-1 connects population l to population l + 1."""

    size: NDArray[np.int64]  # (L + 1,) units a population
    pad: NDArray[np.int64]  # (L + 1,) the same, padded
    unit_at: NDArray[np.int64]  # (L + 2,) where a population begins in arrays of units
    row_at: NDArray[np.int64]  # (L + 1,) where a layer's weights begin in ``row``
    column_at: NDArray[np.int64]  # (L + 1,) and in ``column``
    row: NDArray[Any]  # weights by sender, a row padded to the receiver's pad
    column: NDArray[Any]  # weights by receiver, for layers 1..L-1


class Spikes(NamedTuple):
    """Room for spikes and for the potentials they leave in order of."""

    key: NDArray[Any]  # (budget,) |potential| when the spike was created
    unit: NDArray[np.int32]
    sign: NDArray[np.int8]


class Work(NamedTuple):
    """Running state; arrays "of units" hold all populations end to end, padded."""

    phi: NDArray[Any]  # of units: input quantizer, then the forward quantizers
    phi_start: NDArray[Any]  # of units: at the start of the sample
    phi_back: NDArray[Any]  # of units: backward quantizer of the layer above
    phi_target: NDArray[Any]  # (pad[L],)
    sent: NDArray[Any]  # of units: signed spikes sent in this sample, times ``one``
    came: NDArray[Any]  # of units: signed spikes delivered to the layer above
    x: NDArray[Any]  # (pad[0],) the sample's real vector
    active: NDArray[np.int32]  # (pad[0],) units where x is not 0 ...
    n_active: NDArray[np.int64]  # (2,) ... how many, and how many beyond +-1
    y: NDArray[Any]  # (pad[L],) the sample's target
    drive: NDArray[Any]  # (pad[0],) summed real input
    error: NDArray[Any]  # of units: signed error spikes that passed the gate
    held: NDArray[np.int64]  # (pad[L],) the error counter
    source: NDArray[Any]  # of units: relu(src)
    unit: NDArray[np.int32]  # (L + 1, budget) spikes sent by each population
    sign: NDArray[np.int8]
    cause: NDArray[np.int32]  # which spike of the population below set it off
    head: NDArray[np.int64]  # (L + 1,) first spike not yet delivered
    counted: NDArray[np.int64]  # (L + 1,) depth-first: first one not yet in ``came``
    tail: NDArray[np.int64]  # (L + 1,) one behind the last
    back_unit: NDArray[np.int32]  # (2, budget) error spikes entering and leaving a layer
    back_sign: NDArray[np.int8]
    back_end: NDArray[np.int64]  # (2, budget) one behind the last of each batch of them
    changed: NDArray[np.bool_]  # of units: receivers whose column changed
    key: NDArray[Any]  # (budget,)
    spare: Spikes  # room for sorting
    bucket: NDArray[np.int64]
    tally: NDArray[np.int64]  # (N_COUNTS, L)


class Vectors(NamedTuple):
    """Samples as real vectors."""

    x: NDArray[Any]  # (n, n_in)
    scale: float  # what a value of x is multiplied with
    target: NDArray[Any]  # (n_classes, n_out), in the type and scale of the state
    label: NDArray[np.int64]  # (n,) row of ``target``


class Events(NamedTuple):
    """Samples as recordings end to end; see EventBatch."""

    t: NDArray[Any]
    unit: NDArray[Any]
    start: NDArray[np.int64]
    duration: NDArray[np.int64]
    by_time: bool  # steps of equal time, else of equal event count
    target: NDArray[Any]
    label: NDArray[np.int64]


class Log(NamedTuple):
    """Every spike of one sample, a row a population; no columns: nothing is logged."""

    event: NDArray[np.int32]  # (L + 1, room) input event (or step) that set the spike off
    unit: NDArray[np.int32]
    sign: NDArray[np.int8]
    size: NDArray[np.int64]  # (L + 1,) spikes so far


class Job(NamedTuple):
    """Which samples to present."""

    order: NDArray[np.int64]
    first: int  # number of the first one in the random streams
    learn: bool
    log: Log


def make_log(n_layers: int, room: int) -> Log:
    """Return an empty log for ``room`` spikes a population."""
    shape = (n_layers + 1, room)
    return Log(
        np.empty(shape, np.int32),
        np.empty(shape, np.int32),
        np.empty(shape, np.int8),
        np.zeros(n_layers + 1, np.int64),
    )


def make_rule(options: HerdingOptions, kind: QuantizerKind) -> Rule:
    """Return the options as numbers, with a forward quantizer of the given kind."""
    dtype = options.numpy_dtype
    half = options.one // 2 if options.integer else 0.5
    never = np.iinfo(np.int64).min if options.integer else -np.inf
    low = dtype(-half)
    if options.heap:  # exactly -1/2 is sent away, too
        low = dtype(-((options.one - 1) // 2)) if options.integer else np.nextafter(low, dtype(0))
    starts = ("zero", "keep", "random", "clip")
    return Rule(
        high=dtype(half),
        low=low if kind.signed else dtype(never),
        back_low=low if options.backward.signed else dtype(never),
        in_low=low,
        one=dtype(options.one),
        rate=dtype(options.rate),
        n_steps=int(options.n_steps),
        start=starts.index(kind.start),
        back_start=starts.index(options.backward.start),
        fractional=bool(options.fractional),
        smooth=bool(options.smooth_grads),
        depth_first=bool(options.depth_first),
        hold=bool(options.hold_error),
        heap=options.heap,
        seed=np.uint64(splitmix(options.seed & ((1 << 64) - 1))),
    )


def _zeros(n: int, dtype: Any) -> NDArray[Any]:
    """Return zeros that begin on a cache line, so that no vector lies across two."""
    room = np.zeros(n * np.dtype(dtype).itemsize + 64, np.uint8)
    first = -room.ctypes.data % 64
    return room[first : first + n * np.dtype(dtype).itemsize].view(dtype)


def real_numbers(values: Any, name: str) -> NDArray[np.float64]:
    """Return any real numbers as float64, or refuse text, ragged lists and what else is none."""
    check_no_mask(values, name)
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise UserError(f"{name} is no array of one shape: {shown(values)}") from error
    if array.dtype.kind not in "biuf":
        raise UserError(f"{name} has dtype {array.dtype!s:.60}; give real numbers")
    return array.astype(np.float64)


def checked_weights(weights: Any, options: HerdingOptions) -> list[NDArray[np.float64]]:
    """Return weights as float64, one (n_in, n_out) a layer, or refuse what does not fit."""
    listed = isinstance(weights, Sequence) and not isinstance(weights, str | bytes)
    if not listed and not (isinstance(weights, np.ndarray) and weights.ndim):
        raise UserError(
            f"weights is {shown(weights)}; give a list of arrays (n_in, n_out), one a layer"
        )
    if not len(weights):
        raise UserError("no weights were given; give one (n_in, n_out) array a layer")
    checked = [real_numbers(weight, f"weights[{layer}]") for layer, weight in enumerate(weights)]
    for layer, weight in enumerate(checked):
        if weight.ndim != 2 or 0 in weight.shape:
            raise UserError(f"weights[{layer}] has shape {weight.shape}; give (n_in, n_out)")
        if layer and weight.shape[0] != checked[layer - 1].shape[1]:
            raise UserError(
                f"weights[{layer}] takes {weight.shape[0]} inputs, but weights[{layer - 1}] "
                f"gives {checked[layer - 1].shape[1]}"
            )
        check_held(weight, options, f"weights[{layer}]")
    return checked


def check_held(values: NDArray[Any], options: HerdingOptions, name: str) -> None:
    """Refuse values that are not finite, or that the type of the state cannot hold.

    Raises UserError with the place and value of the first one.
    """
    most = np.finfo(np.float32 if options.dtype == "float32" else np.float64).max
    if options.integer:
        most = LARGEST_WHOLE / options.one
    # A minimum is NaN where any value is: no temporary array unless something is wrong.
    if not values.size or (values.min() >= -most and values.max() <= most):
        return
    at = tuple(int(k) for k in np.argwhere(~(np.abs(values) <= most))[0])
    place = f"{name}{list(at)}"
    if not np.isfinite(values[at]):
        raise UserError(f"{place} is {values[at]}; give finite values")
    raise UserError(f"{place} is {values[at]}; {options.dtype} mode holds at most {most:g} here")


def make_net(weights: list[NDArray[Any]], dtype: Any) -> Net:
    """Lay weight matrices (n_in, n_out), already scaled, into flat padded arrays."""
    size = np.array([weights[0].shape[0], *(w.shape[1] for w in weights)], np.int64)
    pad = -(-size // LANES) * LANES
    rows = size[:-1] * pad[1:]
    columns = size[1:] * pad[:-1]
    columns[0] = 0  # nothing lies below the first layer: its columns are never read
    unit_at, row_at, column_at = (
        np.concatenate([np.zeros(1, np.int64), np.cumsum(x)]) for x in (pad, rows, columns)
    )
    row, column = _zeros(row_at[-1], dtype), _zeros(max(column_at[-1], 1), dtype)
    net = Net(size, pad, unit_at, row_at, column_at, row, column)
    for layer, weight in enumerate(weights):
        set_weight(net, layer, weight)
    return net


def rows_of(net: Net, layer: int) -> NDArray[Any]:
    """Return the live (n_in, n_out) view of a layer's weights."""
    flat = net.row[net.row_at[layer] : net.row_at[layer + 1]]
    return flat.reshape(net.size[layer], net.pad[layer + 1])[:, : net.size[layer + 1]]


def set_weight(net: Net, layer: int, weight: NDArray[Any]) -> None:
    """Write one layer's weights, both copies."""
    rows_of(net, layer)[:] = weight
    if layer:
        flat = net.column[net.column_at[layer] : net.column_at[layer + 1]]
        flat.reshape(net.size[layer + 1], net.pad[layer])[:, : net.size[layer]] = weight.T


def make_work(net: Net, dtype: Any) -> Work:
    """Return the running state of one thread, all at rest."""
    n_layers, n_units, budget = len(net.size) - 1, net.unit_at[-1], SPIKE_BUDGET

    def units() -> NDArray[Any]:
        return _zeros(n_units, dtype)

    def bottom() -> NDArray[Any]:
        return np.zeros(net.pad[0], dtype)

    def top() -> NDArray[Any]:
        return np.zeros(net.pad[-1], dtype)

    return Work(
        phi=units(),
        phi_start=units(),
        phi_back=units(),
        phi_target=top(),
        sent=units(),
        came=units(),
        x=bottom(),
        active=np.zeros(net.pad[0], np.int32),
        n_active=np.zeros(2, np.int64),
        y=top(),
        drive=bottom(),
        error=units(),
        held=np.zeros(net.pad[-1], np.int64),
        source=units(),
        unit=np.empty((n_layers + 1, budget), np.int32),
        sign=np.empty((n_layers + 1, budget), np.int8),
        cause=np.empty((n_layers + 1, budget), np.int32),
        head=np.zeros(n_layers + 1, np.int64),
        counted=np.zeros(n_layers + 1, np.int64),
        tail=np.zeros(n_layers + 1, np.int64),
        back_unit=np.empty((2, budget), np.int32),
        back_sign=np.empty((2, budget), np.int8),
        back_end=np.empty((2, budget), np.int64),
        changed=np.zeros(n_units, np.bool_),
        key=np.empty(budget, dtype),
        spare=Spikes(
            np.empty(budget, dtype), np.empty(budget, np.int32), np.empty(budget, np.int8)
        ),
        bucket=np.zeros(130, np.int64),
        tally=np.zeros((N_COUNTS, n_layers), np.int64),
    )
