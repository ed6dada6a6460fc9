"""The virtual event camera, against a slow filmer and against real recordings."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter, map_coordinates

from eventsnn.data.camera import saccade
from eventsnn.data.camera.saccade import Camera, film
from eventsnn.data.readers.digits import digit_images
from eventsnn.errors import DataError
from eventsnn.events import EventBatch

QUIET = Camera(
    leak_hz=0.0,
    threshold_spread=0.0,
    dead_spread_us=0.0,
    centre_jitter=0.0,
    time_jitter_us=0.0,
)
SMALL = Camera(height=24, width=30, centre_x=11.0, centre_y=9.5, scale=1.4, duration_us=60_100)


@pytest.fixture(scope="module")
def pictures():
    return digit_images()[0][:12]


def same(a: EventBatch, b: EventBatch) -> bool:
    arrays = ("t", "unit", "start", "label", "duration")
    return a.shape == b.shape and all(
        np.array_equal(getattr(a, name), getattr(b, name)) for name in arrays
    )


def slow_film(image, camera, step_us=250.0, finer=6):
    """Film by rendering the displaced picture afresh at every fine step, pixel array by array.

    Only for cameras without noise, spread or jitter. Returns (t, polarity, y, x) rows.
    """
    t_ms, *moves = np.array(camera.path).T
    squares = np.kron(image, np.ones((finer, finer)))
    margin = 6 * finer
    sigma = camera.blur / camera.scale * finer
    grey = gaussian_filter(np.pad(squares, margin), sigma, mode="constant")
    y, x = np.mgrid[: camera.height, : camera.width].astype(float)
    middle = (np.array(squares.shape) - 1) / 2 + margin

    def see(t_us):
        dx, dy = (
            PchipInterpolator(t_ms, move)(np.clip(t_us / 1000, t_ms[0], t_ms[-1])) for move in moves
        )
        places = [
            middle[0] + (y - camera.centre_y - dy) / camera.scale * finer,
            middle[1] + (x - camera.centre_x - dx) / camera.scale * finer,
        ]
        return np.log(1 - map_coordinates(grey, places, order=1) + camera.epsilon)

    seen = memory = see(0.0)
    blind_until = np.full(seen.shape, -1.0)
    events = []
    for t_us in np.arange(step_us, camera.duration_us, step_us):
        seen = seen + (1 - np.exp(-step_us / camera.cutoff_us)) * (see(t_us) - seen)
        wakes = (blind_until > 0) & (blind_until <= t_us)
        memory = np.where(wakes, memory + camera.slip * (seen - memory), memory)
        blind_until[wakes] = -1.0
        free = blind_until < 0
        for polarity, fires, jump in (
            (1, free & (seen - memory >= camera.threshold_on), camera.threshold_on),
            (0, free & (memory - seen >= camera.threshold_off), -camera.threshold_off),
        ):
            memory = np.where(fires, memory + jump, memory)
            blind_until[fires] = t_us + camera.dead_us
            events += [(t_us, polarity, row, column) for row, column in np.argwhere(fires)]
    return np.array(events)


def spread_out(batch, camera):
    """Return (t, polarity, y, x) rows of the one recording in ``batch``."""
    return np.column_stack([batch.t, *np.unravel_index(batch.unit, camera.shape)])


def counted(rows, shape):
    counts = np.zeros(shape)
    np.add.at(counts, tuple(rows[:, 1:].astype(int).T), 1)
    return counts


@pytest.mark.parametrize(
    ("camera", "cut"),
    [
        (QUIET, np.s_[:, :]),
        (replace(QUIET, height=25, width=31, centre_x=13.0, scale=1.5), np.s_[4:21, 6:20]),
    ],
    ids=["as N-MNIST", "another sensor and size"],
)
def test_the_film_is_that_of_a_filmer_that_renders_every_step_afresh(pictures, camera, cut):
    image = pictures[3][cut] / 255.0
    slow = slow_film(image, camera)
    fast = spread_out(film(image[None], camera, seed=0), camera)
    assert len(fast) == pytest.approx(len(slow), rel=0.02)
    for polarity in (0, 1):
        of_slow, of_fast = (rows[rows[:, 1] == polarity] for rows in (slow, fast))
        a, b = counted(of_slow, camera.shape), counted(of_fast, camera.shape)
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.98
        # When the k-th hundredth of all events has happened, to within steps.
        apart = np.quantile(of_fast[:, 0], np.arange(0.02, 1, 0.01)) - np.quantile(
            of_slow[:, 0], np.arange(0.02, 1, 0.01)
        )
        assert np.abs(np.median(apart)) < 500


def test_the_same_seed_films_the_same_events_and_another_seed_others(pictures):
    assert same(film(pictures, seed=5), film(pictures, seed=5))
    assert not same(film(pictures, seed=5), film(pictures, seed=6))


def test_a_recording_does_not_depend_on_what_is_filmed_with_it(pictures):
    whole = film(pictures, seed=3, labels=np.arange(12))
    parts = [film(pictures[7:], seed=3, first_index=7), film(pictures[:7], seed=3)]
    for i in range(12):
        alone = film(pictures[i : i + 1], seed=3, first_index=i)
        in_part = parts[0][i - 7] if i >= 7 else parts[1][i]
        for stream in (alone[0], in_part):
            np.testing.assert_array_equal(stream.t, whole[i].t)
            np.testing.assert_array_equal(stream.unit, whole[i].unit)
    np.testing.assert_array_equal(whole.label, np.arange(12))


def test_the_same_picture_is_filmed_differently_under_another_index(pictures):
    twice = film(pictures[[0, 0]], seed=3)
    assert not np.array_equal(twice[0].unit, twice[1].unit)


def test_bytes_and_shares_of_full_ink_are_the_same_pictures(pictures):
    shares = pictures.astype(np.float32) / np.float32(255)
    film_of_bytes = film(pictures, seed=1)
    assert same(film_of_bytes, film(shares, seed=1))
    turned = np.asfortranarray(shares)
    turned.flags.writeable = False
    assert same(film_of_bytes, film(turned, seed=1))


@pytest.mark.parametrize("camera", [Camera(), SMALL], ids=["as N-MNIST", "small"])
def test_events_are_sorted_and_lie_in_the_sensor_and_in_the_duration(pictures, camera):
    batch = film(pictures, camera, seed=0)
    for stream in batch:  # EventStream refuses what is out of order or out of range
        assert camera.duration_us <= stream.duration < camera.duration_us + camera.step_us
        key = stream.t * batch.n_units + stream.unit
        assert (np.diff(key) > 0).all()


def test_nothing_happens_where_the_picture_does_not_change():
    assert len(film(np.zeros((1, 28, 28), np.uint8), QUIET, seed=0).t) == 0
    bar = np.zeros((1, 28, 28), np.uint8)
    bar[0, :, 12:15] = 255
    events = spread_out(film(bar, QUIET, seed=0), QUIET)
    # The bar is 3 wide, moves less than 6 to the right and is blurred by less than 2.5.
    left = QUIET.centre_x - 1.5 * QUIET.scale - 3
    assert events[:, 3].min() > left
    assert events[:, 3].max() < left + 3 * QUIET.scale + 11


def test_a_picture_that_does_not_move_sends_only_spontaneous_events(pictures):
    still = Camera(path=((0, 0, 0), (300, 0, 0)))
    counts = np.diff(film(pictures, still, seed=0).start)
    expected = still.leak_hz * 34 * 34 * still.duration_us * 1e-6
    assert counts.mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / 12))
    assert counts.std() > 0


def test_a_dark_bar_darkens_where_it_comes_and_brightens_where_it_leaves():
    bar = np.zeros((1, 28, 28), np.uint8)
    bar[0, 4:24, 13:15] = 255
    to_the_right = replace(QUIET, path=((0, 0, 0), (60, 6, 0)))
    events = spread_out(film(bar, to_the_right, seed=0), to_the_right)
    start, end = to_the_right.centre_x, to_the_right.centre_x + 6
    arrives, leaves = events[events[:, 3] > end], events[events[:, 3] < start]
    assert len(arrives) > 50
    assert len(leaves) > 50
    assert (arrives[:, 1] == 0).mean() > 0.9
    assert (leaves[:, 1] == 1).mean() > 0.9


def test_no_pixel_fires_again_within_its_dead_time(pictures):
    camera = Camera(dead_us=4000.0, dead_spread_us=0.0, leak_hz=20.0)
    for stream in film(pictures, camera, seed=0):
        pixel = stream.unit % (34 * 34)
        order = np.lexsort((stream.t, pixel))
        gaps = np.diff(stream.t[order])[np.diff(pixel[order]) == 0]
        assert gaps.min() >= 3999  # both times are rounded down to whole microseconds


def test_a_flood_of_events_is_kept_whole(pictures, monkeypatch):
    camera = Camera(threshold_on=0.03, threshold_off=0.03)
    flood = film(pictures[:2], camera, seed=0)
    assert np.diff(flood.start).min() > 4 * 34 * 34  # more than the first room holds
    small_room = saccade._room
    monkeypatch.setattr(saccade, "_room", lambda events: small_room(50 * events))
    assert same(flood, film(pictures[:2], camera, seed=0))


def test_the_fixed_pattern_belongs_to_the_sensor_not_to_the_recording(pictures):
    camera = replace(QUIET, threshold_spread=0.3)
    same_picture = film(pictures[[0, 0]], camera, seed=0)
    np.testing.assert_array_equal(same_picture[0].unit, same_picture[1].unit)
    other_sensor = film(pictures[:1], replace(camera, pattern_seed=1), seed=0)
    assert not np.array_equal(same_picture[0].unit, other_sensor[0].unit)


@pytest.mark.parametrize("threads", [2, 3, 20])
def test_any_number_of_threads_films_the_same_events(pictures, threads):
    alone = film(pictures, seed=3, labels=np.arange(12))
    assert same(alone, film(pictures, seed=3, labels=np.arange(12), threads=threads))


@pytest.mark.parametrize("threads", [1, 2])
def test_progress_is_told_after_every_recording(pictures, threads):
    told = []
    listen = {"threads": threads, "progress": lambda done, n: told.append((done, n))}
    film(pictures[:3], seed=0, **listen)
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("images", "options", "words"),
    [
        (np.zeros((28, 28), np.uint8), {}, r"\(28, 28\)"),
        (np.zeros((0, 28, 28), np.uint8), {}, r"\(0, 28, 28\)"),
        (np.zeros((1, 28, 28), np.uint8), {"threads": 0}, "threads is 0"),
        (np.zeros((1, 28, 28), np.int64), {}, "int64"),
        (np.full((2, 3, 4), [[[0.0]], [[1.5]]]), {}, r"image 1 is 1\.5 at row 0, column 0"),
        (np.full((1, 3, 4), np.nan), {}, "image 0 is nan"),
        (np.full((1, 3, 4), -0.1), {}, r"-0\.1"),
        (np.zeros((2, 3, 4)), {"labels": [1]}, r"\(1,\)"),
        (np.zeros((2, 3, 4)), {"labels": [0.5, 1]}, "float64"),
        (np.zeros((2, 3, 4)), {"seed": -1}, "seed is -1"),
        (np.zeros((2, 3, 4)), {"first_index": -7}, "first_index is -7"),
    ],
)
def test_what_cannot_be_filmed_is_refused_by_name_and_value(images, options, words):
    with pytest.raises(DataError, match=words) as caught:
        film(images, **{"seed": 0, **options})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("constants", "words"),
    [
        ({"blur": float("nan")}, "blur is nan"),
        ({"epsilon": 0.0}, "epsilon"),
        ({"dead_us": 500.0}, "dead_us"),
        ({"threshold_on": -0.1}, "thresholds"),
        ({"path": ((0, 0, 0),)}, "path"),
        ({"path": ((5, 0, 0), (5, 1, 0))}, "path"),
        ({"leak_on": 1.5}, "leak_on"),
        ({"width": 0}, "sensor"),
        ({"duration_us": 0}, "duration_us"),
    ],
)
def test_a_camera_that_cannot_be_is_refused(constants, words):
    with pytest.raises(DataError, match=words):
        Camera(**constants)


def test_the_path_is_the_one_that_was_measured():
    """The table, summed: every way-point counts, and where it stands."""
    t, x, y = np.array(Camera().path).T
    assert t.tolist() == list(range(0, 311, 10))
    number = np.arange(1, 33)
    assert [round(float(v.sum()), 2) for v in (x, y)] == [60.05, 51.43]
    assert [round(float((number * v).sum()), 2) for v in (x, y)] == [1212.89, 522.05]


def test_recordings_jitter_along_x_and_y_on_their_own():
    dot = np.zeros((60, 9, 9), np.uint8)
    dot[:, 3:6, 3:6] = 255
    batch = film(dot, replace(QUIET, centre_jitter=1.0), seed=0)
    centres = np.array([[stream.x.mean(), stream.y.mean()] for stream in batch])
    # Of a normal distribution that is cut at three.
    np.testing.assert_allclose(centres.std(0), [1, 1], atol=0.3)
    assert abs(np.corrcoef(centres.T)[0, 1]) < 0.4


def test_a_spontaneous_event_makes_a_pixel_begin_anew(pictures):
    """So often that the light never moves by a threshold in between: nothing else happens."""
    slow = replace(QUIET, path=((0, 0, 0), (300, 3, 0)), dead_us=1000.0, slip=0.0)
    polarity = spread_out(film(pictures[:1], slow, seed=0), slow)[:, 1]
    assert (polarity == 0).sum() > 200
    restless = replace(slow, leak_hz=3000.0, leak_on=1.0)
    polarity = spread_out(film(pictures[:1], restless, seed=0), restless)[:, 1]
    assert len(polarity) > 200_000
    assert (polarity == 0).sum() <= 2
