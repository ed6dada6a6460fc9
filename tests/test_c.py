"""Networks in C: compiled with all warnings and sanitizers, they give the engine's bits."""

import functools
import json
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import eventsnn as es
from eventsnn.errors import UserError
from eventsnn.exchange.c.answer import answer_in
from eventsnn.exchange.c.vector import engine_says
from eventsnn.exchange.formats.c import CFile, COptions
from eventsnn.exchange.integers import reference
from eventsnn.neurons.integer_lif import IntegerLIF
from eventsnn.neurons.integer_readout import IntegerReadout
from eventsnn.topology.topology import Topology, runs_entry_point
from eventsnn.train.model_file import Described

ROOT = Path(__file__).resolve().parents[1]
STRICT = ("-std=c99", "-O0", "-Wall", "-Wextra", "-Werror", "-fsanitize=undefined,address")


@pytest.fixture(scope="session")
def gcc():
    found = shutil.which("gcc")
    if found is None:
        pytest.skip("needs gcc, which is not on this machine")
    return found


class Built:
    """A network as a program, and the engine beside it."""

    def __init__(self, gcc, folder, network, weights, given=None, flags=STRICT, **options):
        self.network, self.weights, self.folder = network, weights, folder
        made = COptions(**options)
        self.answer = answer_in(given or {}, network.populations[-1], made.stop)
        self.notes = CFile().write(folder, Described(network, weights, given or {}), made)
        files = [f"{made.name}.c", f"{made.name}_main.c"]
        words = [gcc, *flags, *files, "-o", "program", "-lm"]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def run(self, *words):
        return subprocess.run(
            ["./program", *words], cwd=self.folder, capture_output=True, text=True, timeout=300
        )

    def replay(self, recordings, rng=None):
        """Replay recordings; return a row of words each."""
        lines = []
        for stream in recordings:
            lines += written(stream, rng)
        (self.folder / "events.txt").write_text("\n".join(lines) + "\n")
        done = self.run("events.txt")
        assert done.returncode == 0, done.stderr
        return [line.split() for line in done.stdout.splitlines()]

    def check(self, recordings, rng=None, engine="auto"):
        """Compare with the engine to the bit; return how many spikes there were."""
        spikes = 0
        for row, stream in zip(self.replay(recordings, rng), recordings, strict=True):
            said = engine_says(self.network, self.weights, self.answer, stream, engine)
            told = [said.answer, said.t_us, said.spikes, f"{said.digest:016x}"]
            assert row[1:5] == [str(v) for v in told]
            assert np.array_equal([float(v) for v in row[5:]], said.scores)
            spikes += said.spikes
        return spikes


def written(stream, rng=None):
    """Lines of a recording; with ``rng`` simultaneous events stand in another order."""
    polarities, height, width = stream.shape
    t, unit = stream.t, stream.unit
    if rng is not None:
        order = np.lexsort((rng.random(len(t)), t))
        t, unit = t[order], unit[order]
    p, y, x = np.unravel_index(unit, (polarities, height, width))
    rows = zip(x.tolist(), y.tolist(), p.tolist(), t.tolist(), strict=True)
    return [*(f"{a} {b} {c} {d}" for a, b, c, d in rows), f"end {stream.duration}"]


def drawn(network, seed, dtype=np.float32, scale=0.5):
    rng = np.random.default_rng(seed)
    return {
        c.name: rng.normal(0.3 * scale, scale, c.topology.weight_shape).astype(dtype)
        for c in network.connections
        if c.learns
    }


