"""What README and docs tell a reader to type can be typed: files are there, options are known, and
what needs no data of the reader's own runs."""

import json
import re
import runpy
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import typer
from typer.main import get_command

import eventsnn
from eventsnn.cli.app import app

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
WRITES = {"--out", "--figure", "--figures", "--html"}


def fences(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def commands():
    """Every ``eventsnn COMMAND ...`` of a page, in fences and in the text."""
    for page in PAGES:
        text = page.read_text()
        lines = [line for block in fences(page, "") for line in block.splitlines()]
        lines += re.findall(
            r"`(eventsnn [^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
        )
        for line in lines:
            line = re.sub(r"^python3 run.py (?!test)", "eventsnn ", line)
            if re.match("eventsnn [a-z]", line):
                yield page.relative_to(ROOT), shlex.split(line.split(" > ")[0], comments=True)[1:]


def typed_commands():
    """The same of the blocks that ``test_doc_blocks.py`` runs, or that say they do not run."""
    for page in PAGES:
        for block in re.findall(r"^```bash.*?\n(.*?)^```", page.read_text(), re.DOTALL | re.M):
            for line in block.replace("\\\n", " ").splitlines():
                if re.match("eventsnn [a-z]", line):
                    words = shlex.split(line.split(" > ")[0], comments=True)[1:]
                    yield page.relative_to(ROOT), words


COMMANDS = list(commands())
TYPED = list(typed_commands())


def told(case):
    return f"{case[0]}: {' '.join(case[1])}" if isinstance(case, tuple) else str(case)


def test_the_commands_of_the_pages_are_found():
    assert len(COMMANDS) > 20
    named = {words[0] for _, words in COMMANDS + TYPED}
    assert named == {"train", "evaluate", "simulate", "measure", "compare", "film", "bench",
                     "reproduce", "front", "export", "exchange", "live", "send",
                     "quantize", "sweep"}  # fmt: skip


@pytest.mark.parametrize("case", COMMANDS + TYPED, ids=told)
def test_every_command_and_option_on_a_page_is_known(case):
    command, words = get_command(app), iter(case[1])
    while hasattr(command, "commands"):
        command = command.commands[next(words)]
    options = command.get_params(typer.Context(command))
    known = {name for option in options for name in (*option.opts, *option.secondary_opts)}
    assert {word for word in case[1] if word.startswith("--")} <= known


@pytest.mark.parametrize("case", COMMANDS, ids=told)
def test_every_file_that_a_command_on_a_page_reads_is_there(case):
    _, words = case
    for before, word in pairwise(words):
        if before not in WRITES and re.search(r"\.(toml|npy|bin|json|py)$", word):
            assert re.search("[A-Z]{3,}", word) or (ROOT / word).exists(), word


def test_every_file_of_the_project_that_a_page_names_is_there():
    made = {"model.json", "result.json"}  # by commands
    rooms = ("eventsnn", "tests", "examples", "docs")
    files = [f"/{path.name}" for path in ROOT.glob("*.py")]
    files += [path.as_posix() for room in rooms for path in (ROOT / room).rglob("*.*")]
    for page in PAGES:
        for name in re.findall(r"`([\w/.-]+\.(?:py|toml))`", page.read_text()):
            found = name in made or any(file.endswith(f"/{name}") for file in files)
            assert found, f"{page.name}: {name}"
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


OWN_DATA = re.compile(r"NAME|PATH|FILE|DIR|LAYERS|LEVELS|NETWORK|PAPER|shared")
LIMITS = {
    "train": ["--limit", "20", "--epochs", "1"],
    "film": ["--limit", "20"],
    "evaluate": ["--limit", "20"],
    "measure": ["--limit", "20"],
    "compare": ["--limit", "20"],
    "simulate": [],
}
RUNS = {
    tuple(words): None
    for _, words in COMMANDS
    if words[0] in LIMITS
    and (words[0] == "train" or len(words) > 2)
    and not OWN_DATA.search(" ".join(words))
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder where ``eventsnn train`` was called twice, and where the project's files are."""
    from eventsnn.commands.console import ERR
    from eventsnn.commands.train import train

    folder = tmp_path_factory.mktemp("project")
    (folder / "examples").symlink_to(ROOT / "examples")
    for k in (1, 2):
        given = {"limit": 20, "layers": "2312-8-10", "epochs": 1, "seed": k}
        train(given, folder / "runs" / f"digits-{k}", False, 1, False, ERR)
    return folder


@pytest.mark.parametrize("words", RUNS, ids=" ".join)
def test_a_command_that_needs_no_data_of_ones_own_runs(words, trained, call, monkeypatch):
    monkeypatch.chdir(trained)
    code, out, err = call(*words, *LIMITS[words[0]])
    assert code == 0, err
    for before, name in pairwise(words):
        if before in WRITES:
            assert (trained / name).stat().st_size > 1000
    found = {
        "train": r'test accuracy|"test_accuracy"',
        "simulate": r"label \d",
        "measure": "cmos45",
        "compare": "runs/digits-2",
        "film": '"recordings": 20',
        "evaluate": "accuracy",
    }
    assert re.search(found[words[0]], out)


def small_network():
    from eventsnn.network import Connection, Network, Population
    from eventsnn.neurons.cuba_lif import CubaLIF
    from eventsnn.topology.dense import Dense

    neuron = CubaLIF(tau_mem_us=20_000, tau_syn_us=5_000)
    network = Network(
        (Population("input", (2,)), Population("output", (2,), neuron)),
        (Connection("input", "output", Dense(2, 2)),),
    )
    return network, [np.array([[9.0, 7.0], [7.0, 9.0]])]


def names_of_simulate():
    from eventsnn.engines import State, simulate

    network, weights = small_network()
    stream = eventsnn.EventStream([1000, 3000], [0, 0], (1, 1, 2), duration=50_000)
    later = eventsnn.EventStream([60_000], [0], (1, 1, 2), duration=90_000)
    return {"simulate": simulate, "State": State, "network": network, "weights": weights,
            "events": stream, "stream": stream, "next_stream": later}  # fmt: skip


def names_of_eventprop():
    from eventsnn.losses import FirstSpike
    from eventsnn.rules.eventprop.gradients import errors_of, eventprop

    rows = [eventsnn.EventStream([1000], [k], (1, 1, 2), k, 50_000) for k in (0, 1)]
    more = {"FirstSpike": FirstSpike, "errors_of": errors_of, "eventprop": eventprop}
    return names_of_simulate() | more | {"batch": eventsnn.EventBatch.from_streams(rows)}


def names_of_data():
    events = np.array([(5, 6, 10, 1), (7, 8, 90, 0)], [(n, int) for n in "xytp"])
    return {"EventStream": eventsnn.EventStream, "events": events, "sensor_size": (34, 34, 2)}


NAMES = {
    "README.md": dict,
    "layers.md": dict,
    "formats.md": names_of_data,
    "eventprop.md": names_of_eventprop,
}


def few_digits(monkeypatch):
    whole = eventsnn.open_data
    monkeypatch.setattr(eventsnn, "open_data", lambda word: whole(word, limit=60), raising=False)


@pytest.mark.parametrize("name", NAMES)
def test_the_python_of_a_page_runs(name, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    few_digits(monkeypatch)
    page = next(page for page in PAGES if page.name == name)
    blocks = fences(page, "python")
    made = NAMES[name]()
    for block in blocks:
        exec(compile(block, name, "exec"), made)
    assert blocks
    told = SimpleNamespace(**made)
    if name == "README.md":
        out = capsys.readouterr().out
        assert int(re.match(r"(\d+)% of 50 new", out)[1]) >= 90
        assert "spikes: input 800, hidden1" in out and "additions, 4" in out
    if name == "layers.md":
        rows = [line.split() for line in capsys.readouterr().out.splitlines()]
        assert [row[0] for row in rows if row[2] == "False"] == ["conv2->pool1"]
    if name == "eventprop.md":
        assert np.isfinite(told.gradients.weights[0]).all() and told.gradients.weights[0].any()
    if name == "formats.md":
        assert told.stream.shape == (2, 34, 34) and told.stream.x.tolist() == [5, 7]
        data = eventsnn.open_data("events:mine.events")
        assert (len(data.train), len(data.test), data.n_classes) == (24, 6, 3)
        first = next(stream for stream in data.train if stream.label == 2)
        assert first.x.tolist() == [43] * 3 and first.y.tolist() == [5, 6, 7]
        assert first.polarity.tolist() == [1, 0, 1] and first.duration == 1000


def test_every_block_of_python_is_python():
    for page in PAGES:
        for block in fences(page, "python"):
            compile(block, page.name, "exec")


def test_the_pages_of_options_are_what_the_code_declares():
    made = runpy.run_path(str(ROOT / "docs" / "options_page.py"))["pages"]()
    folder = ROOT / "docs" / "reference" / "options"
    there = {path.name: path.read_text() for path in folder.glob("*.md")}
    assert there == made, "run docs/options_page.py"


def test_the_page_of_commands_is_what_parses_them():
    made = runpy.run_path(str(ROOT / "docs" / "cli_page.py"))["pages"]()
    assert len(made) == 4
    for name, text in made.items():
        assert (ROOT / "docs" / "reference" / name).read_text() == text, "run docs/cli_page.py"


def test_the_pages_of_the_python_names_have_each_of_them_once():
    # In a process of its own: a test of this one may have registered things.
    script = f"import json, runpy; pages = runpy.run_path({str(ROOT / 'docs/api_pages.py')!r})"
    words = [sys.executable, "-c", f"{script}['pages'](); print(json.dumps(pages))"]
    made = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    folder = ROOT / "docs" / "reference" / "api"
    for name, text in made.items():
        assert (folder / name).read_text() == text, "run docs/api_pages.py"
    names = re.findall("^::: .*[.](.+)$", "".join(made.values()), re.M)
    public = {n for n in eventsnn.__all__ if callable(getattr(eventsnn, n))}
    assert public <= set(names) and len(names) == len(set(names)) > 35


def test_every_page_stands_in_the_menu_of_the_site_once():
    menu = re.findall(r"([\w/.-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M)
    docs = ROOT / "docs"
    there = [page.relative_to(docs).as_posix() for page in PAGES if docs in page.parents]
    assert sorted(menu) == sorted(there), "add the page to nav in mkdocs.yml"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_is_longer_than_a_quarter_of_an_hour(page):
    assert len(page.read_text().split()) <= 1500


def test_the_drawings_of_the_pages_are_those_of_the_script():
    made = runpy.run_path(str(ROOT / "docs" / "figures.py"))["drawings"]()
    shown = "".join(page.read_text() for page in PAGES)
    for name, text in made.items():
        assert (ROOT / "docs" / name).read_text() == text, "run docs/figures.py"
        assert f"]({Path(name).name})" in shown and len(text) < 10_000
