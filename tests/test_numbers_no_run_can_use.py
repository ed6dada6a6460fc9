"""Options that no run can use are refused by name before anything is made."""

import pytest

from eventsnn.errors import UserError
from eventsnn.rules import find_rule


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--out", ""), "--out is ''; give a folder, or leave it out for a new one under runs/"),
        (("--rule", "adjoint", "--jitter-us", "1e300"), "jitter_us is 1e+300; give from 0 to"),
        (("--rule", "adjoint", "--silent-pull", "1e300"), "silent_pull is 1e+300; give from 0 to"),
        (("--rule", "adjoint", "--gain", "1e300"), "gain is 1e+300; give more than 0, at most"),
        (("--rule", "adjoint", "--init-output", "1e300"), "init_output is 1e+300; give more than"),
        (("--rule", "adjoint", "--spike-cost", "1e300"), "spike_cost is 1e+300; give from 0 to"),
        (("--rule", "adjoint", "--rate", "1e300"), "rate is 1e+300; give more than 0, at most"),
        (("--rule", "adjoint", "--rate", "inf"), "rate is inf; give a finite number, more than 0"),
        (("--threads", "9" * 20), "less than or equal to 65536"),
    ],
)
def test_train_refuses(call, tmp_path, monkeypatch, words, told):
    monkeypatch.chdir(tmp_path)
    code, out, err = call("train", *words)
    assert (code, out) == (2, "") and len(err.splitlines()) == 1
    assert told in err and not list(tmp_path.iterdir())


@pytest.mark.parametrize("rule", ["adjoint", "eventprop"])
def test_a_decay_that_turns_the_sign_of_weights_is_refused(rule):
    options = find_rule(rule).Options
    with pytest.raises(UserError, match=r"weight_decay is 600\.0; give less than 500, so that"):
        options(rate=0.002, weight_decay=600.0)
    assert options(rate=0.002, weight_decay=400.0).weight_decay == 400


@pytest.mark.parametrize("flag", ["--html", "--figures", "--energy", "--levels"])
def test_measure_takes_no_empty_name(call, flag):
    code, out, err = call("measure", "runs/none", flag, "")
    assert (code, out) == (2, "") and f"{flag[2:]} is ''; give the name of a file" in err


def test_measure_names_no_recordings_to_draw_where_nothing_is_drawn(call):
    code, out, err = call("measure", "runs/none", "--index", "4000")
    assert (code, out) == (2, "")
    assert "--index: names recordings to draw; give --html or --figures, too" in err
