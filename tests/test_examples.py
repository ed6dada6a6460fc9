"""Every example runs, and what it prints is right: a number or a fact of each is stated here."""

import ast
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).resolve().parents[1] / "examples").rglob("*.py"))


def numbers(pattern, out):
    """All numbers that a pattern's one group finds."""
    found = [float(n.replace(",", "")) for n in re.findall(pattern, out)]
    assert found, f"{pattern} is not in {out}"
    return found


def one_neuron(out):
    # 0.7 exp(-29/10) + 0.7 + 0.4; then 0.7 on what is left of 0.1385 after 0.4 ms: no spike.
    assert out == "spike at 30000 us, potential 1.1385 before the reset\n"


def accuracy_against_cost(out):
    rows = re.findall(r"(.+), (.+): ([\d.]+)%, ([\d,]+) operations", out)
    assert {row[0] for row in rows} == {"adjoint", "relu"}
    cost = {row[:2]: int(row[3].replace(",", "")) for row in rows}
    assert cost["relu", "all synapses"] == 2312 * 20 + 200 > cost["relu", "zeros skipped"]
    whole = cost["adjoint", "to the end"]
    assert all(n < whole for (name, how), n in cost.items() if how.startswith("margin"))
    assert "nothing beats" in out and "all synapses" not in out.splitlines()[-1]


def try_many_options(out):
    assert out.startswith("exit codes: [0, 0]\n")
    rows = re.findall(r"trial (\d): 2312-(\d+)-10, .*: (\d+)%, ([\d,]+) operations(.*)", out)
    assert [row[0] for row in rows] == list("0123")
    # A spike of the input costs an addition for each hidden neuron.
    cost = {row[0]: int(row[3].replace(",", "")) / int(row[1]) for row in rows}
    assert max(cost.values()) < 1.1 * min(cost.values())
    best = [row for row in rows if row[4]]
    assert best and max(rows, key=lambda row: int(row[2]))[2] == max(b[2] for b in best)


def share_out_a_training(out):
    assert out == "weights of 2 layers, equal to the last bit: True\n"


def whole_numbers(out):
    rows = re.findall(r"(.+): ([\d.]+)%, ([\d,]+) bytes", out)
    sizes = [int(row[2].replace(",", "")) for row in rows]
    accuracy = [float(row[1]) for row in rows]
    assert sizes == [4 * 69_660, 69_660, 34_830, 17_415]
    assert accuracy[0] > 50 and abs(accuracy[1] - accuracy[0]) < 2
    assert "the same bits: True" in out
    assert numbers(r"potential is ([\d,]+);", out)[0] < 2**31


def network_in_c(out):
    fired = numbers(r": (\d+) spikes", out)
    assert fired[0] > 10 and fired[1:] in ([], fired[:1])
    assert len(fired) == 2 or "no gcc here" in out


def learn_where_to_look(out):
    whole, pruned = numbers(r": ([\d.]+)% right", out)
    assert whole > 85 and pruned > whole - 6
    additions = numbers(r"([\d,]+) additions", out)
    assert additions[0] > 4 * additions[1]


def stop_when_clear(out):
    whole, stopped = numbers(r": ([\d.]+)%", out)
    assert whole > 90 and stopped > whole - 2
    additions = numbers(r"([\d,]+) additions", out)
    assert additions[0] > 5 * additions[1]


def constant_current(out):
    rates = re.findall(r"([\d.]+) Hz, the formula ([\d.]+) Hz", out)
    assert len(rates) == 6 and all(found == formula for found, formula in rates)
    assert numbers(r"(\d+) spikes", out) == [0, 27, 50, 84, 1, 27, 50, 85]
    # -70 + 14 (1 - exp(-2.5)) + 4, at the threshold and more.
    assert "neuron 0 reached -53.149 mV" in out


def delay_line(out):
    assert "up to 1950 us: 0 at 0, 1 at 100, 2 at 300, 3 at 600, 4 at 1000, 5 at 1500\n" in out
    assert "and then:      6 at 2100, 7 at 2800, 8 at 3600, 9 at 4500" in out


def convolutions(out):
    # The weights are scaled until a kernel fires 0.15 times a neuron.
    assert numbers(r"conv1: [\d.]+ -> ([\d.]+) spikes", out) == [0.15]
    right = numbers(r"epoch \d: ([\d.]+)% right", out)
    assert len(right) == 4 and right[0] < right[-1] and right[-1] > 78


def potentials_instead_of_steps(out):
    right = numbers(r"(\d+)% right while learning", out)
    assert len(right) == 5 and right[0] < right[-1] and right[-1] > 65
    assert numbers(r"has (\d+) times", out)[0] > 100


