"""Work in parts on a board, and lists of named tuples, as kernels take them."""

import threading
from typing import NamedTuple

import numpy as np
import pytest
from numba import int64
from numpy.typing import NDArray

from eventsnn.kernels.board import Board, await_others, close, closed, done, put_up, rest, taken
from eventsnn.kernels.compile import threaded
from eventsnn.kernels.listed import Listed, listed


@threaded
def lead(board, marks):
    for work in range(len(marks)):
        put_up(board, work, 1 + work % marks.shape[1])
        found, part = taken(board, 0)
        while part >= 0:
            marks[found, part] += 1
            done(board)
            found, part = taken(board, 0)
        await_others(board)
        # Whoever took a part had done it: nothing is written later.
        for part in range(marks.shape[1]):
            marks[work, part] = -marks[work, part]


@threaded
def follow(board, marks, mine):
    n = 0
    while not closed(board):
        work, part = taken(board, mine)
        if part >= 0:
            marks[work, part] += 1
            n += 1
            done(board)
        else:
            rest(int64(board.give_way))
    return n


@pytest.mark.parametrize("helpers", [0, 1, 3])
def test_each_part_of_each_work_is_done_once_whoever_comes(helpers):
    board, marks = Board.fresh(5), np.zeros((3000, 5), np.int64)
    follow(board._replace(words=board.words.copy() + 1), marks, 1)  # it is closed: compiled only
    threads = [threading.Thread(target=follow, args=(board, marks, 1 + k)) for k in range(helpers)]
    for thread in threads:
        thread.start()
    lead(board, marks)
    close(board)
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    parts = 1 + np.arange(3000) % 5
    np.testing.assert_array_equal(marks, -(np.arange(5) < parts[:, None]).astype(int))


class Thing(NamedTuple):
    numbers: NDArray[np.float64]
    factor: int
    pair: tuple[NDArray[np.float64], int]


@threaded
def total(things, n):
    found = 0.0
    for k in range(n):
        thing = listed(things, int64(k))
        found += thing.factor * thing.numbers[0] + thing.pair[0][1] * thing.pair[1]
        thing.numbers[0] += 1
    return found


def test_a_list_of_named_tuples_is_read_by_number_and_shares_their_arrays():
    for n in (1, 5):
        things = [Thing(np.full(2, k + 1.0), k, (np.arange(3.0) * k, 7)) for k in range(n)]
        made = Listed(things)
        for again in range(2):
            assert total(made, n) == sum(k * (k + 1 + again) + 7 * k for k in range(n))
        assert things[0].numbers[0] == 3.0


def test_a_list_holds_things_of_one_type():
    with pytest.raises(TypeError, match="thing 1 is a"):
        Listed([(np.zeros(1), 1), (np.zeros(1, np.float32), 1)])
