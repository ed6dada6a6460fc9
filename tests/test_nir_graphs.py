"""Random graphs of NIR, of every type of node: read, written and read again; and spoiled files.

What a graph means is asked of an oracle that shares no arithmetic with the reader: numpy arrays of
shape (channel, row, column) that go through the nodes one by one, in steps.
"""

import doors
import numpy as np
import pytest
from doors import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import eventsnn as es
from eventsnn.errors import UserError

nir = pytest.importorskip("nir")

SEEN = {"database": None, "deadline": None, "suppress_health_check": list(HealthCheck)}
STEP = 1_000
DT = STEP * 1e-6
HOW = {"time_unit": "s", "spike": STEP, "steps": "euler"}


def of(shape, value):
    return np.full(shape, value, np.float64)


def cell(kind, shape, rng):
    """Neurons with parameters of their own: how they move, their threshold, v at first."""
    tau, thr = rng.uniform(0.005, 0.05, shape), rng.uniform(0.3, 1.0, shape)
    if kind == "IF":
        r = rng.uniform(500, 1500, shape)
        return nir.IF(r, thr, of(shape, 0)), lambda v, i: v + DT * r * i, thr, of(shape, 0)
    if kind == "Threshold":
        return nir.Threshold(thr), lambda v, i: i, thr, of(shape, 0)
    r = rng.uniform(10, 50, shape)
    leak = rng.uniform(-0.2, 0.2, shape) if kind == "leaking" else of(shape, 0)
    node = nir.LIF(tau, r, leak, thr, of(shape, 0))
    return node, lambda v, i: v + DT / tau * (leak - v + r * i), thr, leak


