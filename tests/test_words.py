"""Names from outside are shown as they are: in every line, table, bar, figure, page and message."""

import io
import re
import shlex
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest

from eventsnn.commands.console import Console
from eventsnn.errors import DataError, UserError
from eventsnn.events import EventStream
from eventsnn.report import plots
from eventsnn.report.style import PAGE, svg_of
from eventsnn.text import cut, drawn, marked, plain, quoted, shown

ROOT = Path(__file__).resolve().parents[1]

# What was given, and what people see.
NAMES = {
    "[/x]": "[/x]",
    "[red]a[/red]": "[red]a[/red]",
    ":boom:": ":boom:",
    "a$\\foo$b": "a$\\foo$b",
    "$x$ \\$y": "$x$ \\$y",
    "_hidden": "_hidden",
    "\x1b[31mred\x1b[0m\x07": "\\x1b[31mred\\x1b[0m\\x07",
    "two\nlines\r\t": "two\\nlines\\r\\t",
    "\x9b31m\x7f": "\\x9b31m\\x7f",
    "exe\u202egpj.x": "exe\\u202egpj.x",
    "a\u2028b\u200b": "a\\u2028b\\u200b",
    "\udcff\udc80": "\\xff\\x80",
    "\ud800": "\\ud800",
    "<b>&amp;\"'": "<b>&amp;\"'",
    "äß 日本 🙂": "äß 日本 🙂",
    "{x} %s \\n": "{x} %s \\n",
}
ids = [plain(name) for name in NAMES]
each_name = pytest.mark.parametrize(("name", "seen"), NAMES.items(), ids=ids)


@each_name
def test_plain_text_is_escaped_as_python_would_write_it(name, seen):
    assert plain(name) == seen and plain(seen) == seen
    assert plain(7) == "7"


def test_long_text_keeps_its_begin_and_its_end():
    assert cut("a" * 1500) == "a" * 1500
    text = cut("begin " + "x" * 1_380_000 + " end")
    assert text.startswith("begin xxx") and text.endswith("xxx end") and len(text) < 1600
    assert "(1,378,510 letters left out)" in text


def test_no_message_of_an_error_is_longer_than_a_screen():
    for kind in (UserError, DataError):
        error = kind(f"there: shape {list(range(200_000))}; give three sizes")
        assert len(str(error)) < 1600
        assert str(error).startswith("there: shape [0, 1") and str(error).endswith("three sizes")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\x1b\n", "'a\\x1b\\n'"),
        (np.float64(0.5), "0.5"),
        (np.arange(2.0), "float64 array (2,) [0.0, 1.0]"),
        (np.zeros((30, 20), np.int8), "int8 array (30, 20) [0, 0, 0, ...]"),
        ([1, "a", None], "[1, 'a', None]"),
        ((2, 34, 34), "(2, 34, 34)"),
        ([[[[[7]]]]], "[[[[...]]]]"),
        (10**5000, "a number of thousands of digits"),
    ],
    ids=range(8),
)
def test_a_value_in_a_message_is_short(value, text):
    assert shown(value) == text


def test_no_value_is_long_in_a_message():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    many = [deep, "x" * 10**6, list(range(10**5)), {i: "y" * 999 for i in range(999)}]
    many += [np.full(99, "z" * 10**4), np.zeros((1,) * 60), ["\x1b" * 99] * 99]
    for value in many:
        assert len(shown(value)) < 250 and shown(value).isprintable()


@each_name
def test_a_name_is_shown_in_html_and_cannot_be_html(name, seen):
    from html.parser import HTMLParser

    found = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.extend([tag, *attrs])

        def handle_data(self, data):
            found.append(data)

    reader = Reader(convert_charrefs=True)
    reader.feed(f'<p title="{marked(name)}">{marked(name)}</p>')
    reader.close()
    assert found == ["p", ("title", seen), seen]


@each_name
def test_a_quoted_name_is_one_word_of_a_shell(name, seen):
    if "\ud800" in name:
        assert quoted(name) == "$'\\xed\\xa0\\x80'"  # no shell can have this one
        return
    script = f"printf %s {quoted(name)}"
    assert plain(script) == script
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True)
    assert done.stdout == name.encode("utf-8", "surrogateescape")


def test_a_quoted_name_is_no_option():
    assert [quoted(word) for word in ("runs/a", "a b", "-x")] == ["runs/a", "'a b'", "./-x"]
    assert shlex.split(quoted("it's")) == ["it's"]
    assert quoted("it's\x1b\\") == "$'it\\x27s\\x1b\\x5c'"


def console(width=500, terminal=False):
    out = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)
    return out, lambda: out.file.getvalue()


