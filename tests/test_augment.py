"""Event augmentation against plain geometry."""

import numpy as np
import pytest

from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.train.augment import NODE, Augmentation, _spline, augment, places_of, warp_of


def some_recordings(n=6, shape=(2, 9, 11), events=200, seed=0):
    rng = np.random.default_rng(seed)
    return EventBatch.from_streams(
        [
            EventStream(
                np.sort(rng.integers(0, 999, events)),
                rng.integers(0, np.prod(shape), events),
                shape,
                label=k,
                duration=1000,
            )
            for k in range(n)
        ]
    )


class Fixed:
    """A generator whose uniform draws are all one number."""

    def __init__(self, value):
        self.value = value

    def uniform(self, low, high, size):
        return np.full(size, self.value)

    def integers(self, low, high, size, dtype):
        return np.zeros(size, dtype)


def test_nothing_to_change_gives_the_same_events():
    batch = some_recordings()
    order = np.array([4, 0, 2])
    out = augment(batch, order, Augmentation(), np.random.default_rng(0))
    expected = batch.select(order)
    for name in ("t", "unit", "start", "label", "duration"):
        np.testing.assert_array_equal(getattr(out, name), getattr(expected, name))
    assert not Augmentation() and Augmentation(drop=0.1)


def test_a_whole_shift_equals_the_shift_of_the_stream():
    batch = some_recordings()
    out = augment(batch, np.arange(6), Augmentation(shift=2), Fixed(1.0))
    for mine, stream in zip(out, batch, strict=True):
        moved = stream.shift(2, 2)
        np.testing.assert_array_equal(mine.unit, moved.unit)
        np.testing.assert_array_equal(mine.t, moved.t)


def test_a_quarter_turn_moves_x_onto_y():
    shape, size = (2, 7, 7), 7
    batch = some_recordings(2, shape)
    out = augment(batch, np.arange(2), Augmentation(rotate=90), Fixed(1.0))
    for mine, stream in zip(out, batch, strict=True):
        np.testing.assert_array_equal(mine.x, size - 1 - stream.y)
        np.testing.assert_array_equal(mine.y, stream.x)
        np.testing.assert_array_equal(mine.polarity, stream.polarity)


def test_scaling_spreads_events_about_the_middle():
    events = EventStream(np.arange(3), np.array([5, 15, 21]), (1, 1, 31))
    batch = EventBatch.from_streams([events])
    out = augment(batch, np.arange(1), Augmentation(scale=0.5), Fixed(1.0))
    assert out[0].x.tolist() == [0, 15, 24]


def test_the_dropped_share_is_what_was_asked():
    batch = some_recordings(40, events=1000)
    out = augment(batch, np.arange(40), Augmentation(drop=0.3), np.random.default_rng(1))
    kept = len(out.t) / len(batch.t)
    assert abs(kept - 0.7) < 4 * np.sqrt(0.21 / len(batch.t))
    assert len({tuple(np.isin(s.t, o.t)) for s, o in zip(batch, out, strict=True)}) == 40


def test_the_same_generator_gives_the_same_recordings():
    batch, change = some_recordings(), Augmentation(1.5, 10, 0.1, 0.2)
    a, b = (augment(batch, np.arange(6), change, np.random.default_rng(3)) for _ in range(2))
    c = augment(batch, np.arange(6), change, np.random.default_rng(4))
    np.testing.assert_array_equal(a.unit, b.unit)
    assert len(a.unit) != len(c.unit) or (a.unit != c.unit).any()


@pytest.mark.parametrize("name", ["shift", "rotate", "scale", "drop"])
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
def test_impossible_amounts_are_refused(name, value):
    with pytest.raises(UserError, match=f"{name} is"):
        Augmentation(**{name: value})


def test_an_elastic_field_has_the_asked_spread_and_is_smooth():
    shape = 1, 34, 34
    places = places_of(
        shape, warp_of(shape, Augmentation(elastic=1.5), 400, np.random.default_rng(0))
    )
    y, x = np.indices((34, 34))
    moved = places - np.stack([x, y], -1)
    assert abs(moved.std() - 1.5) < 0.1 and abs(moved.mean()) < 0.1
    # Neighbours move alike, pixels a few nodes apart do not.
    near = (moved[:, :, 1:] - moved[:, :, :-1]).std()
    far = (moved[:, :, 30] - moved[:, :, 2]).std()
    assert near < 0.35 and abs(far - 1.5 * np.sqrt(2)) < 0.15


