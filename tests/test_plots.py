"""Figures: what they are made of; how they look was seen by eye."""

import re

import numpy as np
import pytest
from doors import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from random_graphs import networks, streams

from eventsnn.engines import simulate
from eventsnn.errors import UserError
from eventsnn.events import EventStream
from eventsnn.measure.traces import potentials
from eventsnn.report import plots
from eventsnn.report.gallery import choose_recordings
from eventsnn.report.style import DARK, LIGHT, PAGE, short, svg_of


def texts(figure):
    from matplotlib.text import Text

    return " ".join(t.get_text() for t in figure.findobj(Text) if t.get_visible())


def ramp(theme):
    return plots.plot_traces({"a": (np.arange(3.0), np.arange(3.0))}, 1.0, theme)


def test_a_figure_of_a_page_has_no_colour_of_its_own_and_is_the_same_again():
    one, two = (svg_of(ramp(PAGE), "ramp") for _ in range(2))
    assert one == two
    assert "var(--ink)" in one and "var(--series-0)" in one
    assert not re.search(r"#01020[0-9a-f]", one) and "<style" not in one
    inside = re.findall(r'id="([^"]*)"', one)
    assert all(name.startswith("ramp") for name in inside)
    for used in re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', one):
        assert "".join(used) in inside


def contrast(one, two):
    """The contrast of two colours, 1 to 21, as WCAG 2.1 defines it."""
    lights = []
    for colour in (one, two):
        channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        lights.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(lights) + 0.05) / (min(lights) + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_lines_can_be_read_on_their_ground(theme):
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast(theme.ink, theme.surface) >= 7
    assert contrast(theme.muted, theme.surface) >= 4.5
    assert len(set(theme.series)) == len(PAGE.series) == 4
    for colour in theme.series:
        assert contrast(colour, theme.surface) >= 2.9


def test_a_figure_wears_the_colours_of_its_theme():
    for theme in (LIGHT, DARK):
        figure = ramp(theme)
        (axes,) = figure.axes
        assert to_hex(figure.get_facecolor()) == theme.surface
        assert to_hex(axes.xaxis.label.get_color()) == theme.ink
        assert to_hex(axes.lines[0].get_color()) == theme.series[0].lower()
    assert contrast(LIGHT.surface, DARK.surface) > 10


def small_result():
    names = ["a->b", "b->b", "b->c"]
    return {
        "duration_us": 1e6,
        "network": {
            "populations": [
                {"name": n, "neurons": k, "model": "lif"} for n, k in (("a", 4), ("b", 3), ("c", 2))
            ],
            "connections": [
                {"name": n, "source": n[0], "target": n[-1], "topology": "dense"} for n in names
            ],
        },
        "operations": {
            "deliveries": dict(zip(names, (4000.0, 12.0, 12.0), strict=True)),
            "spikes": {"a": 4000.0, "b": 12.0, "c": 0.0},
        },
    }


def test_the_traffic_graph_tells_every_rate_and_draws_busier_connections_wider():
    from matplotlib.patches import FancyArrowPatch

    figure = plots.plot_traffic_graph(small_result())
    assert "4 k/s" in texts(figure) and texts(figure).count("12/s") == 2
    widths = [arrow.get_linewidth() for arrow in figure.findobj(FancyArrowPatch)]
    assert len(widths) == 3 and widths[0] > 2 * widths[1] and widths[1] == widths[2]


def test_a_raster_draws_each_spike_of_each_population():
    trains = [("input", 5, np.array([1000, 2000]), np.array([0, 4])),
              ("hidden", 3, np.zeros(0), np.zeros(0, int))]  # fmt: skip
    figure = plots.plot_raster(trains)
    (dots,) = figure.axes[0].lines
    np.testing.assert_array_equal(dots.get_xdata(), [1.0, 2.0])
    np.testing.assert_array_equal(dots.get_ydata(), [0, 4])
    assert all(told in texts(figure) for told in ("time (ms)", "2 spikes", "0 spikes"))
    # Inputs stand back, and have events; without any the first has a colour of its own.
    assert dots.get_color() == LIGHT.series[0] != LIGHT.muted
    given = plots.plot_raster(trains, inputs=1)
    assert given.axes[0].lines[0].get_color() == LIGHT.muted and "2 events" in texts(given)
    assert given.axes[1].lines[0].get_color() == LIGHT.series[0]
    ticks = plots.plot_raster([("few", 6, np.arange(6) * 1e3, np.arange(6))]).axes[0].get_yticks()
    assert (ticks == np.round(ticks)).all()


def test_the_event_frame_tells_on_from_off_and_fresh_from_old():
    events = EventStream([0, 10, 20_000], [0, 4, 7], (2, 2, 2), duration=20_001)
    frame, surface = (axes.images[0].get_array() for axes in plots.plot_event_frame(events).axes)
    assert frame[0, 0, 3] == 0  # an ON and an OFF event
    assert frame[1, 1, 3] == 1 and frame[1, 1, 2] > frame[1, 1, 0]
    assert surface[1, 1, 3] > surface[0, 0, 3] > surface[0, 1, 3] == 0


def test_receptive_fields_stand_where_their_senders_are():
    weights = np.zeros((8, 2))
    weights[3, 1], weights[4, 1] = 1.0, -0.5  # OFF at (1, 1), ON at (0, 0)
    figure = plots.plot_receptive_fields(weights, (2, 2, 2), np.array([1]))
    picture = figure.axes[0].images[0].get_array()
    assert picture[1, 1, 3] == 1 and picture[0, 2, 3] == 0.5
    with pytest.raises(UserError, match="no sensor"):
        plots.plot_receptive_fields(weights, (2, 3, 2), np.array([1]))
    with pytest.raises(UserError, match="no neuron"):
        plots.plot_traces({})


def test_the_confusion_is_shaded_by_the_share_of_the_true_class():
    figure = plots.plot_confusion({"confusion": [[6, 2], [0, 1]]})
    shades = {box.get_xy(): box.get_facecolor()[3] for box in figure.axes[0].patches}
    assert len(shades) == 3
    for (x, y), share in {(0, 0): 0.75, (1, 0): 0.25, (1, 1): 1.0}.items():
        assert shades[x - 0.48, y - 0.48] == pytest.approx(0.12 + 0.83 * share**0.5)
    assert sorted(t.get_text() for t in figure.axes[0].texts) == ["1", "2", "6"]


def test_an_answer_in_time_is_drawn_over_milliseconds_and_over_events():
    points = {"accuracy": [0.25, 0.5]}
    anytime = {
        "by_time": points | {"t_us": [2_000.0, 40_000.0]},
        "by_events": points | {"seen": [3, 70]},
    }
    time, events = plots.plot_streaming({"anytime": anytime}).axes
    for axes, x in ((time, [2, 40]), (events, [3, 70])):
        (line,) = axes.lines
        assert list(line.get_xdata()) == x and list(line.get_ydata()) == [25, 50]


def test_the_first_recording_and_the_first_wrong_one_are_drawn():
    labels = np.array([3, 1, 2, 2])
    assert choose_recordings(np.array([3, 1, 0, 0]), labels) == [0, 2]
    assert choose_recordings(np.array([0, 1, 2, 0]), labels) == [0]
    assert choose_recordings(labels, labels) == [0]


def test_learning_curves_leave_out_what_a_rule_has_not():
    rows = [{"epoch": k, "test_accuracy": 0.5, "loss": float("nan")} for k in (1, 2)]
    figure = plots.plot_learning(rows)
    assert len(figure.axes) == 1 and "test" in texts(figure)
    assert len(plots.plot_learning([r | {"loss": 1.0} for r in rows]).axes) == 2


def test_numbers_are_short_with_their_unit():
    assert [short(x) for x in (594_432_000, 3_366_293, 12_000, 765.9, 0.811)] == [
        "594 M", "3.37 M", "12 k", "766", "0.811",
    ]  # fmt: skip
    assert [short(x) for x in (1e9, 1e6, 1e3, -1e3, 0)] == ["1 G", "1 M", "1 k", "-1 k", "0"]


@settings(max_examples=examples(30))
@given(st.data())
def test_potentials_reach_what_the_record_says_at_every_spike(data):
    network, weights = data.draw(networks(("if", "lif")))
    events = data.draw(streams(network))
    try:
        record = simulate(network, weights, events, event_budget=300)
    except UserError:
        return  # runs away
    for population in network.populations[1:]:
        spikes = record.spikes[population.name]
        for unit in np.unique(spikes.unit)[:2]:
            t, v = potentials(record, weights, events, population.name, int(unit))[int(unit)]
            mine = spikes.unit == unit
            # A spike is two points of one instant: what it reached and what was left.
            reached = np.flatnonzero((np.diff(t) == 0) & (np.arange(len(t) - 1) > 0))
            np.testing.assert_allclose(v[reached], spikes.value[mine])
            np.testing.assert_array_equal(t[reached], spikes.t[mine])


@pytest.mark.parametrize(
    ("one", "two"), [(828_692, 828_976), (210_000, 990_000), (5e4, 5e6), (7, 7)]
)
def test_models_of_nearly_equal_cost_stand_on_an_axis_that_can_be_read(one, two):
    results = [
        (name, {"accuracy": 0.6, "anytime": {}, "operations": {"operations_per_recording": cost}})
        for name, cost in (("a", one), ("b", two))
    ]
    figure = plots.plot_compared(results)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    low, high = axes.get_xlim()
    labels = [
        label.get_text()
        for place, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
        if low <= place <= high
    ]
    assert low < one <= two < high
    assert len(labels) >= 2 and len(set(labels)) == len(labels) and all(labels)
