"""Recorded spikes sent again: of arrays, of what ``--spikes`` wrote, in network files."""

import json

import numpy as np
import pytest
from test_for_modellers import small

import eventsnn as es
from eventsnn.commands.spike_file import write_spikes
from eventsnn.network.file import load_network


@pytest.mark.parametrize("suffix", [".npz", ".csv"])
def test_what_simulate_wrote_is_sent_again_to_the_same_run(tmp_path, call, suffix):
    network, weights = small()
    path = tmp_path / f"spikes{suffix}"
    network.save(tmp_path / "net.toml", weights)
    assert call("simulate", tmp_path / "net.toml", "--until", "80ms", "--spikes", path)[0] == 0
    own = es.simulate(network, network.shaped(weights), until_us=80_000)
    again = es.SpikeTrains.load(path, "noise")
    run = es.simulate(network, weights, again, until_us=80_000)
    np.testing.assert_array_equal(run.spikes["cells"].t, own.spikes["cells"].t)
    np.testing.assert_array_equal(run.spikes["cells"].unit, own.spikes["cells"].unit)
    assert len(run.spikes["cells"]) > 20
    drive = f'noise=spike_trains,file="{path}",population="noise"'
    words = ("--until", "80ms", "--drive", drive, "--json")
    code, out, err = call("simulate", tmp_path / "net.toml", *words)
    assert code == 0, err
    assert json.loads(out)["spikes"] == own.counts.spikes[0].tolist()
    # A network that holds them is written, and read as it was.
    held = es.Population("noise", 40, generator=again)
    driven = es.Network((held, network["cells"]), network.connections)
    driven.save(tmp_path / "held.toml", weights)
    back, _ = load_network(tmp_path / "held.toml")
    np.testing.assert_array_equal(back["noise"].generator.t_us, again.t_us)
    np.testing.assert_array_equal(back["noise"].generator.unit, again.unit)


def test_spikes_are_drawn_alike_in_any_pieces_and_in_any_order():
    t, unit = [500, 20, 500, 999.6, 20], [2, 1, 0, 0, 1]
    trains = es.SpikeTrains(t, unit)
    whole = trains.spikes(3, 0, 2_000)
    assert whole[0].tolist() == [20, 20, 500, 500, 1000] and whole[1].tolist() == [1, 1, 0, 2, 0]
    parts = [trains.spikes(3, *cut) for cut in ((0, 20), (20, 500), (500, 2_000))]
    np.testing.assert_array_equal(whole[0], np.concatenate([p[0] for p in parts]))
    assert len(es.SpikeTrains([], []).stream(3, 100)) == 0


def test_spikes_that_cannot_be_are_one_line(tmp_path):
    write_spikes(tmp_path / "s.csv", {"a": (np.array([1.5]), np.array([0], np.int32))})
    (tmp_path / "bad.csv").write_text("t_us,unit,population\n1,x,a\n")
    (tmp_path / "none.csv").write_text("time\n1\n")
    np.savez(tmp_path / "other.npz", t=np.zeros(3))
    for act, message in (
        (lambda: es.SpikeTrains([1], [1, 2]), "1 t_us for 2 units"),
        (lambda: es.SpikeTrains([-1], [1]), r"t_us\[0\] is -1.0; give microseconds"),
        (lambda: es.SpikeTrains([np.nan], [1]), r"t_us\[0\] is nan"),
        (lambda: es.SpikeTrains([1], [0.5]), r"unit\[0\] is 0.5; give whole numbers"),
        (lambda: es.SpikeTrains("a", [0]), "t_us is 'a'; give one number a spike"),
        (lambda: es.SpikeTrains(None, [0]), "t_us is None; give one number a spike"),
        (lambda: es.SpikeTrains([1], [7]).stream(3, 10), "a spike of unit 7, the population has 3"),
        (lambda: es.SpikeTrains.load(tmp_path / "s.csv", "b"), "no spikes of b; there are those o"),
        (lambda: es.SpikeTrains.load(tmp_path / "bad.csv", "a"), "row 2 is .*give t_us,unit,popul"),
        (lambda: es.SpikeTrains.load(tmp_path / "none.csv", "a"), "does not begin with t_us,unit"),
        (lambda: es.SpikeTrains.load(tmp_path / "other.npz", "a"), "it must hold t_us, unit, pop"),
        (lambda: es.SpikeTrains.load(tmp_path / "no.npz", "a"), "no.npz"),
    ):
        with pytest.raises(es.UserError, match=message):
            act()
