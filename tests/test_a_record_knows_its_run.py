"""What is read off a record is refused with other recordings or weights than those of its run."""

from dataclasses import replace

import numpy as np
import pytest

import eventsnn as es
from eventsnn.engines.fingerprint import check_events

RNG = np.random.default_rng(0)
NET = es.layers("8-6-3", es.LIF(20_000), es.Readout(30_000))
WEIGHTS = {c.name: RNG.normal(0.3, 0.3, c.topology.weight_shape) for c in NET.connections}
WEIGHTS["input->hidden1"][2, 3] = 0


def recording(seed, n=60, order=None):
    rng = np.random.default_rng(seed)
    t, unit = np.sort(rng.integers(0, 900, n)), rng.integers(0, 8, n)
    if order is not None:
        unit = unit[::-1]
    return es.EventStream(t, unit, (1, 1, 8), duration=1_000)


ONE, OTHER = recording(1), recording(2)


@pytest.mark.parametrize("events", [OTHER, recording(1, order=-1), recording(1, n=61)])
@pytest.mark.parametrize("engine", ["auto", "asynchronous", "reference"])
def test_another_recording_is_refused_be_it_of_as_many_events(events, engine):
    record = es.simulate(NET, WEIGHTS, ONE, engine=engine)
    for read in (
        lambda: es.operations(record, WEIGHTS, events),
        lambda: es.potentials(record, WEIGHTS, events, "hidden1"),
    ):
        with pytest.raises(
            es.UserError, match=r"recording 0 .* is not the one .* \(60 until 1,000"
        ):
            read()


def test_other_weights_are_refused_and_their_connection_is_named():
    record = es.simulate(NET, WEIGHTS, ONE)
    for name in WEIGHTS:
        other = WEIGHTS | {name: WEIGHTS[name] * 1.01}
        with pytest.raises(es.UserError, match=f"the weights of {name} are not those"):
            es.operations(record, other, ONE)
        with pytest.raises(es.UserError, match=f"the weights of {name} are not those"):
            es.potentials(record, other, ONE, "output")


def test_the_same_recordings_in_another_form_are_taken():
    batch = es.EventBatch.from_streams([ONE, OTHER])
    record = es.simulate(NET, WEIGHTS, ONE)
    ties = np.lexsort((-ONE.unit, ONE.t))  # the order within an instant is nobody's
    other = replace(ONE, t=ONE.t[ties], unit=ONE.unit[ties])
    forms = (batch.part(0, 1), other, {"input": ONE})
    for events in forms:
        assert es.operations(record, WEIGHTS, events).total == record.counts.synaptic_adds.sum()
    assert len(es.operations(es.simulate(NET, WEIGHTS, batch), WEIGHTS, batch)) == 2
    short = es.simulate(NET, WEIGHTS, ONE, until_us=500)
    es.operations(short, WEIGHTS, ONE.between(0, 500))
    half = {name: array.astype(np.float32) for name, array in WEIGHTS.items()}
    es.operations(es.simulate(NET, WEIGHTS, ONE, dtype=np.float32), half, ONE)


def test_two_recordings_are_not_one():
    record = es.simulate(NET, WEIGHTS, ONE)
    with pytest.raises(es.UserError, match="2 recordings, the record has 1"):
        es.operations(record, WEIGHTS, es.EventBatch.from_streams([ONE, OTHER]))


def test_another_generator_is_refused():
    record = es.simulate(NET, WEIGHTS, {"input": es.Poisson(500, seed=1)}, until_us=10_000)
    es.operations(record, WEIGHTS, {"input": es.Poisson(500, seed=1)})
    for events in ({"input": es.Poisson(500, seed=2)}, ONE):
        with pytest.raises(es.UserError, match="input is given something else"):
            es.operations(record, WEIGHTS, events)


def test_a_run_that_goes_on_takes_the_whole_recording_or_its_last_part():
    first = es.simulate(NET, WEIGHTS, ONE.between(0, 400), state=True)
    second = es.simulate(NET, WEIGHTS, ONE.between(400, 1_000), state=first.state)
    for events in (ONE, ONE.between(400, 1_000)):
        check_events(second, events, "record")
    with pytest.raises(es.UserError, match="is not the one"):
        check_events(second, ONE.between(0, 400), "record")


def test_a_record_made_by_hand_takes_any():
    record = replace(es.simulate(NET, WEIGHTS, ONE), fingerprint=None)
    es.operations(record, WEIGHTS, ONE)
