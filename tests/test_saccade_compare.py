"""The comparison of filmed with real recordings, and what it says of the camera."""

import numpy as np
import pytest

from eventsnn.data.camera.compare import compare, compare_with_real
from eventsnn.data.camera.figure import plot_comparison
from eventsnn.data.camera.saccade import Camera, film
from eventsnn.data.readers import mnist
from eventsnn.data.readers.digits import digit_images
from eventsnn.data.readers.nmnist import recordings as nmnist
from eventsnn.errors import DataError
from eventsnn.events import EventBatch


@pytest.fixture(scope="module")
def pictures():
    return digit_images()[0][:3]


def test_comparing_a_film_with_itself_finds_no_difference(pictures):
    batch = film(pictures, seed=0)
    result = compare(batch, batch)
    assert result["map_correlation"] == pytest.approx(1.0)
    assert result["count_ratio"] == 1.0
    assert result["rate_difference"] == 0.0
    assert result["real"] == result["filmed"]


def test_comparing_counts_what_was_put_in():
    shape = (2, 3, 3)
    unit = np.array([4, 13, 4, 0, 0, 9], np.uint16)  # pixel 4 OFF, ON, OFF; pixel 0 OFF OFF ON
    t = np.array([10, 104_999, 105_000, 210_000, 210_700, 212_000], np.int32)
    start, label, duration = np.array([0, 6]), np.array([1]), np.array([300_000])
    batch = EventBatch(t, unit, start, label, duration, shape)
    late = EventBatch(t + np.int32(7_000), unit, start, label, duration, shape)
    result = compare(batch, late)
    assert result["real"]["events_per_saccade"] == [2.0, 1.0, 3.0]
    assert result["real"]["on_over_off"] == 0.5
    assert result["real"]["pixel_interval_us"] == np.median([104_989, 1, 700, 1300])
    # Two of the six events left one bin of 10 ms and came into the next.
    assert result["rate_difference"] == pytest.approx(4 / 6)


def test_recordings_of_another_sensor_or_number_are_refused(pictures):
    batch = film(pictures[:2], seed=0)
    with pytest.raises(DataError, match="2 recordings"):
        compare_with_real(pictures[:1], batch)
    with pytest.raises(DataError, match="sensor"):
        compare_with_real(pictures[:2], batch, Camera(width=30))


def test_the_comparison_is_drawn_in_the_format_of_the_suffix(pictures, tmp_path):
    batch = film(pictures[:3], seed=0)
    for suffix, magic in ((".png", b"\x89PNG"), (".svg", b"<?xml")):
        path = tmp_path / f"comparison{suffix}"
        plot_comparison(batch, film(pictures[:3], seed=1), path)
        assert path.read_bytes().startswith(magic)
    assert len(list(tmp_path.iterdir())) == 2
    with pytest.raises(DataError, match=r"\.jpg"):
        plot_comparison(batch, batch, tmp_path / "comparison.jpg")


def test_spontaneous_events_are_as_frequent_as_on_the_rim_of_real_recordings(shared):
    """On the two outermost pixels, where no digit comes; there is nothing else to be seen."""
    real = nmnist.load(shared / "data" / "nmnist", "train", cache=False)
    p, y, x = np.unravel_index(real.unit, real.shape)
    rim = (np.minimum(y, x) < 2) | (np.maximum(y, x) > 31)
    seconds = real.duration.sum() * 1e-6
    assert Camera().leak_hz == pytest.approx(rim.sum() / seconds / (34**2 - 30**2), rel=0.02)
    assert Camera().leak_on == pytest.approx(p[rim].mean(), abs=0.02)


def test_films_come_close_to_600_real_recordings_of_the_same_pictures(shared):
    batches = []
    images = []
    for split in ("train", "test"):
        batches.append(nmnist.load(shared / "data" / "nmnist", split, cache=False))
        numbers = nmnist.indices(shared / "data" / "nmnist", split) - 1
        images.append(mnist.load(shared / "data" / "mnist", split).images[numbers])
    real = EventBatch.from_streams([stream for batch in batches for stream in batch], "real")
    result = compare_with_real(np.concatenate(images), real, seed=0)
    assert result["recordings"] == 600
    assert result["map_correlation"] > 0.975
    assert result["count_ratio"] == pytest.approx(1.0, abs=0.03)
    assert result["rate_difference"] < 0.07
    assert result["count_correlation"] > 0.98
    filmed, recorded = result["filmed"], result["real"]
    for name, tolerance in (
        ("events_std", 0.05),
        ("on_over_off", 0.02),
        ("pixel_interval_us", 0.05),
    ):
        assert filmed[name] == pytest.approx(recorded[name], rel=tolerance)
    np.testing.assert_allclose(
        filmed["events_per_saccade"], recorded["events_per_saccade"], rtol=0.05
    )
