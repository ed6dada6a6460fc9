"""Every public name says what it is: help with an example that runs, and one line of facts."""

import doctest
import inspect
import types

import numpy as np
import pytest

import eventsnn as es
from eventsnn.registry import Registry

NAMES = [n for n in es.__all__ if not isinstance(getattr(es, n), types.ModuleType)]
ROOMS = sorted(set(es.__all__) - set(NAMES))


@pytest.fixture
def restored():
    """What an example registered leaves again."""
    joined = {registry: list(registry.joined) for registry in Registry.known}
    yield
    for registry, before in joined.items():
        for thing in [t for t in registry.joined if t not in before]:
            registry.leave(thing)


@pytest.mark.parametrize("name", NAMES)
def test_help_has_an_example_that_runs(name, restored, tmp_path, monkeypatch):
    thing = getattr(es, name)
    text = inspect.getdoc(thing)
    assert text and "\nExamples\n--------\n" in text, f"{name}: no Examples in its docstring"
    monkeypatch.chdir(tmp_path)
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, 0)
    assert test.examples
    told = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(test, out=told.append)
    assert runner.failures == 0, "".join(told)


@pytest.mark.parametrize("name", NAMES)
def test_help_of_a_function_names_each_parameter(name):
    thing = getattr(es, name)
    text = inspect.getdoc(thing) or ""
    if inspect.isfunction(thing):
        missing = [p for p in inspect.signature(thing).parameters if p not in text]
        assert not missing, f"{name}: its help does not tell {missing}"


def test_rooms_say_what_they_hold_and_list_it():
    assert len(ROOMS) >= 6 and len(NAMES) > 45
    for room in ROOMS:
        module = getattr(es, room)
        assert module.__doc__ and len(dir(module)) > 1
        assert sum(inspect.isclass(getattr(module, n)) for n in dir(module)) >= 2, room


def things():
    """One object of each public type that can be looked at."""
    network = es.layers("2-3-1", es.CubaLIF(20_000, 5_000), es.Readout(30_000))
    weights = {c.name: np.ones(c.topology.weight_shape) for c in network.connections}
    stream = es.EventStream([0, 3], [0, 1], (1, 1, 2), label=0, duration=3_000)
    record = es.simulate(network, weights, stream, state=True)
    batch = es.EventBatch.from_streams([stream])
    yield from (network, *network.populations, *network.connections, stream, batch, record)
    yield from (record.spikes["hidden1"], record.readouts["output"], record.counts, record.state)
    yield from (record.state["hidden1"], es.operations(record, weights, stream))
    yield from (es.potentials(network, weights, stream, "hidden1"), es.Camera(), es.Adam())
    yield from (es.DataSet.from_streams("one", batch, batch), es.Classifier(network, "eventprop"))
    yield from (es.LIF(1.0), es.Conv2d((4, 4, 1), 2, 3), es.Pool2d((4, 4, 1), 2))
    yield from (es.Sparse(2, [0, 1, 2], [0, 1]), es.Poisson(10, seed=1), es.Normal(0, 1, seed=1))
    yield from (es.CrossEntropy(), es.rules.Adjoint(), es.HerdingMLP([np.ones((2, 3))]))


def test_every_object_is_one_line_of_facts():
    seen = [repr(thing) for thing in things()]
    long = [text for text in seen if "\n" in text or len(text) > 300]
    assert len(seen) > 25 and not long, long
    bare = [text for text in seen if " object at 0x" in text]
    assert not bare, bare


def test_a_data_set_unpacks_and_a_batch_is_sliced_and_cut_into_minibatches():
    streams = [
        es.EventStream.from_arrays([k], [0], [k], height=1, width=9, label=k) for k in range(9)
    ]
    train, test = es.DataSet.from_streams("nine", streams, streams[:2])
    assert len(train) == 9 and len(test) == 2
    assert train[2:5].label.tolist() == [2, 3, 4] and train[::-4].label.tolist() == [8, 4, 0]
    assert train[-2:].t.tolist() == [7, 8] and len(train[5:2]) == 0
    assert [b.label.tolist() for b in test.batches(1)] == [[0], [1]]
    seen = [b.label.tolist() for b in train.batches(4, np.random.default_rng(0))]
    every = [label for labels in seen for label in labels]
    assert [len(b) for b in seen] == [4, 4, 1]
    assert sorted(every) == list(range(9)) != every
    for act in (
        lambda: train.batches(0),
        lambda: train.batches(2.5),
        lambda: train.batches(2, 7),
    ):
        with pytest.raises(es.UserError, match=r"batches: (size|rng) is"):
            act()
