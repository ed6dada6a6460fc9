"""Tables of compiled functions and of arrays."""

import numba
import numpy as np
import pytest
from numba import float64, int64

import eventsnn as es
from eventsnn.engines.asynchronous.calls import calls
from eventsnn.engines.asynchronous.plan import plan
from eventsnn.kernels.pointers import Arrays, Pointers, picked, pointer


@numba.cfunc(float64(float64, int64))
def add(x, k):
    return x + k


@numba.cfunc(float64(float64, int64))
def times(x, k):
    return x * k


@numba.cfunc(int64(int64))
def twice(k):
    return 2 * k


@numba.njit
def use(table, other, index, x):
    return pointer(table, index)(x, 3) + pointer(other, 0)(index)


def test_functions_are_called_by_number():
    table, other = Pointers([add, times]), Pointers([twice])
    assert use(table, other, 0, 1.5) == 4.5
    assert use(table, other, 1, 1.5) == 6.5
    assert [use(table, other, k, 2.0) for k in np.array([1, 0])] == [8.0, 5.0]


def test_the_signature_is_part_of_the_type():
    assert numba.typeof(Pointers([add])) == numba.typeof(Pointers([times, add]))
    assert numba.typeof(Pointers([add])) != numba.typeof(Pointers([twice]))


def test_a_table_may_have_places_without_a_function():
    table = Pointers([None, times])
    assert use(table, Pointers([twice]), 1, 1.5) == 6.5
    assert numba.typeof(table) == numba.typeof(Pointers([add]))


def test_the_asynchronous_engine_compiles_the_models_and_shapes_of_its_network_alone():
    net = es.layers("4-3-2", hidden=es.LIF(tau_us=30_000.0), output=es.Readout(30_000.0))
    table = calls(plan(net), np.float32)
    for functions in (table.receive.functions, table.train.functions, table.settle.functions):
        assert len(functions) > 5 and sum(f is not None for f in functions) == 2
    shapes = table.runs.functions
    assert len(shapes) > 3 and sum(f is not None for f in shapes) == 1
    alone = calls(plan(es.Network((es.Population("input", (3,)),), ())), np.float32)
    assert numba.typeof(alone.receive) == numba.typeof(table.receive)


def test_groups_of_synapses_with_delays_of_their_own_are_lists_which_are_compiled_too():
    net = es.Network(
        (
            es.Population("input", (40,)),
            es.Population("output", (10,), es.CubaLIF(20_000.0, 5_000.0)),
        ),
        (es.Connection("input", "output", es.Dense(40, 10), np.tile([0, 5] * 5, (40, 1))),),
    )
    graph = plan(net)
    functions = calls(graph, np.float32).runs.functions
    assert len(set(graph.topology)) > 1 and all(functions[k] for k in graph.topology)


@numba.njit
def double(table, index):
    array = picked(table, index)
    for k in range(len(array)):
        array[k] *= 2
    return array.sum(), len(array)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
def test_arrays_are_picked_by_number_and_written_to(dtype):
    arrays = [np.arange(n, dtype=dtype) for n in (3, 0, 5)]
    table = Arrays(arrays, dtype)
    assert double(table, 2) == (20, 5) and double(table, 1) == (0, 0)
    np.testing.assert_array_equal(arrays[2], [0, 2, 4, 6, 8])
    np.testing.assert_array_equal(arrays[0], [0, 1, 2])


def test_how_many_arrays_there_are_compiles_nothing_anew():
    few, many = (Arrays([np.ones(2)] * n, np.float64) for n in (0, 70))
    assert numba.typeof(few) == numba.typeof(many) != numba.typeof(Arrays([], np.float32))


def test_arrays_of_another_kind_are_refused():
    for wrong in (np.ones(3, np.float32), np.ones((2, 2)), np.ones(6)[::2]):
        with pytest.raises(TypeError, match="not flat float64"):
            Arrays([np.ones(2), wrong], np.float64)