@each_name
@pytest.mark.parametrize("terminal", [False, True])
def test_lines_tables_and_titles_show_a_name_as_it_is(name, seen, terminal):
    from rich.table import Table

    out, text = console(terminal=terminal)
    out.print(f"picture: {name}")
    table = Table(name, title=name, caption=name, box=None)
    table.add_row(name)
    out.print(table)
    lines = [line.strip() for line in text().splitlines()]
    assert lines == [f"picture: {seen}", seen, seen, seen, seen]


@each_name
def test_bars_show_a_name_as_it_is(name, seen):
    from eventsnn.commands.progress import Bar, progress_bars

    out, text = console(terminal=True)
    with progress_bars(out) as bars:
        bar = Bar(bars, name)
        bar(1, 2)
        bars.update(bars.task_ids[0], note=name)
    assert text().count(seen) >= 2
    shown_text = re.sub(r"\x1b\[\?25[lh]|\x1b\[\d*[AK]", "", text())  # rich's own: cursor and lines
    assert "\x1b" not in shown_text or "\x1b" not in name


def small_result(name):
    names = [name, f"{name}b"]
    return {
        "duration_us": 1e6,
        "network": {
            "populations": [{"name": n, "neurons": 4, "model": name} for n in names],
            "connections": [
                {"name": f"{name}->", "source": names[0], "target": names[1], "topology": "dense"}
            ],
        },
        "operations": {
            "deliveries": {f"{name}->": 12.0},
            "spikes": {n: 12.0 for n in names},
        },
        "energy": [{"model": name, "total_nj": 3.0}],
    }


def figures_of(name):
    compared = {"operations": {"operations_per_recording": 3.0}, "anytime": {}, "accuracy": 0.5}
    train = (name, 4, np.arange(3.0), np.arange(3))
    return {
        "traces": plots.plot_traces({name: (np.arange(3.0), np.arange(3.0))}, 1.0, PAGE),
        "raster": plots.plot_raster([train, train], name, PAGE),
        "graph": plots.plot_traffic_graph(small_result(name), PAGE),
        "energy": plots.plot_energy(small_result(name), PAGE),
        "compared": plots.plot_compared([(name, compared)], PAGE),
    }


DRAWN = [n for n in NAMES if re.search(r"[$_<\[]|\x1b|ff|\u202e", n)]


@pytest.mark.parametrize("name", DRAWN, ids=map(plain, DRAWN))
def test_figures_draw_a_name_as_it_is_and_pages_hold_it_as_text(name):
    import xml.etree.ElementTree as Xml

    for kind, figure in figures_of(name).items():
        tree = Xml.fromstring(svg_of(figure, "f"))
        texts = [e.text for e in tree.iter() if e.text and e.text.strip()]
        assert any(NAMES[name] in text for text in texts), (kind, texts)


def test_a_name_that_is_a_colour_or_an_id_of_the_page_stays():
    for name in ("#010203", 'id="x"', "url(#x)", 'href="#y"'):
        svg = svg_of(figures_of(name)["compared"], "f")
        assert f">{name}</text>" in svg or f"> {name}</text>" in svg


def test_letters_that_a_font_has_not_are_escaped_in_figures():
    assert drawn("äµ±日\U00020000") == "äµ±\\u65e5\\U00020000"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg_of(figures_of("日本")["compared"], "f")


def test_dollars_and_underscores_reach_a_figure():
    assert drawn("a$b$") == "a\\$b\\$" and drawn("_a") == " _a" and drawn("a_b") == "a_b"
    assert len(drawn("x" * 5000)) < 250


def test_only_one_file_makes_consoles_and_nothing_is_printed_past_them():
    for path in sorted((ROOT / "eventsnn").rglob("*.py")):
        text = path.read_text()
        if path.name != "console.py":
            assert not re.search(r"from rich\.console import|RichConsole|from_markup", text), path
            assert "TextColumn" not in text and "rich.print" not in text, path
        prints = [line.strip() for line in text.splitlines() if re.match(r"\s*print\(", line)]
        for line in prints:
            told = line.startswith(("print(json.dumps(", "print(eventsnn.__version__)"))
            assert told or line.startswith('print("error: " + plain('), f"{path}: {line}"


def test_only_one_file_escapes_html():
    for path in sorted((ROOT / "eventsnn").rglob("*.py")):
        if path.name != "text.py":
            assert not re.search(r"from html import|html\.escape", path.read_text()), path


def test_on_broken_pipes_the_command_line_decides():
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        Console(file=Closed()).print("a")


def test_columns_in_the_place_of_a_shape_are_told_where_they_go():
    column = np.arange(100_000)
    with pytest.raises(DataError, match="from_structured takes columns x, y, t, p") as stop:
        EventStream(column, column, column, column)
    assert len(str(stop.value)) < 300
