"""The picture of one input's traffic: what stands in it; how it looks was seen by eye."""

import json
import warnings

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.text import Text

from eventsnn.engines import simulate
from eventsnn.events import EventStream
from eventsnn.measure.traffic import traffic
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.if_ import IF
from eventsnn.report import plots_traffic
from eventsnn.report.files import save_figure
from eventsnn.report.plots_traffic import plot_activity
from eventsnn.report.style import DARK, LIGHT
from eventsnn.report.traffic_activity import Activity, colour_of
from eventsnn.report.traffic_figure import plot_network_traffic
from eventsnn.topology.dense import Dense


def activity(*trains, sizes=None, names=None, duration=10_000, **more):
    """Populations in a chain, each with its (t, unit)."""
    n = len(trains)
    t = [np.array([time for time, _ in train], float) for train in trains]
    unit = [np.array([u for _, u in train], np.int32) for train in trains]
    adds = np.zeros((n, n), np.int64)
    adds[np.arange(n - 1), np.arange(1, n)] = 100 * np.arange(1, n)
    given = {"time_unit": "us", "linked": adds > 0, "adds": adds} | more
    names = names or tuple(f"p{p}" for p in range(n))
    return Activity("title", names, sizes or (4,) * n, t, unit, duration, **given)


def texts(figure):
    return [t.get_text() for t in figure.findobj(Text) if t.get_visible() and t.get_text()]


def strokes(axes, band):
    """Times and heights of the strokes in a band."""
    middles = [
        (float(line[0][0]), float(line[:, 1].mean()))
        for found in axes.collections
        if isinstance(found, LineCollection)
        for line in found.get_segments()
    ]
    return [(t, y) for t, y in middles if band < y < band + 1]


def test_every_input_stands_back_and_time_begins_where_the_run_did():
    trains = ([(60_000, 0)], [(70_000, 1)], [(80_000, 2)])
    three = activity(*trains, duration=90_000, begin=50_000, inputs=(0, 1))
    figure = plot_activity(three)
    assert figure.axes[0].get_xlim() == (50.0, 90.0)
    assert sum("1 event\n" in f"{text}\n" for text in texts(figure)) == 2
    assert [colour_of(three, p, LIGHT) for p in range(3)] == [LIGHT.muted] * 2 + [LIGHT.series[0]]


def test_every_spike_is_a_stroke_in_the_band_of_its_population():
    figure = plot_activity(activity([(1000, 0), (2000, 3), (9000, 3)], [(2500, 1)]))
    raster = figure.axes[0]
    # Four units share the 0.8 in the middle of a band, unit 0 on top.
    assert strokes(raster, 0) == [
        pytest.approx(pair) for pair in ((1.0, 0.2), (2.0, 0.8), (9.0, 0.8))
    ]
    assert strokes(raster, 1) == [pytest.approx((2.5, 1.4))]
    bottom, top = raster.get_ylim()
    assert (bottom, top) == (2, 0) and raster.get_xlim() == (0, 10)
    assert "p0\n2 of 4 active\n3 events" in texts(figure)
    assert "p1\n1 of 4 active\n1 spike" in texts(figure)


def test_a_band_with_too_many_spikes_is_shaded_by_all_of_them(monkeypatch):
    monkeypatch.setattr(plots_traffic, "SHADED", 5)
    train = [(0, 0)] * 3 + [(5001, 1)] * 2 + [(9999, 1)]
    figure = plot_activity(activity(train, [(1, 0)], sizes=(2, 1)))
    picture = figure.axes[0].images[0].get_array()
    opacity = np.asarray(picture)[..., 3]
    assert np.argwhere(opacity).tolist() == [[0, 0], [1, 250], [1, 499]]
    assert opacity[0, 0] == pytest.approx(1)
    assert opacity[1, 250] == pytest.approx(0.3 + 0.7 * 2 / 3)
    assert opacity[1, 499] == pytest.approx(0.3 + 0.7 / 3)
    assert len(strokes(figure.axes[0], 0)) == 0 and len(strokes(figure.axes[0], 1)) == 1
    assert any("6 events, shaded" in text for text in texts(figure))
    assert any("the stronger, the more spikes" in text for text in texts(figure))


def test_rates_are_spikes_over_the_width_of_their_bin():
    figure = plot_activity(activity([(0, 0), (10, 0), (50, 1), (9950, 0)], []))
    rates = figure.axes[1]
    assert "spikes a ms, in bins of 0.1 ms" in texts(figure)
    # Three events in the first 0.1 ms; p1 is silent.
    assert "p0\nat most 30 / ms" in texts(figure) and "p1\nnone" in texts(figure)
    heights = rates.patches[0].get_data()
    assert heights.values.argmin() == 0 and len(heights.values) == 100
    assert heights.values[99] == pytest.approx(0.94 - 0.72 / 3)


def test_steps_are_bins_of_their_own():
    steps = activity([(0, 0), (2, 1), (2, 2)], [], duration=3.0, time_unit="step")
    figure = plot_activity(steps)
    assert [t for t, _ in strokes(figure.axes[0], 0)] == [0.5, 2.5, 2.5]
    assert "p0\nat most 2 / step" in texts(figure) and "step" in texts(figure)


