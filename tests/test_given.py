"""What numpy's own types carry into the door: masks, narrow integers, text, infinities."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from eventsnn import DataError, EventBatch, EventStream, HerdingMLP, UserError, film, merge
from eventsnn.engines import simulate
from eventsnn.engines.layered.checked import checked_weights
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.if_ import IF
from eventsnn.rules.adjoint.options import AdjointOptions
from eventsnn.rules.deep_spiking.options import DeepSpikingOptions, HerdingOptions
from eventsnn.topology.dense import Dense
from eventsnn.topology.sparse import Sparse
from eventsnn.train.augment import Augmentation
from eventsnn.train.options import TrainOptions

SENSOR = (1, 1, 4)
STREAM = EventStream(np.array([0, 5, 10, 10]), np.array([1, 2, 3, 1]), SENSOR)
NETWORK = Network(
    (Population("input", SENSOR), Population("output", (2,), IF(1.0))),
    (Connection("input", "output", Dense(4, 2)),),
)
WEIGHTS = np.ones((4, 2))


def masked(values: Any, at: int) -> Any:
    """Return values of which the one ``at`` is masked."""
    found = np.array(values)
    return np.ma.array(found, mask=(np.arange(found.size) == at).reshape(found.shape))


FIELDS = [("x", np.int64), ("y", np.int64), ("t", np.int64), ("p", np.int64)]
EVENTS = np.ma.array(np.zeros(3, FIELDS), mask=[(0, 0, 0, 0), (0, 0, 1, 0), (0, 0, 0, 0)])
HALVES = (STREAM.t.astype(np.int32), STREAM.unit.astype(np.uint16))
REST = (np.array([0, 4]), np.array([0]), np.array([11]), SENSOR)
MASKED = {
    "times": lambda: EventStream(masked([0, 5, 9], 1), [1, 2, 3], SENSOR),
    "units": lambda: EventStream([0, 5, 9], masked([1, 2, 3], 1), SENSOR),
    "a structured array": lambda: EventStream.from_structured(EVENTS, (2, 4, 6)),
    "times of a batch": lambda: EventBatch(masked(HALVES[0], 1), HALVES[1], *REST),
    "units of a batch": lambda: EventBatch(HALVES[0], masked(HALVES[1], 1), *REST),
    "labels of a batch": lambda: EventBatch(*HALVES, REST[0], masked([0], 0), *REST[2:]),
    "indices": lambda: EventBatch.from_streams([STREAM] * 3).select(masked([0, 1], 1)),
    "weights": lambda: simulate(NETWORK, [masked(WEIGHTS, 1)], STREAM),
    "weights by name": lambda: simulate(NETWORK, {"input->output": masked(WEIGHTS, 1)}, STREAM),
    "weights of a layered run": lambda: checked_weights(NETWORK, [masked(WEIGHTS, 1)]),
    "weights of HerdingMLP": lambda: HerdingMLP([masked(WEIGHTS, 1)]),
    "an input of HerdingMLP": lambda: HerdingMLP([WEIGHTS]).predict(masked(np.ones(4), 1)),
    "delays": lambda: Connection("a", "b", Dense(1, 3), masked([[1, 2, 3]], 1)),
    "targets": lambda: Sparse(4, np.array([0, 2]), masked([1, 2], 1)),
    "ends": lambda: simulate(NETWORK, [WEIGHTS], STREAM, until_us=masked([5.0], 0)),
    "images": lambda: film(masked(np.zeros((1, 4, 4)), 1), seed=0),
    "labels of images": lambda: film(np.zeros((1, 4, 4)), labels=masked([3], 0), seed=0),
}


@pytest.mark.parametrize("what", MASKED)
def test_a_masked_value_is_refused_not_read_from_under_its_mask(what: str) -> None:
    with pytest.raises(UserError, match=r"element .* is masked; fill it, or leave it out"):
        MASKED[what]()


def test_a_masked_array_without_a_masked_value_is_an_array() -> None:
    stream = EventStream(np.ma.array(STREAM.t), np.ma.array(STREAM.unit), SENSOR)
    assert stream.t.tolist() == [0, 5, 10, 10] and type(stream.t) is np.ndarray


@pytest.mark.parametrize("engine", ["reference", "asynchronous", "feedforward"])
def test_a_budget_of_a_narrow_integer_does_not_wrap_around(engine: Any) -> None:
    # 100 events fire both neurons: 200 spikes; the last of 201 more would make uint8 wrap.
    stream = EventStream(np.arange(150), np.zeros(150, int), SENSOR)
    with pytest.raises(UserError, match="fired more than 200 spikes"):
        simulate(NETWORK, [WEIGHTS], stream, engine=engine, event_budget=np.uint8(200))


@pytest.mark.parametrize("until", [True, "5", [b"5"], None.__class__, 5j])
def test_an_end_that_is_no_number_is_refused(until: Any) -> None:
    with pytest.raises(UserError, match="until_us is"):
        simulate(NETWORK, [WEIGHTS], STREAM, until_us=until)


@pytest.mark.parametrize("narrow", [np.int8, np.uint8, np.int64, np.uint64])
def test_narrow_integers_in_herding_options_learn_as_pythons(narrow: Any) -> None:
    # 20^2 is 400, which no int8 holds: 144, or -112.
    rng = np.random.default_rng(0)
    weights = [rng.normal(0, 0.3, (6, 5)), rng.normal(0, 0.3, (5, 3))]
    inputs = rng.random((9, 6))
    learned = []
    for kind in (int, narrow):
        net = HerdingMLP(weights, n_steps=kind(20), eta=0.05, seed=kind(3))
        for k, x in enumerate(inputs):
            net.train_one(x, k % 3)
        learned.append(np.concatenate([w.ravel() for w in net.weights]))
    assert (learned[0] == learned[1]).all()
    assert HerdingOptions(n_steps=narrow(20), eta=0.5, dtype="integer").one == 800


def test_options_of_numpy_scalars_become_pythons_and_plain_json() -> None:
    made = TrainOptions(
        rule="adjoint",
        seed=np.int8(3),
        augmentation=Augmentation(shift=np.float32(0.5)),
        own=AdjointOptions(batch=np.uint8(200), rate=np.float64(0.5)),
    )
    network = HerdingOptions(n_steps=np.uint8(20), fractional=np.bool_(True))
    other = TrainOptions(own=DeepSpikingOptions(np.float32(0.5), network=network))
    told = json.loads(json.dumps(made.to_json()))
    assert (told["seed"], told["shift"]) == (3, 0.5)
    assert (told["gradient"]["batch"], told["gradient"]["rate"]) == (200, 0.5)
    told = json.loads(json.dumps(other.to_json()))
    assert (told["init_scale"], told["upper_scale"]) == (0.5, 0.0)
    assert (told["herding"]["n_steps"], told["herding"]["fractional"]) == (20, True)
    assert type(Augmentation(drop=np.float32(0.5)).drop) is float


@pytest.mark.parametrize("by", [math.nan, math.inf, 0.5, "1", None])
def test_a_shift_of_no_whole_pixels_is_refused(by: Any) -> None:
    with pytest.raises(DataError, match=r"shift is .*; give whole pixels"):
        STREAM.shift(by, 0)


def test_a_shift_beyond_any_sensor_removes_every_event() -> None:
    assert len(STREAM.shift(1 << 70, 0)) == len(STREAM.shift(0, -(1 << 70))) == 0


def test_merge_takes_any_iterable_and_refuses_what_is_no_stream() -> None:
    assert merge(s for s in [STREAM, STREAM]).t.tolist() == [0, 0, 5, 5, 10, 10, 10, 10]
    with pytest.raises(DataError, match="3 is no EventStream"):
        merge([STREAM, 3])  # type: ignore[list-item]


@pytest.mark.parametrize("start", [1.5, "a", math.nan])
def test_a_slice_of_no_whole_events_is_refused(start: Any) -> None:
    with pytest.raises(DataError, match=r"count slice is .*; give whole numbers of events"):
        STREAM.slice_count(start, 2)


@pytest.mark.parametrize("wrong", [[7], [-3], [0.5], [math.nan], [True], ["0"], [[0]]])
def test_recordings_that_are_not_there_are_refused(wrong: Any) -> None:
    with pytest.raises(DataError):
        EventBatch.from_streams([STREAM, STREAM]).select(wrong)


def test_recordings_are_selected_by_number_from_both_ends_or_by_truth_values() -> None:
    batch = EventBatch.from_streams([STREAM.slice_count(0, n) for n in (1, 2, 3)])
    assert [len(s) for s in batch.select([-1, 0])] == [3, 1]
    assert [len(s) for s in batch.select([True, False, True])] == [1, 3]
    assert len(batch.select([])) == 0


@pytest.mark.parametrize("engine", ["feedforward", "auto"])
def test_without_a_compiler_the_fast_path_says_so(engine: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("numba.config.DISABLE_JIT", 1)
    with pytest.raises(UserError, match="NUMBA_DISABLE_JIT is set; unset it"):
        simulate(NETWORK, [WEIGHTS], STREAM, engine=engine)


def test_a_command_whose_output_is_closed_ends_well() -> None:
    command = f'"{sys.executable}" -m eventsnn --version >&-'
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