def test_an_elastic_field_is_the_spline_through_its_nodes():
    from scipy.interpolate import BSpline

    rows = _spline(34)
    for k in range(rows.shape[1]):
        # The cubic B-spline that rises at node k - 3 and falls at node k + 1.
        basis = BSpline.basis_element(np.arange(k - 3, k + 2), extrapolate=False)
        expected = np.nan_to_num(basis(np.arange(34) / NODE))
        np.testing.assert_allclose(rows[:, k], expected, atol=1e-12)


def test_scatter_moves_each_event_by_itself():
    events = EventStream(np.arange(6000), np.full(6000, 17 * 35 + 17), (1, 35, 35))
    batch = EventBatch.from_streams([events])
    out = augment(batch, np.arange(1), Augmentation(scatter=1.5), np.random.default_rng(0))
    for place in (out[0].x, out[0].y):
        values, counts = np.unique(place, return_counts=True)
        assert values.tolist() == [16, 17, 18]
        assert np.abs(counts - 2000).max() < 4 * np.sqrt(6000 * 2 / 9)


def test_jitter_moves_times_within_the_recording_and_sorts_them():
    batch = some_recordings(20)
    out = augment(batch, np.arange(20), Augmentation(jitter_us=50), np.random.default_rng(0))
    assert len(out.t) == len(batch.t)
    for mine, stream in zip(out, batch, strict=True):
        assert (np.diff(mine.t) >= 0).all() and mine.t[0] >= 0 and mine.t[-1] < 1000
        assert sorted(mine.unit) == sorted(stream.unit)
        assert np.abs(np.sort(mine.t) - np.sort(stream.t)).max() <= 50
        assert (mine.t != stream.t).mean() > 0.5


def test_the_same_generator_gives_the_same_bent_recordings():
    batch = some_recordings()
    change = Augmentation(1, 8, 0.1, 0.5, 0.5, 20, 0.1)
    one, two = (augment(batch, np.arange(6), change, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one.t, two.t)
    np.testing.assert_array_equal(one.unit, two.unit)


def test_threads_change_no_bit_of_augmented_recordings():
    rng = np.random.default_rng(3)
    streams = []
    for _ in range(7):
        n = int(rng.integers(0, 200))
        t = np.sort(rng.integers(0, 9_000, n))
        streams.append(EventStream(t, rng.integers(0, 200, n), (2, 10, 10), 0, 9_000))
    batch = EventBatch.from_streams(streams)
    change = Augmentation(2.0, 10.0, 0.1, 1.0, 0.5, 300.0, 0.2)
    order = np.array([6, 2, 2, 0, 5])
    one, many = (
        augment(batch, order, change, np.random.default_rng(4), threads) for threads in (1, 8)
    )
    assert len(one.t) > 50
    for field in ("t", "unit", "start", "label", "duration"):
        np.testing.assert_array_equal(getattr(one, field), getattr(many, field))


class Drawn:
    """A generator that gives what it was told, one draw after the other."""

    def __init__(self, *draws):
        self.draws = list(draws)

    def uniform(self, low, high, size):
        return np.broadcast_to(self.draws.pop(0), size).astype(float)

    def integers(self, low, high, size, dtype):
        return np.zeros(size, dtype)


def test_x_and_y_are_shifted_each_by_its_own_draw():
    batch = some_recordings(1)
    draws = Drawn(0.0, 0.0, [1.0, -0.5])  # angle, factor, shift
    out = augment(batch, np.arange(1), Augmentation(shift=2), draws)
    moved = batch[0].shift(2, -1)
    np.testing.assert_array_equal(out[0].unit, moved.unit)
    np.testing.assert_array_equal(out[0].t, moved.t)


def one_event(x, y, n=1, side=31):
    events = EventStream(np.zeros(1, int), np.array([y * side + x]), (1, side, side))
    return EventBatch.from_streams([events] * n)


@pytest.mark.parametrize(("draw", "x", "y"), [(1.0, 9, 15), (-1.0, 17, 15)])
def test_what_is_turned_is_scaled_by_the_same_factor(draw, x, y):
    """Four pixels below the middle; a quarter turn, and 1.5 times or half as far from it."""
    out = augment(one_event(15, 19), np.arange(1), Augmentation(rotate=90, scale=0.5), Fixed(draw))
    assert (out[0].x.tolist(), out[0].y.tolist()) == ([x], [y])


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"rotate": 90}, lambda s: s.y - 15),
        ({"scale": 0.9}, lambda s: s.x - 20),
        ({"shift": 5}, lambda s: s.x - 20),
        ({"shift": 5}, lambda s: s.y - 15),
    ],
)
def test_changes_go_either_way_as_often(change, place):
    n = 400
    batch = one_event(20, 15, n)
    out = augment(batch, np.arange(n), Augmentation(**change), np.random.default_rng(2))
    moved = np.array([int(place(s)[0]) for s in out if len(s)])
    right, left = (moved > 0).sum(), (moved < 0).sum()
    assert right + left > 0.7 * n and abs(int(right) - int(left)) < 4 * np.sqrt(n)