def surrogate_gradients(out):
    apart = numbers(r"differs by ([\d.e-]+) of the largest", out)
    assert len(apart) >= 5 and max(apart) < 1e-12
    assert min(numbers(r"(\d+) times fewer adds", out)) > 10


def deep_residual(out):
    gains = numbers(r"gradient by ([\d.]+)", out)
    assert gains[0] > 1.8 and 0.85 < gains[1] < 1.05 and gains[2] < 0.5
    assert numbers(r"([\d.]+)% right", out)[0] > 95
    assert "folded: 5 of 5 layers fire the same spikes" in out


def cost_of_an_answer(out):
    # An event goes to ten neurons; about one in twelve sends a spike on to ten outputs.
    assert "10.8 synaptic operations an event" in out and "accuracy 99.8%" in out
    (cost,) = numbers(r"([\d,]+) a right answer", out)
    assert cost == pytest.approx(400 * 10.8 / 0.998, rel=0.01)
    (saved,) = numbers(r"saves (\d+)% of them and loses", out)
    assert 40 < saved < 80


def a_stream_in_a_session(out):
    (right,) = numbers(r"(\d+) of 10 at the end of each", out)
    (answers,), (seconds,) = numbers(r"(\d+) answers", out), numbers(r"in ([\d.]+) s", out)
    assert right >= 6 and 100 * seconds == pytest.approx(answers, abs=6)
    lines = re.findall(r"^(\d): ([\d.]+)  [\d,]+ synaptic additions$", out, re.M)
    assert len(lines) == 10 and sum(line[-1] == label for label, line in lines) == right


def learn_along_a_stream(out):
    rows = re.findall(r"^(.+): (\d+)% along the stream, (\d+)% of the test half$", out, re.M)
    mixed, forgets, keeps = (int(row[2]) for row in rows)
    assert mixed > 50 > 30 > forgets and keeps > forgets + 25


def answer_at_any_moment(out):
    (right,) = numbers(r"([\d.]+)% right in the last pass, of 300 events", out)
    unseen, adds = numbers(r"ms: ([\d.]+)% of unseen", out), numbers(r"digits, ([\d,]+) add", out)
    assert right > 65 and unseen == sorted(unseen) and unseen[-1] > 90 and unseen[0] < 20
    assert adds == sorted(adds) and adds[-1] > 5 * adds[1]


def exact_gradients(out):
    pair = re.search(r"gradient (-?[\d.]+), central difference (-?[\d.]+)", out).groups()
    assert pair == ("-0.008143", "-0.008143")
    right = numbers(r"test accuracy ([\d.]+)%", out)
    assert right[0] < 60 and right[-1] > 80


def fewer_spikes(out):
    right, spikes = numbers(r"([\d.]+)% right", out), numbers(r"(\d+) hidden spikes", out)
    assert min(right) > 84 and len(right) == 2
    # Drawn to one spike a neuron, of which there are 60.
    assert spikes[0] > 200 and 45 < spikes[1] < 120


def adaptive_lif(out):
    right = numbers(r"([\d.]+)% of digits", out)
    assert len(right) == 2 and min(right) > 80
    engines = re.findall(r"^(\w+): (\d+) spikes, the sum of their times (\d+) us$", out, re.M)
    assert [name for name, *_ in engines] == ["reference", "asynchronous", "feedforward"]
    assert len({tuple(found) for _, *found in engines}) == 1 and int(engines[0][1]) > 100


def focal_loss(out):
    focal, usual = numbers(r": ([\d.]+)% of digits", out)
    assert focal > 50 and usual > 50 and focal != usual


def film_a_picture(out):
    (total,), (off,), (on,) = (numbers(rf"(\d+){n}", out) for n in (" events in",
                               "(?= events\nON)", " events\npicture"))  # fmt: skip
    assert off + on == total and total == pytest.approx(7213, rel=0.02)
    # The ring darkens as many pixels as it brightens.
    assert abs(off - on) < 0.1 * total and "in 320000 us" in out


def learn_by_spikes(out):
    right = numbers(r"epoch \d: ([\d.]+)% right", out)
    assert right == sorted(right) and right[-1] > 93
    (unseen,) = numbers(r"([\d.]+)% of digits that it has not seen", out)
    assert 92 < unseen < 100
    # The most frequent mistake is one of at most (100 - unseen) % of 360.
    (times,) = numbers(r"is taken for a \d: (\d+) times", out)
    assert 1 <= times <= (100 - unseen) / 100 * 360


