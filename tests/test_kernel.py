"""How kernels are compiled: which of them Python can call."""

import pytest

from eventsnn.kernels.compile import inlined, kernel, threaded


@kernel
def _twice(x):
    return 2 * x


@inlined
def _more(x):
    return x + 1


@threaded
def _both(x):
    return _more(_twice(x))


def test_kernels_call_each_other_and_python_those_made_for_it():
    assert _both(20) == 41


@pytest.mark.parametrize("function", [_twice, _more])
def test_a_kernel_without_an_entry_says_so_where_python_calls_it(function):
    with pytest.raises(TypeError, match=f"{function.py_func.__name__} is for kernels alone"):
        function(1)
