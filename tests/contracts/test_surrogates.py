"""Every surrogate that is found keeps the contract: those of the room, and one of this file."""

import json
import math
from dataclasses import FrozenInstanceError, dataclass
from typing import ClassVar

import numpy as np
import pytest

import eventsnn
from eventsnn.registry import Registry
from eventsnn.surrogates import surrogates
from eventsnn.surrogates.surrogate import Surrogate


@dataclass(frozen=True)
class Cosine(Surrogate):
    """A raised cosine; ``width`` is its base."""

    kind: ClassVar[str] = "cosine-of-a-test"

    @property
    def reach(self):
        return self.width / 2

    def derivative(self, d):
        inside = (1 + np.cos(2 * np.pi * d / self.width)) / self.width
        return np.where(np.abs(d) < self.reach, inside, 0.0)

    def fill(self, u, threshold, out):
        out[:] = self.derivative(u.astype(np.float64) - threshold)


FOUND = surrogates() | {Cosine.kind: Cosine}
WIDTHS = (0.1, 0.5, 1.0, 2.5, 10.0)
HERE = [pytest.param(kind, width, id=f"{kind} {width}") for kind in FOUND for width in WIDTHS]


@pytest.fixture(autouse=True)
def joined():
    """The one of this file is there while a test of it runs."""
    eventsnn.register(Cosine)
    assert surrogates() == FOUND
    yield
    for registry in Registry.known:
        registry.leave(Cosine)


def test_all_are_found():
    ours = [kind for kind, one in FOUND.items() if one.__module__.startswith("eventsnn.")]
    assert len(ours) >= 5 and len(FOUND) == len(ours) + 1
    with pytest.raises(FrozenInstanceError):
        FOUND["rectangle"](1.0).width = 2.0


@pytest.mark.parametrize(("kind", "width"), HERE)
def test_a_slope_is_even_highest_at_the_threshold_and_has_the_area_that_it_tells(kind, width):
    one = FOUND[kind](width)
    d = np.linspace(0, 40 * max(width, 1 / width, 1), 2_000_001)
    slope = one.derivative(d)
    np.testing.assert_array_equal(slope, one.derivative(-d))
    assert slope[0] > 0 and (np.diff(slope) <= 0).all() and (slope >= 0).all()
    middles = one.derivative((d[1:] + d[:-1]) / 2)
    tail = width**2 / (width + d[-1]) if kind == "fast-sigmoid" else 0.0
    assert 2 * (middles.sum() * d[1] + tail) == pytest.approx(one.area, rel=2e-3)
    if math.isfinite(one.reach):
        assert not one.derivative(np.array([one.reach, -one.reach, one.reach + 1])).any()
        assert one.derivative(np.array([one.reach * 0.99]))[0] > 0
    else:
        assert (one.derivative(np.array([3 * math.sqrt(width)])) > 0).all()


@pytest.mark.parametrize(("kind", "width"), HERE)
@pytest.mark.parametrize(("dtype", "bar"), [(np.float64, 1e-14), (np.float32, 2e-5)])
def test_compiled_it_is_its_definition(kind, width, dtype, bar):
    one, rng = FOUND[kind](width), np.random.default_rng(1)
    u = rng.normal(0.5, 1.0, 5_003).astype(dtype)
    u = u[np.abs(np.abs(u - 0.5) - one.reach) > 1e-5]  # float32 rounds the edges
    out, pieces = np.full_like(u, np.nan), np.full_like(u, np.nan)
    one.fill(u, 0.5, out)
    expected = one.derivative(u.astype(np.float64) - 0.5)
    np.testing.assert_allclose(out, expected, rtol=bar, atol=bar * expected.max())
    for part in (slice(0, 1000), slice(1000, None)):
        one.fill(u[part], 0.5, pieces[part])
    np.testing.assert_array_equal(pieces, out)


@pytest.mark.parametrize("kind", FOUND)
@pytest.mark.parametrize("width", [0, -1.0, math.nan, math.inf, "1", None, True])
def test_a_width_that_is_none_is_refused(kind, width):
    with pytest.raises(eventsnn.UserError, match=f"surrogate {kind}: width is .*give a number"):
        FOUND[kind](width)


def test_the_four_of_wu_2018_have_the_values_of_their_table(shared):
    table = json.loads((shared / "golden" / "stbp" / "stbp_vectors.json").read_text())["surr"]
    d = np.array([-2.5, -1, -0.49, -0.2, 0, 0.3, 0.5, 1.5])
    names = ("rectangle", "triangle", "logistic", "gaussian")
    for key, name in zip(("h1", "h2", "h3", "h4"), names, strict=True):
        for width in (1.0, 0.5):
            found = FOUND[name](width).derivative(d)
            np.testing.assert_allclose(found, table[key][f"a={width:g}"], rtol=0, atol=1e-10)
