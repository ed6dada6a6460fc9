"""Connection rules: exact counts by their definitions, and each draw as likely as it should be."""

import tracemalloc
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np
import pytest
from scipy.stats import chi2

import eventsnn as es
from eventsnn import registry
from eventsnn.connectivity import Connectivity, connectivities
from eventsnn.distributions import distributions
from eventsnn.network.file import load_network

CELLS = es.Population("cells", (6,), es.LIF(20_000))


def pairs(topology, n_out):
    """How many synapses each pair has, (n_in, n_out)."""
    counts = np.zeros((topology.n_in, n_out), int)
    for sender in range(topology.n_in):
        targets, _ = topology.fan_out(sender)
        assert (np.diff(targets) >= 0).all()
        np.add.at(counts[sender], targets, 1)
    return counts


def surprise(counts, expected):
    """The probability that counts are as far from what is expected as these, or farther."""
    statistic = ((counts - expected) ** 2 / expected).sum()
    return chi2.sf(statistic, counts.size - 1)


@pytest.mark.parametrize("autapses", [True, False])
@pytest.mark.parametrize("multapses", [True, False])
@pytest.mark.parametrize("degree", [1, 4, 14])
@pytest.mark.parametrize("rule", [es.FixedInDegree, es.FixedOutDegree])
def test_every_neuron_has_its_degree(rule, degree, multapses, autapses):
    made = rule(degree, seed=1, autapses=autapses, multapses=multapses)
    for n_in, n_out, same in ((20, 15, False), (17, 17, True)):
        found = pairs(made.topology(n_in, n_out, same), n_out)
        axis = 0 if rule is es.FixedInDegree else 1
        np.testing.assert_array_equal(found.sum(axis), degree)
        assert multapses or found.max() == 1
        assert found.max() > 1 or not multapses or degree < 14
        if same and not autapses:
            assert not np.diag(found).any()


@pytest.mark.parametrize("multapses", [True, False])
@pytest.mark.parametrize("degree", [3, 7])
@pytest.mark.parametrize("rule", [es.FixedInDegree, es.FixedOutDegree])
def test_every_partner_is_as_likely(rule, degree, multapses):
    made = [rule(degree, seed, False, multapses) for seed in range(300)]
    found = sum(pairs(one.topology(10, 10, True), 10) for one in made)
    apart, expected = found[~np.eye(10, dtype=bool)], 300 * degree / 9
    # Without multapses a pair has one synapse or none, which varies less.
    spread = 1.0 if multapses else (1.0 - degree / 9) * 9 / 8
    statistic = ((apart - expected) ** 2 / expected / spread).sum()
    assert found.sum() == 300 * 10 * degree
    assert 0.001 < chi2.sf(statistic, 80) < 0.999


def test_every_set_of_partners_is_as_likely():
    for degree in (2, 3):  # drawn by what is taken, and by what is left out
        rows = es.FixedOutDegree(degree, 3, multapses=False).topology(12_000, 5).target
        sets = (1 << rows.reshape(-1, degree)).sum(axis=1)
        counts = np.unique(sets, return_counts=True)[1]
        assert len(counts) == 10 and 0.001 < surprise(counts, 1200) < 0.999


def test_each_pair_has_a_synapse_by_its_probability_alone():
    for p in (0.03, 0.5):
        drawn = [es.PairwiseProbability(p, 1000 + k).topology(20, 30) for k in range(200)]
        found = sum(pairs(one, 30) for one in drawn)
        expected = 200 * p
        statistic = ((found - expected) ** 2 / (expected * (1 - p))).sum()
        assert 0.001 < chi2.sf(statistic, 600) < 0.999
    numbers = [len(es.PairwiseProbability(0.2, k).topology(10, 10).target) for k in range(2000)]
    assert abs(np.var(numbers) - 16) < 2  # binomial: no pair knows of another


def test_probabilities_of_nothing_and_everything():
    assert len(es.PairwiseProbability(0, 1).topology(30, 20).target) == 0
    assert (pairs(es.PairwiseProbability(1, 1).topology(30, 20), 20) == 1).all()
    alone = pairs(es.PairwiseProbability(1.0, 1, autapses=False).topology(9, 9, True), 9)
    np.testing.assert_array_equal(alone, 1 - np.eye(9, dtype=int))
    assert len(es.PairwiseProbability(1e-300, 1).topology(100_000, 100_000).target) == 0


