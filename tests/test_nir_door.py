"""What ``export`` refuses, in one line."""

import numpy as np

import eventsnn as es


def test_a_network_that_only_its_rule_runs_is_not_exported(call, tmp_path):
    streams = [es.EventStream([5, 9], [k, k], (1, 1, 2), k) for k in (0, 1) * 4]
    data = es.DataSet.from_streams("blinks", streams, streams)
    es.Classifier("2-3-2", "deep-spiking", epochs=1, seed=0).fit(data).save(tmp_path / "run")
    out = tmp_path / "a.nir"
    code, _, said = call("export", tmp_path / "run", "--to", "nir", "--out", out)
    assert code == 2 and "is run by its own rule" in said and said.count("\n") == 1
    assert not out.exists()


def test_a_graph_in_memory_is_read_and_made():
    nir = __import__("pytest").importorskip("nir")
    network = es.layers("2x3x2-4c2-3", es.LIF(20_000), es.Readout(10_000))
    rng = np.random.default_rng(0)
    weights = {c.name: rng.normal(size=c.topology.weight_shape) for c in network.connections}
    graph = es.nir.graph(network, weights)
    assert isinstance(graph, nir.NIRGraph)
    again, found = es.nir.read(graph)
    assert again.to_toml() == network.to_toml()
    assert all(np.array_equal(found[name], w) for name, w in weights.items())
