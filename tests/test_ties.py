"""Simultaneous events are put in order of unit, however many there are."""

import numpy as np
import pytest

from eventsnn.engines.layered.ties import room_for, sort_ties
from eventsnn.kernels.compile import threaded


@threaded
def ordered(t, unit, room):
    sort_ties(t, unit, room)


@pytest.mark.parametrize(("instants", "units"), [(3, 70_000), (60, 900), (2_000, 3)])
def test_ties_of_any_length_are_sorted_by_unit_and_times_stay(instants, units):
    rng = np.random.default_rng(instants)
    t = np.sort(rng.integers(0, instants, 3_000))
    unit = rng.integers(0, units, 3_000, np.int32)
    wanted, before = unit[np.lexsort((unit, t))], t.copy()
    ordered(t, unit, room_for(len(t)))
    np.testing.assert_array_equal(unit, wanted)
    np.testing.assert_array_equal(t, before)