def test_scatter_moves_x_and_y_independently():
    events = EventStream(np.arange(9000), np.full(9000, 17 * 35 + 17), (1, 35, 35))
    batch = EventBatch.from_streams([events])
    out = augment(batch, np.arange(1), Augmentation(scatter=1.5), np.random.default_rng(0))
    counts = np.zeros((3, 3), int)
    np.add.at(counts, (out[0].y - 16, out[0].x - 16), 1)
    assert np.abs(counts - 1000).max() < 4 * np.sqrt(9000 * 8 / 81)


def test_jitter_is_rounded_to_the_next_microsecond():
    """Uniform in [-1, 1]: a quarter goes to -1, half stays, a quarter goes to 1."""
    n = 8000
    batch = EventBatch.from_streams(
        [EventStream(np.full(n, 500), np.zeros(n, int), (1, 1, 1), duration=1000)]
    )
    out = augment(batch, np.arange(1), Augmentation(jitter_us=1), np.random.default_rng(0))
    moved, counts = np.unique(out.t - 500, return_counts=True)
    assert moved.tolist() == [-1, 0, 1]
    assert np.abs(counts - [n / 4, n / 2, n / 4]).max() < 4 * np.sqrt(n / 4)


def test_events_of_one_time_keep_their_order_when_times_are_jittered():
    n = 3000
    unit = np.arange(n)[::-1] % 50
    batch = EventBatch.from_streams([EventStream(np.full(n, 9), unit, (1, 5, 10), duration=20)])
    out = augment(batch, np.arange(1), Augmentation(jitter_us=0.1), np.random.default_rng(0))
    assert (out.t == 9).all()  # a tenth of a microsecond moves nothing
    np.testing.assert_array_equal(out.unit, unit)


@pytest.mark.parametrize("name", ["shift", "elastic", "scatter"])
def test_distances_beyond_the_sensor_are_refused(name):
    batch = EventBatch.from_streams([EventStream([0, 1], [0, 5], (1, 3, 7), label=0)])
    order, rng = np.arange(1), np.random.default_rng(0)
    assert len(augment(batch, order, Augmentation(**{name: 7.0}), rng)) == 1
    for value in (7.5, 1e300):
        with pytest.raises(UserError, match=rf"{name} is .* than the sensor has on a side \(7\)"):
            augment(batch, order, Augmentation(**{name: value}), rng)


def test_what_ends_early_keeps_its_first_events_and_its_length():
    batch, order = some_recordings(), np.array([4, 0, 2, 5])
    out = augment(batch, order, Augmentation(early_us=100), np.random.default_rng(3))
    sizes = []
    for mine, k in zip(out, order, strict=True):
        n = len(mine.t)
        np.testing.assert_array_equal(mine.t, batch[int(k)].t[:n])
        np.testing.assert_array_equal(mine.unit, batch[int(k)].unit[:n])
        assert mine.duration == 1000
        sizes.append(n)
    assert min(sizes) < 199 and len(set(sizes)) == 4


def test_half_of_the_recordings_end_before_the_geometric_mean_of_the_moments():
    t = np.arange(1000)
    long = EventBatch.from_streams([EventStream(t, 0 * t, (1, 1, 1), label=0, duration=1000)])
    out = augment(long, np.zeros(4000, int), Augmentation(early_us=10), np.random.default_rng(0))
    seen = np.diff(out.start)
    assert 10 <= seen.min() < 13 and 990 < seen.max() <= 1000
    assert abs((seen < 100).mean() - 0.5) < 0.02


def test_a_recording_shorter_than_the_earliest_moment_is_seen_whole():
    batch = some_recordings()
    out = augment(batch, np.arange(6), Augmentation(early_us=5000), np.random.default_rng(0))
    np.testing.assert_array_equal(out.t, batch.t)


def test_what_ends_early_does_not_depend_on_threads():
    batch, early = some_recordings(), Augmentation(early_us=50, shift=1, jitter_us=9)
    one, three = (
        augment(batch, np.arange(6), early, np.random.default_rng(1), threads=n) for n in (1, 3)
    )
    np.testing.assert_array_equal(one.t, three.t)
    np.testing.assert_array_equal(one.unit, three.unit)