def paper_two_rows(out):
    papers = re.search(r"^papers: (.*)$", out, re.M)[1].split(", ")
    assert {"deep-spiking-networks", "nearest-neighbours"} < set(papers)
    errors = numbers(r"error ([\d.]+) %", out)
    # Pixels tell more than counts of events; guessing errs on 90 %.
    assert len(errors) == 2 and 0 < errors[0] < errors[1] < 10
    assert "'shown'" in out and "'met'" not in out
    assert "the paper has images and no recordings" in out


def layer_strings(out):
    stays = re.findall(r"^  (\S+) .* stays$", out, re.MULTILINE)
    assert stays == ["input->hidden1", "hidden1->hidden1", "conv2->pool1"]
    assert len(re.findall(" learns$", out, re.MULTILINE)) == 7
    assert numbers(r"starts with ([\d.]+) spikes", out)[0] == pytest.approx(2, abs=0.2)
    losses = numbers(r"loss ([\d.]+)", out)
    assert len(losses) == 4 and losses[-1] < 0.9 * losses[0]


def perceptron_rule(out):
    right = numbers(r"epoch \d: ([\d.]+)% of digits", out)
    (wrong,) = numbers(r"(\d+) mistakes, and as many updates", out)
    # Of 900 recordings that it learned; a guess is right in a tenth.
    assert len(right) == 3 and right[0] < right[-1] and right[-1] > 60 and 200 < wrong < 500


def balanced_network(out):
    rates = numbers(r"([\d.]+) spikes a second", out)
    irregularity = numbers(r"irregularity ([\d.]+)", out)
    # Far from the 50 Hz of the drive alone, and as irregular as a Poisson process, which has 1.
    assert all(15 < rate < 30 for rate in rates) and len(rates) == 2
    assert all(0.8 < cv < 1.1 for cv in irregularity)
    assert numbers(r"noise ([\d,]+)", out)[0] == pytest.approx(2e6, rel=0.005)
    mean, around = numbers(r"mean (-?[\d.]+) mV", out)[0], numbers(r"([\d.]+) around", out)[0]
    assert mean + 1.5 * around < 20  # spikes are made by what varies


def recurrent_inhibition(out):
    held, loose = out.split("inhibition x 0.0:")
    assert "more than 60000 spikes; the busiest population is excitatory" in loose
    spikes = dict(re.findall(r"^(\w+) +(\d+) ", held, re.MULTILINE))
    assert 1900 < int(spikes["input"]) < 2100
    assert int(spikes["excitatory"]) + int(spikes["inhibitory"]) < 20_000


def reproduce_two_rows(out):
    differences = numbers(r"difference to the ReLU network ([\d.]+)", out)
    assert differences[0] > 0.1 and differences[-1] < 0.001
    assert "the published figures do not apply" in out


def text_reader(out):
    assert out == "32 recordings to learn, 8 to test, 8 events each, 2 classes\n"


def traffic_of_a_digit(out):
    rows = [ast.literal_eval(line) for line in out.splitlines() if line.startswith("{")]
    assert [row["population"] for row in rows] == ["input", "layer 1", "layer 2"]
    # A spike adds one weight to each neuron above: 100 of them, then 10.
    assert [r["synaptic_adds"] for r in rows] == [
        100 * rows[0]["spikes"],
        10 * rows[1]["spikes"],
        0,
    ]
    assert rows[0]["spikes"] == pytest.approx(3356, rel=0.02)
    assert rows[2]["busiest_units"][0][0] == 4  # the digit's class


def large_sensor(out):
    # Two recordings of each class differ by chance alone, and fill their 4 seconds.
    lines = out.splitlines()
    assert len(lines) == 10 and len(set(numbers(r"<EventStream ([\d,]+) events", out))) == 1
    assert numbers(r"label (\d)", out) == [0, 1] * 5 and out.count("60x80x2, 4,000 ms") == 10


def tonic_formats(out):
    # 11 of 12 classes of ten turns; a third of the classes of five; eight words of each of ten.
    assert numbers(r"has (\d+) recordings, stand-ins", out) == [240, 40, 80]


def train_on_vectors(out):
    assert numbers(r"accuracy on new vectors: ([\d.]+)", out)[0] > 0.96
    differences = numbers(r"difference to the ReLU network ([\d.]+)", out)
    # Ten times the steps, a tenth of the difference.
    assert len(differences) == 4 and differences[-1] < 0.001
    assert all(3 * after < before for before, after in pairwise(differences))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_runs_and_prints_what_is_right(example, tmp_path):
    words = [sys.executable, str(example)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    globals()[example.stem](done.stdout)


def test_every_example_is_checked():
    assert len(EXAMPLES) >= 12
    assert all(callable(globals().get(example.stem)) for example in EXAMPLES)