def test_the_sums_stand_in_the_row_of_the_sender_and_the_column_of_the_receiver():
    figure = plot_activity(activity([(1, 0)], [], [], names=("in", "mid", "out")))
    sums = figure.axes[2]
    assert [t.get_text() for t in sums.get_yticklabels()] == ["in", "mid"]
    assert [t.get_text() for t in sums.get_xticklabels()] == ["mid", "out"]
    cells = {t.get_text(): t.get_position() for t in sums.texts}
    assert cells == {"100": (0.5, 0.5), "200": (1.5, 1.5)}
    strong = {p.get_xy(): p.get_facecolor()[3] for p in sums.patches}
    assert strong[1.04, 1.06] > strong[0.04, 0.06] > 0


@pytest.mark.parametrize("depth", [None, [0, 2, 1]])
def test_what_is_on_its_way_has_a_panel_only_where_something_is(depth):
    waiting = None if depth is None else (1000.0, np.array(depth))
    figure = plot_activity(activity([(1, 0)], [], waiting=waiting))
    assert ("spikes on their way" in texts(figure)) == (depth is not None)


def test_the_output_marks_the_class_that_leads_and_none_where_none_does():
    for output, marked in (([0.1, 0.5, 0.2], [1]), ([0.5, 0.5, 0.2], []), ([0.0, 0.0], [])):
        figure = plot_activity(activity([], [], output=np.array(output), output_label="scores"))
        bars = [p.get_facecolor() for p in figure.axes[-1].patches]
        assert [k for k, c in enumerate(bars) if c == to_rgba(LIGHT.series[1])] == marked


def test_names_are_shown_as_they_are():
    nasty = ("a$\\foo$b", "$x_1$")
    figure = plot_activity(
        activity([(1, 0)], [], names=nasty, output=np.zeros(2), output_label="$y$")
    )
    for text in figure.findobj(Text):
        shown = text.get_text()
        assert text._preprocess_math(shown)[1] is False or "$" not in shown.replace("\\$", "")
    figure.canvas.draw()


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize("populations", [1, 2, 8])
@pytest.mark.parametrize("spikes", [0, 1, 4000])
def test_one_to_eight_populations_are_drawn_without_a_warning(theme, populations, spikes, tmp_path):
    rng = np.random.default_rng(0)
    trains = [
        list(zip(np.sort(rng.integers(0, 10_000, spikes)), rng.integers(0, 4, spikes), strict=True))
        for _ in range(populations)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = plot_activity(activity(*trains), theme)
        save_figure(figure, tmp_path / "a.png")
    assert figure.get_facecolor() == to_rgba(theme.surface)
    for axes in figure.axes:
        box = axes.get_tightbbox()
        assert box.x0 >= -2 and box.x1 <= figure.bbox.width + 2, "something is cut off"


def recurrent():
    network = Network(
        (Population("input", (2,)), Population("ring", (3,), IF()), Population("out", (2,), IF())),
        (
            Connection("input", "ring", Dense(2, 3)),
            Connection("ring", "ring", Dense(3, 3), 700),
            Connection("ring", "out", Dense(3, 2)),
        ),
    )
    weights = [np.ones((2, 3)), np.zeros((3, 3)), np.ones((3, 2))]
    events = EventStream([100, 900], [0, 1], (1, 1, 2), duration=2_000)
    return network, weights, events


def test_a_network_is_drawn_from_its_traffic(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "eventsnn.report.traffic_figure.plot_activity",
        lambda activity, theme: drawn.append(activity) or plot_activity(activity, theme),
    )
    network, weights, events = recurrent()
    found = traffic(simulate(network, weights, events), events)
    plot_network_traffic(found, tmp_path / "a.png", "here", theme=DARK)
    (made,) = drawn
    assert made.names == ("input", "ring", "out") and made.sizes == (2, 3, 2)
    assert [t.tolist() for t in made.t] == [
        [100, 900],
        [100] * 3 + [900] * 3,
        [100] * 2 + [900] * 2,
    ]
    assert made.linked.tolist() == [[0, 1, 0], [0, 1, 1], [0, 0, 0]]
    assert made.adds.tolist() == [[0, 6, 0], [0, 18, 12], [0, 0, 0]]
    # Without a loss the spikes of the only output are shown.
    assert made.output.tolist() == [2, 2] and "out" in made.output_label
    # The ring's three spikes of 900 us wait for 700 us.
    assert made.waiting[1].tolist() == [3, 0]


TOML = """
[[population]]
name = "input"
shape = [2, 34, 34]
[[population]]
name = "a$\\\\foo$b"
shape = [3]
neuron = { model = "if" }
[[connection]]
source = "input"
target = "a$\\\\foo$b"
topology = { kind = "dense" }
weights = 0.5
"""


def test_simulate_tells_the_busiest_units_of_each_population_and_draws_them(tmp_path, call):
    file, figure = tmp_path / "net.toml", tmp_path / "a.png"
    file.write_text(TOML)
    events = np.zeros(5, [("x", int), ("y", int), ("t", int), ("p", int)])
    events["x"], events["t"] = [1, 2, 2, 1, 2], [10, 20, 30, 40, 50]
    np.save(tmp_path / "in.npy", events)
    words = ("simulate", file, tmp_path / "in.npy", "--figure", figure, "--dark", "--json")
    code, out, _ = call(*words)
    told = json.loads(out)
    assert code == 0 and figure.read_bytes().startswith(b"\x89PNG")
    assert [row["active_units"] for row in told["layers"]] == [2, 3]
    # Every second event lifts all three neurons to 1.
    assert [row["busiest_units"] for row in told["layers"]] == [
        [[2, 3], [1, 2]],
        [[0, 2], [1, 2], [2, 2]],
    ]
    assert call(*words[:3])[0] == 0