def convolved(x, w, stride, padding, dilation=(1, 1), groups=1):
    """Cross-correlation by its definition."""
    x = np.pad(x, ((0, 0), *((p, p) for p in padding)))
    reach = [(k - 1) * d + 1 for k, d in zip(w.shape[2:], dilation, strict=True)]
    out = [(n - r) // s + 1 for n, r, s in zip(x.shape[1:], reach, stride, strict=True)]
    found, many = np.zeros((len(w), *out)), len(w) // groups
    for o, y, z in np.ndindex(len(w), *out):
        rows = slice(y * stride[0], y * stride[0] + reach[0], dilation[0])
        columns = slice(z * stride[1], z * stride[1] + reach[1], dilation[1])
        first = o // many * w.shape[1]
        found[o, y, z] = (w[o] * x[first : first + w.shape[1], rows, columns]).sum()
    return found


def conv(rng, shape, bias=False):
    c, *sides = shape
    groups = int(rng.choice([g for g in (1, 2) if c % g == 0]))
    kernel = [int(rng.integers(1, min(n, 3) + 1)) for n in sides]
    stride, padding = (tuple(int(v) for v in rng.integers(*b, 2)) for b in ((1, 3), (0, 2)))
    room = [(n - 1) // (k - 1) if k > 1 else 2 for k, n in zip(kernel, sides, strict=True)]
    dilation = tuple(int(rng.integers(1, 1 + min(d, 2))) for d in room)
    w = rng.normal(size=(2 * groups, c // groups, *kernel))
    node = nir.Conv2d(tuple(sides), w, stride, padding, dilation, groups, np.zeros(2 * groups))
    return node, lambda x: convolved(x, w, stride, padding, dilation, groups)


def conv1d(rng, shape):
    w = rng.normal(size=(2, shape[0], min(2, shape[1])))
    node = nir.Conv1d(shape[1], w, 1, 1, 1, 1, np.zeros(2))
    return node, lambda x: convolved(x[:, None], w[:, :, None], (1, 1), (0, 1))[:, 0]


def pool(rng, shape):
    window, mean = rng.integers(1, 3, 2), bool(rng.integers(2))
    window = np.minimum(window, shape[1:])
    kind = nir.AvgPool2d if mean else nir.SumPool2d
    node = kind(window, window, np.zeros(2, int))
    weight = np.ones((1, 1, *window)) / (window.prod() if mean else 1)

    def run(x):
        return np.concatenate([convolved(c[None], weight, window, (0, 0)) for c in x])

    return node, run


def linear(rng, shape):
    w = rng.normal(size=(4, shape[0]))
    return nir.Linear(w), lambda x: w @ x


def affine(rng, shape):
    w = rng.normal(size=(3, shape[0]))
    return nir.Affine(w, np.zeros(3)), lambda x: w @ x


def scale(rng, shape):
    s = rng.uniform(0.5, 2, shape)
    return nir.Scale(s), lambda x: x * s


def flatten(rng, shape):
    return nir.Flatten({"input": np.array(shape)}, 0, -1), lambda x: x.reshape(-1)


MAPS = {1: (linear, affine, scale), 2: (conv1d, scale, flatten), 3: (conv, pool, scale, flatten)}
FIRST = ((5,), (2, 6), (2, 5, 4), (1, 4, 4))


def chain(seed):
    """Nodes in a row: maps, neurons, maps, neurons; and what each does in a step."""
    rng = np.random.default_rng(seed)
    shape = FIRST[rng.integers(len(FIRST))]
    nodes, does = [nir.Input(np.array(shape))], []
    for _ in range(2):
        for _ in range(rng.integers(1, 4)):
            node, run = MAPS[len(shape)][rng.integers(len(MAPS[len(shape)]))](rng, shape)
            nodes.append(node)
            does.append(("map", run))
            shape = run(np.zeros(shape)).shape
        kind = ("IF", "LIF", "leaking", "Threshold")[rng.integers(4)]
        node, *moves = cell(kind, shape, rng)
        nodes.append(node)
        does.append(("cell", *moves))
    return nodes, does, rng


def stepped(does, spikes):
    """Spikes of the last neurons as (step, unit), all neurons compared at each step."""
    state, found = {}, []
    for k, row in enumerate(spikes):
        x = row
        for j, (what, *how) in enumerate(does):
            if what == "map":
                x = how[0](x)
                continue
            moves, thr, first = how
            v = moves(state.get(j, first), x)
            x = (v > thr).astype(float)
            state[j] = np.where(x > 0, 0.0, v)
        found += [(k, int(u)) for u in np.flatnonzero(x.reshape(-1))]
    return found


def in_nir_order(population, unit):
    """The number that NIR gives a neuron: (channel, row, column)."""
    if len(population.shape) != 3:
        return unit
    y, x, c = np.unravel_index(unit, population.shape)
    height, width, channels = population.shape
    return np.ravel_multi_index((c, y, x), (channels, height, width))


def test_random_graphs_of_every_type_of_node_do_what_these_say_step_by_step():
    told = [ran(seed) for seed in range(25)]
    assert sum(spikes > 10 for _, spikes in told) > len(told) / 3
    met = {kind for kinds, _ in told for kind in kinds}
    assert met >= {"Conv2d", "Linear", "LIF", "IF", "Scale", "Flatten", "AvgPool2d", "SumPool2d"}


def ran(seed):
    """Compare a graph here and step by step; return its types of nodes and how many spikes."""
    nodes, does, rng = chain(seed)
    network, weights = es.nir.read(graph_of(nodes), **HOW)
    shape = tuple(nodes[0].input_type["input"])
    spikes = (rng.random((60, *shape)) < 0.3).astype(float)
    step, *unit = np.nonzero(spikes.reshape(60, -1))
    sensor = shape if len(shape) == 3 else (1, 1, int(np.prod(shape)))
    stream = es.EventStream(step * STEP, unit[0], sensor)
    last = network.populations[-1]
    found = es.simulate(network, weights, stream, engine="reference").spikes[last.name]
    steps = np.rint(found.t / STEP).astype(int)
    ours = sorted(zip(steps.tolist(), in_nir_order(last, found.unit).tolist(), strict=True))
    theirs = stepped(does, spikes)
    parted = set(ours) ^ set(theirs)
    assert len(parted) <= 0.02 * len(theirs), seed  # sums in another order
    return [type(n).__name__ for n in nodes], len(theirs)


def graph_of(nodes):
    """A graph; the package's own check of shapes knows no groups and square kernels alone."""
    return nir.NIRGraph.from_list(nodes, type_check=False)


@settings(max_examples=examples(15), **SEEN)
@given(seed=st.integers(0, 2**32 - 1))
def test_what_was_read_is_written_and_read_again(seed, tmp_path_factory):
    path = tmp_path_factory.mktemp("nir") / "a.nir"
    nodes, _, _ = chain(seed)
    network, weights = es.nir.read(graph_of(nodes), **HOW)
    try:
        es.nir.write(path, network, weights)
    except UserError as error:  # rows and columns out of a list of synapses: adopt keeps the graph
        assert "passes on rows and columns" in str(error)
        return
    again, found = es.nir.read(path)
    assert again.to_toml() == network.to_toml()
    given = network.shaped(weights)
    for name, array in again.shaped(found).items():
        assert np.array_equal(array, given[name]), name


def spoiled(good, rng):
    """A file with a few bits or bytes changed, or an end cut off."""
    data = bytearray(good)
    kind = rng.integers(3)
    if kind == 0:
        return bytes(data[: rng.integers(len(data))])
    for _ in range(rng.integers(1, 4)):
        at = rng.integers(len(data))
        data[at] = data[at] ^ (1 << rng.integers(8)) if kind == 1 else rng.integers(256)
    return bytes(data)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A file of ours with its network, and one of the package nir."""
    folder = tmp_path_factory.mktemp("nir")
    rng = np.random.default_rng(0)
    network = es.layers("6x6x2-3c3-2p-4", es.LIF(20_000, refractory_us=1_000), es.Readout(10_000))
    weights = {
        c.name: rng.normal(size=c.topology.weight_shape).astype(np.float32)
        for c in network.connections
        if c.topology.default_weights() is None
    }
    es.nir.write(folder / "ours.nir", network, weights)
    nodes, _, _ = chain(3)
    nir.write(folder / "theirs.nir", graph_of(nodes))
    return folder, network, weights


@pytest.mark.parametrize("whose", ["ours", "theirs"])
def test_spoiled_files_are_read_or_refused_in_one_line_and_ours_never_changed(whose, files):
    folder, network, weights = files
    cases = doors.CASES // 2
    good = (folder / f"{whose}.nir").read_bytes()
    how = {} if whose == "ours" else HOW
    rng, answers = np.random.default_rng(1), {"read": 0, "refused": 0}
    for _ in range(cases):
        (folder / "spoiled.nir").write_bytes(spoiled(good, rng))
        try:
            again, found = es.nir.read(folder / "spoiled.nir", **how)
        except UserError as error:
            assert "\n" not in str(error)
            answers["refused"] += 1
            continue
        answers["read"] += 1
        if whose == "ours":  # a byte that nothing reads
            assert again.to_toml() == network.to_toml()
            assert all(np.array_equal(found[name], w) for name, w in weights.items())
    # Of ours what is read is nothing but bytes that carry nothing: there may be none among few.
    assert answers["refused"] > cases / 100 and (whose == "ours" or answers["read"] > cases / 100)


def test_links_and_data_outside_of_a_file_are_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    nir.write(tmp_path / "a.nir", nir.NIRGraph.from_list(nir.Linear(np.eye(2))))
    for name, link in (
        ("SoftLink", h5py.SoftLink("/node/nodes/input")),
        ("ExternalLink", h5py.ExternalLink("/etc/passwd", "/")),
    ):
        with h5py.File(tmp_path / "a.nir", "a") as file:
            file["node/nodes/more"] = link
        with pytest.raises(UserError, match=f"node/nodes/more is a link .{name}"):
            es.nir.read(tmp_path / "a.nir", **HOW)
        with h5py.File(tmp_path / "a.nir", "a") as file:
            del file["node/nodes/more"]
    (tmp_path / "raw").write_bytes(bytes(8))
    with h5py.File(tmp_path / "a.nir", "a") as file:
        outside = [(str(tmp_path / "raw"), 0, 8)]
        file.create_dataset("node/nodes/input/more", (1,), "f8", external=outside)
    with pytest.raises(UserError, match="node/nodes/input/more: kept outside of the file"):
        es.nir.read(tmp_path / "a.nir", **HOW)
    with h5py.File(tmp_path / "a.nir", "a") as file:
        del file["node/nodes/input/more"]
        file["node/nodes/input/again"] = file["node"]
    with pytest.raises(UserError, match="groups in each other"):
        es.nir.read(tmp_path / "a.nir", **HOW)


def test_sizes_that_a_file_cannot_hold_are_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    nir.write(tmp_path / "a.nir", nir.NIRGraph.from_list(nir.Linear(np.eye(2))))
    with h5py.File(tmp_path / "a.nir", "a") as file:
        del file["node/nodes/linear/weight"]
        file.create_dataset("node/nodes/linear/weight", (1 << 20, 1 << 20), "f8", chunks=(64, 64))
    with pytest.raises(UserError, match=r"promises .* bytes, more than the file can hold"):
        es.nir.read(tmp_path / "a.nir", **HOW)
