"""Every example runs, and those that promise figures print them."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).resolve().parents[1] / "examples").glob("*.py"))
PROMISED = {
    "one_neuron": "spike at 30000 us, potential 1.1385 before the reset",
    "delay_line": "and then:      6 at 2100, 7 at 2800, 8 at 3600, 9 at 4500",
    "cost_of_an_answer": "10.8 synaptic operations an event",
    "exact_gradients": "one weight: gradient -0.008143, central difference -0.008143",
    "recurrent_inhibition": "the busiest population is excitatory",
    "reproduce_two_rows": "T = 1000: difference to the ReLU network 0.000",
}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_runs_and_prints_what_it_promises(example, tmp_path):
    words = [sys.executable, str(example)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert PROMISED.get(example.stem, "") in done.stdout
