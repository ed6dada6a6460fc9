"""Joined runs are the fan-outs that they were made of, and kernels add by them what they should."""

import numpy as np
import pytest

from eventsnn.network.layer_string import parse_layers
from eventsnn.rules.grid.fan import runs_of
from eventsnn.rules.grid.joined import joined
from eventsnn.rules.stbp import backward, encode, forward
from eventsnn.rules.stbp.options import STBPOptions
from eventsnn.rules.stbp.rule import STBP

LAYERS = [
    "5-4",
    "8x8x1-3c3-2",
    "8x8x2-3c3-2avg-5c2-2",
    "9x7x2-4c3s2-2",
    "3x3x2-2c3-2",
    "4x5x3-3c2-2c2-2",
    "6x6x2-2avg-7-2",
]
"""Dense, in rows, in channels, with steps of two, of one position, of narrow maps, pooled."""


def connections(layers):
    return STBP(STBPOptions(n_steps=3)).network(parse_layers(layers)).connections


def synapses(table, j, length):
    """Return (target, weight) of a sender, one by one."""
    return sorted(
        (int(table.target[r]) + c, int(table.weight[r]) + c)
        for r in range(table.start[j], table.start[j + 1])
        for c in range(int(length[r]))
    )


@pytest.mark.parametrize("layers", LAYERS)
def test_joined_runs_have_every_synapse_once(layers):
    for connection in connections(layers):
        runs = runs_of(connection)
        found = joined(runs)
        n = int(runs.sizes[3])
        assert sorted(found.order) == list(range(n // runs.length))
        weights = np.arange(float(n))
        ordered = found.ordered(weights)
        np.testing.assert_array_equal(found.given(ordered), weights)
        each = np.full(len(runs.target), runs.length)
        for j in range(int(runs.sizes[0])):
            given = [(target, weights[w]) for target, w in synapses(runs, j, each)]
            assert [(t, ordered[w]) for t, w in synapses(found, j, found.length)] == given
        assert len(found.target) <= len(runs.target)


@pytest.mark.parametrize("layers", LAYERS)
def test_senders_of_a_group_have_the_runs_of_its_first_at_a_fixed_stride(layers):
    for connection in connections(layers):
        found = joined(runs_of(connection))
        for j, head in enumerate(found.head):
            assert head <= j and found.head[head] == head
            assert all(found.head[head : j + 1] == head)
            mine, its = (slice(found.start[k], found.start[k + 1]) for k in (j, head))
            apart = (j - head) * found.sizes[3]
            np.testing.assert_array_equal(found.target[mine], found.target[its])
            np.testing.assert_array_equal(found.length[mine], found.length[its])
            np.testing.assert_array_equal(found.weight[mine], found.weight[its] + apart)


def test_rows_of_a_kernel_are_one_run_and_channels_of_a_position_one_group():
    runs = runs_of(connections("8x8x1-3c3-2c3-2")[1])
    found = joined(runs)
    middle = 3 * (3 * 6 + 3)
    assert runs.start[middle + 1] - runs.start[middle] == 9
    assert found.start[middle + 1] - found.start[middle] == 3
    assert set(found.length[found.start[middle] : found.start[middle + 1]]) == {6}
    assert len(set(found.head)) == 36
    dense = joined(runs_of(connections("5-4")[0]))
    assert set(dense.head) == {0} and dense.sizes[3] == 4


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("seed", range(2))
def test_kernels_add_rows_as_a_plain_sum_does(layers, seed):
    # Small whole numbers: no sum depends on its order.
    rng = np.random.default_rng(seed)
    for connection in connections(layers):
        runs = runs_of(connection)
        n_in, n, length, n_weights = (int(v) for v in runs.sizes[:4])
        found, weights = joined(runs), rng.integers(-9, 9, n_weights).astype(np.float32)
        spikes = rng.random((2, 3, n_in)) < (0.4, 0.9)[seed]
        sent, units = encode.spikes_room(2, 3, n_in, 3 * n_in)
        for b, t in np.ndindex(2, 3):
            unit = np.flatnonzero(spikes[b, t])
            first = int(sent.at[b, t])
            sent.unit[b, first : first + len(unit)] = unit
            sent.at[b, t + 1] = first + len(unit)
        encode.by_unit(sent, units)
        dense = np.zeros((n_in, n, n_weights), np.float32)
        for j in range(n_in):
            for target, w in synapses(runs, j, np.full(len(runs.target), length)):
                dense[j, target, w] += 1
        bias = rng.integers(-9, 9, n).astype(np.float32)
        x = np.zeros((2, 3, n), np.float32)
        forward.drive(found, sent, found.ordered(weights), bias, x)
        np.testing.assert_array_equal(x, spikes @ (dense @ weights) + bias)
        errors = rng.integers(-9, 9, x.shape).astype(np.float32)
        expected = np.einsum("btj,jkw,btk->w", spikes, dense, errors)
        for parts in ([(0, length)], [(0, 1), (1, length)]):
            gradient = np.zeros(n_weights, np.float32)
            for part in parts:
                backward.add_rows(found, units, errors, part, gradient)
            np.testing.assert_array_equal(found.given(gradient), expected)