def test_all_to_all_and_one_to_one_are_what_they_say():
    assert es.AllToAll().topology(4, 3) == es.Dense(4, 3)
    assert es.AllToAll(autapses=False).topology(4, 4) == es.Dense(4, 4)
    others = es.AllToAll(autapses=False).topology(5, 5, same=True)
    np.testing.assert_array_equal(pairs(others, 5), 1 - np.eye(5, dtype=int))
    np.testing.assert_array_equal(pairs(es.OneToOne().topology(7, 7), 7), np.eye(7, dtype=int))


def test_the_same_seed_gives_the_same_synapses_and_another_gives_others():
    for rule in (es.FixedInDegree, es.FixedOutDegree):
        one, same, other = (rule(5, seed).topology(40, 30).target for seed in (1, 1, 2))
        np.testing.assert_array_equal(one, same)
        assert (one != other).any() if len(one) == len(other) else True


def test_memory_grows_with_the_synapses_and_not_with_the_pairs():
    made = es.PairwiseProbability(1e-5, 1), es.FixedInDegree(1, 1, multapses=False)
    tracemalloc.start()
    for rule in made:
        assert 15_000 < len(rule.topology(40_000, 40_000).target) < 45_000
    assert tracemalloc.get_traced_memory()[1] < 30e6  # the pairs are 1.6e9
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: es.FixedInDegree(0, 1), "fixed_in_degree: degree is 0; give from 1 to"),
        (lambda: es.FixedInDegree(3, -1), "fixed_in_degree: seed is -1; give 0 or more"),
        (lambda: es.FixedInDegree(2.5, 1), "degree is 2.5; give a whole number"),
        (lambda: es.PairwiseProbability(1.5, 1), "probability is 1.5; give from 0 to 1"),
        (lambda: es.PairwiseProbability(float("nan"), 1), "probability is nan"),
        (lambda: es.Uniform(2, 1, 0), "uniform: low is 2, high 1; give low <= high"),
        (lambda: es.Normal(0, -1, 0), "normal: std is -1; give 0 or more"),
        (lambda: es.Constant("a"), "constant: value is 'a'; give a number"),
        (
            lambda: es.connect(CELLS, CELLS, es.FixedOutDegree(6, 1, False, False)),
            "connection cells->cells: .*6 partners, itself left out, of 5; give at most 5",
        ),
        (
            lambda: es.connect(es.Population("in", 5), CELLS, es.OneToOne()),
            "connection in->cells: .*5 senders for 6 receivers",
        ),
        (
            lambda: es.connect(es.Population("in", 10**9), CELLS, es.FixedOutDegree(9999, 1)),
            "9999000000000 synapses: it needs .* of memory",
        ),
        (lambda: es.connect("in", CELLS, es.OneToOne()), "source is in; give a Population"),
        (lambda: es.connect(CELLS, CELLS, "all_to_all"), "rule is all_to_all; give one such"),
        (
            lambda: es.connect(CELLS, CELLS, es.AllToAll(), delay_us=es.Normal(0, 9, 1)),
            "delay_us of synapse .* is -",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(make, message):
    with pytest.raises(es.UserError, match=message) as raised:
        make()
    assert "\n" not in str(raised.value)


def test_weights_are_numbers_and_distributions_too():
    source = es.Population("in", (4,))
    rule = es.FixedInDegree(3, seed=2)
    delays = es.Uniform(1000, 3000, seed=9)
    net = es.Network((source, CELLS), (es.connect(source, CELLS, rule, delay_us=delays),))
    shape = (18,)
    delay = net.connections[0].delay_us
    assert delay.dtype == np.int64 and 1000 <= delay.min() < delay.max() <= 3000
    events = es.EventStream(np.arange(200) * 50, np.arange(200) % 4, (1, 1, 4))
    for given in (0.4, es.Constant(0.4), es.Normal(0.4, 0.1, seed=1), es.Uniform(0, 1, seed=1)):
        array = np.full(shape, 0.4) if given == 0.4 else given.draw(shape)
        one, other = (es.simulate(net, [w], events).spikes["cells"] for w in (given, array))
        assert len(one) > 0
        np.testing.assert_array_equal(one.t, other.t)
        np.testing.assert_array_equal(one.value, other.value)


def test_distributions_are_those_they_are_called():
    uniform = np.sort(es.Uniform(-1, 3, seed=4).draw((100, 100)).reshape(-1))
    assert np.abs(uniform - np.linspace(-1, 3, 10_000)).max() < 0.06
    normal = es.Normal(2, 0.5, seed=4).draw((10_000,))
    assert abs(normal.mean() - 2) < 0.02 and abs(normal.std() - 0.5) < 0.02


TOML = """
[[population]]
name = "in"
shape = 6
[[population]]
name = "cells"
shape = 6
neuron = {{ model = "lif", tau_us = 20000 }}
[[connection]]
source = "in"
target = "cells"
topology = {{ {rule} }}
weights = {weights}
[[connection]]
source = "cells"
target = "cells"
topology = {{ {rule} }}
weights = 0
delay_us = {{ kind = "uniform", low = 1000, high = 2000, seed = 1 }}
"""
MADE = {
    "all_to_all": es.AllToAll(autapses=False),
    "one_to_one": es.OneToOne(),
    "fixed_in_degree": es.FixedInDegree(3, 4, autapses=False),
    "fixed_out_degree": es.FixedOutDegree(3, 4, multapses=False),
    "pairwise_probability": es.PairwiseProbability(0.5, 4),
}
WEIGHTS = {
    "constant": es.Constant(0.25),
    "normal": es.Normal(0.2, 0.1, 3),
    "uniform": es.Uniform(0, 1, 3),
}


def table(thing):
    words = {True: "true", False: "false"}
    values = {f.name: getattr(thing, f.name) for f in fields(thing)}
    parts = [f"{k} = {words[v] if isinstance(v, bool) else v}" for k, v in values.items()]
    return ", ".join([f'kind = "{thing.kind}"', *parts])


@pytest.mark.parametrize("kind", sorted(connectivities()))
@pytest.mark.parametrize("drawn", sorted(distributions()))
def test_a_file_draws_what_python_draws(kind, drawn, tmp_path):
    rule, weight = MADE[kind], WEIGHTS[drawn]
    path = tmp_path / "net.toml"
    path.write_text(TOML.format(rule=table(rule), weights=f"{{ {table(weight)} }}"))
    network, weights = load_network(path)
    for connection, same in zip(network.connections, (False, True), strict=True):
        ours = pairs(rule.topology(6, 6, same), 6)
        np.testing.assert_array_equal(ours, pairs(connection.topology, 6))
    shape = network.connections[0].topology.weight_shape
    np.testing.assert_array_equal(weights["in->cells"], weight.draw(shape))


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ('kind = "fixed_in_degree", seed = 1', r"connection\[0\].topology lacks the key degree"),
        (
            'kind = "fixed_in_degree", degree = 0, seed = 1',
            r"connection\[0\].topology.degree is 0; give from 1",
        ),
        ('kind = "one_to_one", seed = 1', r"topology has the unknown key 'seed'; known: none"),
        ('kind = "all_to_al"', "give .*all_to_all, .*pairwise_probability"),
        (
            'kind = "pairwise_probability", probability = nan, seed = 1',
            r"topology.probability is nan; give a finite number",
        ),
    ],
)
def test_a_wrong_rule_in_a_file_is_refused_with_its_key(rule, message, tmp_path):
    path = tmp_path / "net.toml"
    path.write_text(TOML.format(rule=rule, weights="0.2"))
    with pytest.raises(es.DataError, match=message):
        load_network(path)


def test_a_rule_of_ones_own_is_found_by_its_kind(tmp_path):
    @registry.register
    @dataclass(frozen=True)
    class Ring(Connectivity):
        kind: ClassVar[str] = "ring"

        def topology(self, senders, receivers, same=False):
            each = np.arange(senders + 1)
            return es.Sparse(receivers, each, (each[:-1] + 1) % receivers)

    path = tmp_path / "net.toml"
    path.write_text(TOML.format(rule='kind = "ring"', weights="0.2"))
    network, _ = load_network(path)
    assert network.connections[1].topology.fan_out(5)[0] == [0]