def events(shape, seed, n=300, until=20_000, gap=0):
    """Events, many at one instant; the second half comes ``gap`` us later."""
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(0, until // 10, n) * 10)
    t[n // 2 :] += gap
    return es.EventStream(t, rng.integers(0, np.prod(shape), n), shape, duration=int(t[-1]) + 777)


SENSOR = (2, 8, 7)


def layered(text, **how):
    neuron = how.get("hidden", es.LIF(5_000))
    return es.layers(f"8x7x2-{text}", neuron, how.get("output", es.Readout(3_000)))


def branched(dtype):
    """Skip connections, a pool with overlaps, a sparse connection, pauses; not a chain."""
    rng = np.random.default_rng(5)
    n, size = 200, 2 * 8 * 7
    sparse, _ = es.Sparse.from_pairs(rng.integers(0, size, n), rng.integers(0, 9, n), size, 9)
    pool = es.Pool2d((8, 7, 2), (3, 2), (2, 1), planar=True)
    pooled = es.Population("pooled", pool.out_shape, es.IF(2.0, "zero", 30))
    populations = (
        es.Population("in", SENSOR),
        pooled,
        es.Population("listed", (9,), es.LIF(70.0, 1.0, "zero", 200)),
        es.Population("out", (4,), es.LIF(2e6, 1.0)),
    )
    connections = (
        es.Connection("listed", "out", es.Dense(9, 4)),
        es.Connection("in", "listed", sparse),
        es.Connection("in", "pooled", pool),
        es.Connection("pooled", "listed", es.Dense(pooled.size, 9)),
        es.Connection("pooled", "out", es.Dense(pooled.size, 4)),
        es.Connection("in", "out", es.Dense(size, 4)),
    )
    network = es.Network(populations, connections)
    return network, drawn(network, 3, dtype, 0.3)


CASES = {
    "dense": (layered("20-5"), {}),
    "if": (layered("20-5", hidden=es.IF(1.5, "zero")), {"reads": "maximum"}),
    "conv": (layered("3c3s2p1-2c2-4"), {"reads": "final", "gain": 2.5}),
    "pool": (layered("4c3-2p-3c2p1-2a-[6-6]-5", output=es.Readout()), {}),
    "average": (layered("2avg-3c2-6-5", hidden=es.LIF(300, 0.8, "zero", 50)), {}),
    "counts": (layered("3c2-5", output=es.IF(0.7)), {}),
    "first-spike": (layered("9-5", output=es.LIF(900)), {"loss": "first-spike"}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_program_gives_the_engines_bits(gcc, tmp_path, case):
    network, given = CASES[case]
    weights = drawn(network, len(case))
    built = Built(gcc, tmp_path, network, weights, given)
    # Also gaps beyond the decay table, recordings without an event, and an event at the end.
    recordings = [events(SENSOR, 1), events(SENSOR, 2, gap=2_500_000), events(SENSOR, 3, 2, 50)]
    recordings.append(es.EventStream([], [], SENSOR, duration=5))
    assert built.check(recordings, np.random.default_rng(0)) > 100
    own = built.run()
    assert own.returncode == 0 and "to the bit" in own.stdout


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_branches_pauses_and_lists_give_the_bits_too(gcc, tmp_path, dtype):
    network, weights = branched(dtype)
    built = Built(gcc, tmp_path, network, weights, name="branched_2")
    recordings = [events(SENSOR, seed, gap=gap) for seed, gap in ((1, 0), (2, 1_900_000))]
    # Of float64 the reference engine is the oracle: plain Python, none of our kernels.
    engine = "reference" if dtype == np.float64 else "auto"
    assert built.check(recordings, np.random.default_rng(0), engine) > 300


def test_fast_machine_code_of_another_dialect_gives_the_bits(gcc, tmp_path):
    """-std=gnu99 fuses products and sums where the machine can, unless it is told not to."""
    network, given = CASES["conv"]
    flags = ("-std=gnu99", "-O3", "-march=native", "-Wall", "-Wextra", "-Werror")
    built = Built(gcc, tmp_path, network, drawn(network, 4), given, flags)
    assert built.check([events(SENSOR, 1), events(SENSOR, 2, gap=10**6)]) > 300


WHOLE = {
    "dense": (IntegerLIF(5_000.0, 300, "subtract", 4), IntegerReadout(3_000.0, 6), "20-5"),
    "maximum": (IntegerLIF(threshold=90, reset="zero", fraction=0), IntegerReadout(), "9-5"),
    "final": (
        IntegerLIF(900.0, (500, 700, 400), "subtract", 3, 64, 40),
        IntegerReadout(2e5, 2, 16),
        "3c3s2p1-2p-5",
    ),
    "integral": (IntegerLIF(threshold=4_000), IntegerReadout(), "2avg-2c2-3"),
    "counts": (IntegerLIF(1e9, 2_000), IntegerLIF(700.0, (90, 70, 80), fraction=1), "7-3"),
}


def whole(case):
    """A network of whole numbers, its weights, and how it is read."""
    hidden, output, text = WHOLE[case]
    network = es.layers(f"8x7x2-{text}", hidden, output)
    pooled = [replace(p, neuron=IntegerLIF(threshold=512)) for p in network.populations]
    pools = [isinstance(p.neuron, es.IF) for p in network.populations]
    chosen = [
        b if pool else a for a, b, pool in zip(network.populations, pooled, pools, strict=True)
    ]
    network = es.Network(tuple(chosen), network.connections)
    rng = np.random.default_rng(len(case))
    weights = {
        c.name: rng.integers(-40, 90, c.topology.weight_shape).astype(np.float64)
        for c in network.connections
    }
    return network, weights, {} if case == "dense" else {"reads": case}


@pytest.mark.parametrize("case", WHOLE)
def test_whole_numbers_give_the_definitions_integers(gcc, tmp_path, case):
    network, weights, given = whole(case)
    built = Built(gcc, tmp_path, network, weights, given)
    recordings = [events(SENSOR, 1), events(SENSOR, 2, gap=90_000_000), events(SENSOR, 3, 2, 50)]
    assert built.check(recordings, np.random.default_rng(0)) > 100
    rows = built.replay(recordings)
    for row, stream in zip(rows, recordings, strict=True):
        # Plain Python ints, which share nothing with the engines.
        found = reference.run(network, weights, stream)
        last = network.populations[-1]
        reads = given.get("reads", "integral")
        if last.spiking:
            fired = [unit for _, unit in found.spikes[last.name]]
            said = [fired.count(k) for k in range(last.size)]
        else:
            said = [getattr(one, reads) for one in found.potentials[last.name]]
        assert [int(v) for v in row[5:]] == said
    text = (tmp_path / "snn.c").read_text()
    assert "double" not in text.split("*/", 1)[1] and "float" not in text.split("*/", 1)[1]


def test_weights_fit_the_least_width_and_must_be_whole(tmp_path):
    network, weights, given = whole("dense")
    for size, kind in ((127, "int8_t"), (128, "int16_t"), (70_000, "int32_t")):
        weights["input->hidden1"][0, 0] = size
        CFile().write(tmp_path, Described(network, weights, given), COptions())
        assert f"typedef {kind} snn_weight;" in (tmp_path / "snn.c").read_text()
    weights["input->hidden1"][0, 3] = 0.5
    with pytest.raises(UserError, match=r"connection input->hidden1: weight 3 is 0\.5"):
        CFile().write(tmp_path, Described(network, weights, given), COptions())
    mixed = [replace(p, neuron=es.IF()) if p.name == "hidden1" else p for p in network.populations]
    mixed_network = es.Network(tuple(mixed), network.connections)
    with pytest.raises(UserError, match="hidden1 of floats; quantize all of them"):
        CFile().write(tmp_path, Described(mixed_network, weights, given), COptions())


def test_more_events_than_the_bound_allows_are_refused(gcc, tmp_path):
    network, weights, given = whole("maximum")
    weights["input->hidden1"][:] = 90
    weights["hidden1->output"][:] = 100_000
    Built(gcc, tmp_path, network, weights, given)
    most = int(re.search(r"SNN_MOST_EVENTS (\d+)u", (tmp_path / "snn.h").read_text())[1])
    assert 1 < most < 1_000
    lines = "".join(f"0 0 0 {t}\n" for t in range(most + 1))
    (tmp_path / "events.txt").write_text(lines + f"end {most + 5}\n")
    done = subprocess.run(["./program", "events.txt"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and f"event {most + 1}: status -3" in done.stderr


@pytest.mark.parametrize("kind", ["real", "dense", "maximum"])
def test_it_stops_when_the_engine_does(gcc, tmp_path, kind):
    network, given = CASES["dense"]
    weights, level = drawn(network, 2), 6
    if kind != "real":
        network, weights, given = whole(kind)
        given, level = given | {"gain": 0.01}, {"dense": 400, "maximum": 1_000}[kind]
    built = Built(gcc, tmp_path, network, weights, given, stop=f"margin:{level},check_us=700")
    recordings = [events(SENSOR, seed, until=9_000) for seed in range(8)]
    recordings.append(events(SENSOR, 1, 3, 100))  # its end is a check, and it is not clear
    built.check(recordings)
    ends = [int(row[2]) for row in built.replay(recordings)]
    early = sum(end < stream.duration for end, stream in zip(ends, recordings, strict=True))
    assert 0 < early < len(recordings)
    assert built.run().returncode == 0


def test_real_recordings_give_the_bits(gcc, tmp_path, shared):
    data = es.open_data(f"nmnist:{shared / 'data/nmnist'}")
    some = [data.test[k] for k in range(0, len(data.test), max(1, len(data.test) // 6))]
    for k, text in enumerate(("34x34x2-40-10", "34x34x2-4c5s2-2p-10")):
        network = es.layers(text, es.LIF(20_000), es.Readout(30_000))
        folder = tmp_path / str(k)
        flags = ("-std=c99", "-O2", *STRICT[2:])
        built = Built(gcc, folder, network, drawn(network, k, scale=0.2), flags=flags)
        assert built.check(some) > 1_000


CALLS = """
#include "snn.h"
#include <assert.h>
static snn_net net;
int main(void)
{
    int i;
    snn_begin(&net);
    assert(snn_answer(&net, 0) == -1);
    assert(snn_event(&net, 7, 0, 0, 5) == SNN_OUTSIDE);
    assert(snn_event(&net, 0, 8, 0, 5) == SNN_OUTSIDE);
    assert(snn_event(&net, 0, 0, 2, 5) == SNN_OUTSIDE && snn_unit(&net, 112, 5) == SNN_OUTSIDE);
    assert(snn_event(&net, 0, 0, 0, 5) == SNN_TAKEN && snn_event(&net, 6, 7, 1, 4) == SNN_LATE);
    for (i = 0; i < 254; i++)
        assert(snn_event(&net, 0, 0, 0, 5) == SNN_TAKEN);
    assert(snn_event(&net, 0, 0, 0, 5) == SNN_FULL);
    assert(snn_until(&net, 5) == SNN_TAKEN && net.waiting && snn_until(&net, 6) == SNN_TAKEN);
    assert(!net.waiting && net.times[0] == 0 && snn_unit(&net, 3, SNN_LAST + 1u) == SNN_LATE);
    assert(snn_unit(&net, 3, SNN_LAST) == SNN_TAKEN && snn_end(&net, SNN_LAST) == SNN_TAKEN);
    assert(snn_unit(&net, 3, SNN_LAST) == SNN_LATE && snn_end(&net, SNN_LAST) == SNN_LATE);
    snn_begin(&net);
    return snn_event(&net, 0, 0, 0, 0);
}
"""


def test_what_cannot_be_taken_is_told(gcc, tmp_path):
    network, given = CASES["dense"]
    Built(gcc, tmp_path, network, drawn(network, 1), given)
    (tmp_path / "calls.c").write_text(CALLS)
    words = [gcc, *STRICT, "snn.c", "calls.c", "-o", "calls", "-lm"]
    subprocess.run(words, cwd=tmp_path, check=True)
    subprocess.run(["./calls"], cwd=tmp_path, check=True)


def test_the_loop_of_the_tutorial_compiles_and_answers_as_the_engine(gcc, tmp_path):
    page = (ROOT / "docs/tutorials/chip.md").read_text()
    blocks = dict(re.findall(r'^```c title="chip/(.+?)"\n(.*?)^```', page, re.M | re.S))
    assert set(blocks) == {"sketch.ino", "host.c"}
    network, _, given = whole("dense")
    rng = np.random.default_rng(3)
    weights = {
        c.name: rng.integers(-90, 90, c.topology.weight_shape).astype(np.float64)
        for c in network.connections
    }
    built = Built(gcc, tmp_path, network, weights, given, name="digits")
    for name, text in blocks.items():
        (tmp_path / name).write_text(text)
    words = [gcc, *STRICT, "-x", "c", "sketch.ino", "host.c", "digits.c", "-o", "board"]
    subprocess.run(words, cwd=tmp_path, check=True)
    looks, lines = [events(SENSOR, seed, until=250_000) for seed in (1, 2, 3)], []
    for k, look in enumerate(looks):
        # Each digit begins with the event that ends the one before it.
        look = es.EventStream(look.t - look.t[0], look.unit, SENSOR, duration=300_000)
        looks[k] = look
        moved = es.EventStream(look.t + k * 400_000, look.unit, SENSOR, duration=2_000_000)
        lines += written(moved)[:-1]
    text = "\n".join([*lines, "0 0 0 1200000"])
    done = subprocess.run(["./board"], cwd=tmp_path, input=text, capture_output=True, text=True)
    said = [engine_says(network, weights, built.answer, look).answer for look in looks]
    assert done.stdout.splitlines() == [f"digit {one} after 300000 us" for one in said]
    assert len(set(said)) > 1
    if shutil.which("g++"):  # a sketch is C++
        cpp = ["g++", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-x", "c++", "sketch.ino"]
        subprocess.run(cpp, cwd=tmp_path, check=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 0 0 5\nend 9\n0 0 0\n", "line 3: is no event"),
        ("0 0 0 5 6\nend 9\n", "line 1: is no event"),
        ("0 0 0 -5\nend 9\n", "line 1: is no event"),
        ("0 0 0 4294967301\nend 9\n", "line 1: is no event"),
        ("0 0 0 5\nend 9\n0 0 0 5\n", "line 3: give an end"),
        ("0 0 0 5\n0 0 0 4\nend 9\n", "recording 0, event 2: status -1"),
        ("0 0 0 5\nend 3\n", "recording 0, event 1: status -1"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_is_none_is_told_by_its_line(program, text, message):
    place = program / "given.txt"
    place.unlink(missing_ok=True)
    if text is not None:
        place.write_text(text)
    words = ["./program", "given.txt"]
    done = subprocess.run(words, cwd=program, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and message in done.stderr
    done = subprocess.run(["./program", "."], cwd=program, capture_output=True, text=True)
    assert done.returncode == 1 and "cannot be read" in done.stderr


@pytest.fixture(scope="module")
def program(gcc, tmp_path_factory):
    """The folder of a compiled network."""
    folder = tmp_path_factory.mktemp("program")
    network, given = CASES["dense"]
    Built(gcc, folder, network, drawn(network, 1), given)
    return folder


def test_names_are_data(gcc, tmp_path):
    evil = '*/ int main(void){} /* " ??/ \\ @sizes@ /*@sizes@*/ snn_net é'
    populations = (es.Population("in", SENSOR), es.Population(evil, (3,), es.IF()))
    connection = es.Connection("in", evil, es.Dense(112, 3), name="\\ */ #error")
    network = es.Network(populations, (connection,))
    built = Built(gcc, tmp_path, network, drawn(network, 1))
    assert built.check([events(SENSOR, 1)]) > 50
    text = (tmp_path / "snn.c").read_text(encoding="ascii")
    assert "int main(void)" not in text and "called __ int main_void_" in text


def test_a_number_is_its_bits(gcc, tmp_path):
    """The smallest weights and large ones come back as they were."""
    tiny = np.finfo(np.float32).smallest_subnormal
    network = es.layers("1x1x1-6", es.IF(), es.Readout())
    weights = {"input->output": np.float32([[tiny, -tiny, 1e25, -0.0, 1 / 3, -1e-20]])}
    built = Built(gcc, tmp_path, network, weights)
    built.check([events((1, 1, 1), 1, 5, 1_000)])


ALONE = es.Population("in", SENSOR)
REFUSED = {
    "delay": (es.layers("4-3-2", es.LIF(9.0), es.Readout()), "delay of 5 us"),
    "circle": (es.layers("4-3r-2", es.LIF(9.0), es.Readout()), "leave recurrent connections out"),
    "neuron": (es.layers("4-3-2", es.CubaLIF(9.0, 3.0), es.Readout()), "hidden1: cuba_lif neurons"),
    "readout": (
        es.Network(
            (ALONE, es.Population("a", 2, es.Readout()), es.Population("b", 2, es.IF())),
            (
                es.Connection("in", "a", es.Dense(112, 2)),
                es.Connection("in", "b", es.Dense(112, 2)),
            ),
        ),
        "population a: nobody reads this readout",
    ),
    "inputs": (
        es.Network(
            (ALONE, es.Population("more", 2), es.Population("b", 2, es.IF())),
            (es.Connection("in", "b", es.Dense(112, 2)),),
        ),
        r"2 inputs \(in, more\)",
    ),
    "nothing": (
        es.Network((ALONE, es.Population("b", 2, es.IF())), ()),
        "no connection; give it one from the input",
    ),
    "onward": (
        es.Network(
            (ALONE, es.Population("a", 2, es.IF()), es.Population("b", 2, es.IF())),
            (es.Connection("in", "b", es.Dense(112, 2)), es.Connection("b", "a", es.Dense(2, 2))),
        ),
        "connection b->a: leads on from the output",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_c_is_refused_by_name(tmp_path, case):
    network, message = REFUSED[case]
    if case == "delay":
        first, last = network.connections
        network = es.Network(network.populations, (first, replace(last, delay_us=5)))
    weights = {c.name: np.float32(0.1) for c in network.connections}
    with pytest.raises(UserError, match=message):
        CFile().write(tmp_path / "out", Described(network, weights, {}), COptions())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "a b"}, "name is 'a b'; give a small letter"),
        ({"name": "Snn"}, "name is 'Snn'"),
        ({"sensor": "8by7"}, "sensor is '8by7'; give HEIGHTxWIDTHxPOLARITIES"),
        ({"sensor": "7x8x2"}, "the network has one of 8x7x2: leave it out"),
        ({"stop": "margin"}, "stop is 'margin'"),
        ({"stop": "entropy:1"}, "stops by margin"),
        ({"seed": -1}, "seed"),
    ],
)
def test_options_are_checked(tmp_path, options, message):
    network, given = CASES["dense"]
    with pytest.raises(UserError, match=re.escape(message)):
        described = Described(network, drawn(network, 1), given)
        CFile().write(tmp_path / "out", described, COptions(**options))


def test_a_row_of_units_sees_the_sensor_that_is_given(gcc, tmp_path, call):
    network = es.layers("112-6-3", es.LIF(5_000), es.Readout(3_000))
    weights = drawn(network, 1)
    network.save(tmp_path / "net.toml", weights)
    words = ["export", tmp_path / "net.toml", "--to", "c", "--out", tmp_path / "out"]
    code, out, _ = call(*words, "--sensor", "8x7x2", "--name", "row", "--stop", "margin:0.5")
    assert code == 0 and "bytes of constants" in out
    text = (tmp_path / "out/row.h").read_text()
    assert "int row_event(row_net *net, uint32_t x" in text and "ROW_CHECK_US 2000u" in text
    assert call(*words, "--sensor", "8x8x2")[0] == 2
    assert call(*words, "--spike", "dirac")[0] == 2  # an option of nir


def test_a_trained_model_knows_its_sensor_and_how_it_sees(gcc, tmp_path, call):
    rng = np.random.default_rng(0)
    streams = [
        es.EventStream(np.arange(50), rng.integers(0, 112, 50), SENSOR, k % 2) for k in range(8)
    ]
    data = es.DataSet.from_streams("few", streams, streams).viewed(pool=2)
    model = es.Classifier("32-4-2", "adjoint", epochs=1, seed=0)
    model.fit(data)
    model.save(tmp_path / "run")
    words = ["export", tmp_path / "run", "--to", "c", "--out", tmp_path / "out", "--json"]
    code, out, err = call(*words)
    assert code == 0, err
    assert "it learned from events that were seen with --pool 2" in out
    assert "#define SNN_HEIGHT 4u\n#define SNN_WIDTH 4u" in (tmp_path / "out/snn.h").read_text()


def test_the_program_of_the_results_page_has_all_bits_and_is_small():
    kept = json.loads((ROOT / "docs/results/c.json").read_text())
    rows = {row["name"]: row for row in kept["networks"]}
    assert kept["recordings"] == 600 and rows["int8"]["weight_type"] == "int8_t"
    for row in rows.values():
        assert len(row["compiled"]) == 4
        assert all(one["the_engines_bits"] == 600 for one in row["compiled"].values())
    for one in rows["int8"]["compiled"].values():
        assert one["code_and_constants_bytes"] + one["memory_bytes"] <= 260_000


@dataclass(frozen=True)
class Straight(Topology):
    """One to one, from outside of the package."""

    kind: ClassVar[str] = "straight"
    c_text: ClassVar[str] = (
        "static void straight(snn_net *net, const struct link *link, uint32_t sender)\n"
        "{\n    run(net, link, sender, sender, 1);\n}\n"
    )
    size: int
    n_in = n_out = property(lambda self: self.size)
    weight_shape = property(lambda self: (self.size,))
    max_fan_out = clock_size = property(lambda self: 1)

    def fan_out(self, sender):
        return np.array([sender]), np.array([sender])

    def table(self):
        return np.zeros(1, np.int64)

    @classmethod
    def kernel(cls):
        return straight_runs()


@functools.cache
def straight_runs():
    def runs(table, sender, out):
        out[0], out[1], out[2], out[3] = 1, sender, sender, 1
        return 1

    return runs_entry_point(runs)


def test_a_topology_from_outside_brings_its_c(gcc, tmp_path):
    populations = (es.Population("in", SENSOR), es.Population("out", (112,), es.LIF(900.0, 0.6)))
    network = es.Network(populations, (es.Connection("in", "out", Straight(112)),))
    built = Built(gcc, tmp_path, network, drawn(network, 1))
    assert built.check([events(SENSOR, 1), events(SENSOR, 2)]) > 50


def test_every_kind_with_a_text_is_compiled_here():
    from eventsnn.exchange.c.door import known

    whole = ["integer_lif", "integer_readout"]
    assert known("neurons").split(", ") == ["if", *whole, "lif", "readout"]
    # A kind that joins them joins the cases above.
    assert known("fan_outs").split(", ") == ["conv2d", "dense", "mean_conv2d", "pool2d", "sparse"]


@pytest.mark.parametrize("flag", ["-ffast-math", "-Ofast", "-funsafe-math-optimizations"])
def test_a_compiler_that_reorders_sums_is_refused(program, gcc, flag):
    words = [gcc, "-std=c99", flag, "-fsyntax-only", "snn.c"]
    done = subprocess.run(words, cwd=program, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "leave -ffast-math" in done.stderr


def test_no_name_is_that_of_a_header_of_c():
    for name in ("string", "time", "stdint"):
        with pytest.raises(UserError, match=f"<{name}.h> is C's, give another"):
            COptions(name=name)
    assert COptions(name="timer").name == "timer"


@pytest.mark.parametrize("stop", ["margin:1e30", "margin:1,check_us=4294967296"])
@pytest.mark.parametrize("case", ["maximum", "real"])
def test_what_never_comes_in_a_recording_stops_nothing(gcc, tmp_path, case, stop):
    network, given = CASES["dense"]
    weights = drawn(network, 2)
    if case != "real":
        network, weights, given = whole(case)
        given |= {"gain": 1e-300}
    built = Built(gcc, tmp_path, network, weights, given, stop=stop)
    stream = events(SENSOR, 1)
    assert [int(row[2]) for row in built.replay([stream])] == [stream.duration]


def test_hidden_neurons_without_bits_behind_the_point_only_add_and_compare(gcc, tmp_path):
    network = es.layers("8x7x2-20-5", IntegerLIF(threshold=300, fraction=0), IntegerReadout())
    weights = {c.name: np.full(c.topology.weight_shape, 3.0) for c in network.connections}
    CFile().write(tmp_path, Described(network, weights, {}), COptions(stop="margin:2"))
    text = (tmp_path / "snn.c").read_text()
    assert "#if 0\n#define SNN_ADDED" in text
    work = [line.strip() for line in text[text.index("Work") : text.index("*/")].splitlines()]
    assert work[1:7] == [
        "an event         20 additions, twice as many comparisons",
        "a spike of 1     5 additions, twice as many comparisons",
        "an instant of k events, in which every neuron fires:",
        "20 k + 125 additions,",  # 20 spikes to 5 outputs; 25 thresholds that are taken off
        "40 k + 225 comparisons,",
        "0 k + 105 multiplications",  # weights of the output, and the area of each
    ]
    assert "one for each 2,000 us, also of a silence" in text
