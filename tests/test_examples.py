import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("one_neuron", "spike at 30000 us, potential 1.1385 before the reset"),
        ("delay_line", "and then:      6 at 2100, 7 at 2800, 8 at 3600, 9 at 4500"),
        ("recurrent_inhibition", "the busiest population is excitatory"),
    ],
)
def test_an_example_prints_what_its_head_promises(name, line, capsys):
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    assert line in capsys.readouterr().out
