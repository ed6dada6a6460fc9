"""The house keeps its shape: sizes, the direction of imports, no circle, each class name once.

What does not keep it yet stands in ``architecture.toml``. The list may only shrink: an entry
that is no longer needed, or says more than is so, fails here.
"""

import ast
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "eventsnn"
KEPT = tomllib.loads((Path(__file__).parent / "architecture.toml").read_text())

ROOMS = (
    *("text", "errors", "given", "options", "stopping", "threads", "memory", "registry"),
    "ranks",
    *("files", "kernels"),
    *("events", "filters", "neurons", "topology"),
    *("connectivity", "distributions", "generators"),
    *("network", "spikes", "record", "record_checked", "engines"),
    *("losses", "surrogates", "optimizers", "data", "rules", "train", "measure", "report"),
    *("exchange", "live", "reproduce", "bench", "sweep", "commands", "cli", "__init__", "__main__"),
)
"""A file imports only from rooms before its own."""

FILE, FUNCTION, ARGUMENTS = 300, 40, 7


@cache
def files():
    """Every file of the package, by its path below the project, parsed."""
    found = {p.relative_to(ROOT).as_posix(): p.read_text() for p in PACKAGE.rglob("*.py")}
    assert len(found) > 200
    return {name: (text, ast.parse(text)) for name, text in sorted(found.items())}


def module_of(name):
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def room_of(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def typing_only(node):
    """Whether a block is read by type checkers alone."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports(tree, at_start=False):
    """Modules of the package that a file imports; ``at_start`` leaves out those in functions."""
    modules = {module_of(name) for name in files()}
    out, left = set(), [tree]
    while left:
        node = left.pop()
        if typing_only(node) or (at_start and isinstance(node, ast.FunctionDef)):
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [f"{node.module}.{a.name}" for a in node.names]
            out |= {n if n in modules else node.module for n in names}
        elif isinstance(node, ast.Import):
            out |= {a.name for a in node.names}
        left += ast.iter_child_nodes(node)
    # The package itself is asked for its version alone.
    return {m for m in out if m.startswith("eventsnn.")}


def functions(tree):
    """Every function with its name within the file."""
    left = [(tree, "")]
    while left:
        node, above = left.pop()
        for child in ast.iter_child_nodes(node):
            name = above
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                name = f"{above}.{child.name}".lstrip(".")
                if isinstance(child, ast.FunctionDef):
                    yield name, child
            left.append((child, name))


def lines_of(function):
    """Lines of a function without its docstring and decorators."""
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    return (body[-1].end_lineno - body[0].lineno + 1 if body else 0) + 1


def arguments_of(function):
    a = function.args
    names = [x.arg for x in (*a.posonlyargs, *a.args, *a.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def too_large(kind):
    found = {}
    for name, (text, tree) in files().items():
        if kind == "files" and text.count("\n") > FILE:
            found[name] = text.count("\n")
        for function, node in functions(tree):
            size = {"functions": lines_of, "arguments": arguments_of}.get(kind, lambda _: 0)(node)
            if size > {"functions": FUNCTION, "arguments": ARGUMENTS}.get(kind, 0):
                found[f"{name}:{function}"] = size
    return found


def against_direction():
    """Imports from a room that is not before the file's own."""
    found = []
    for name, (_, tree) in files().items():
        room = room_of(module_of(name))
        assert room in ROOMS, f"{name}: in no room of the list"
        for other in imports(tree):
            if room_of(other) != room and ROOMS.index(room_of(other)) > ROOMS.index(room):
                found.append(f"{name} <- {other}")
    return sorted(found)


@pytest.mark.parametrize("kind", ["files", "functions", "arguments"])
def test_files_functions_and_arguments_are_few_enough(kind):
    found, kept = too_large(kind), KEPT[kind]
    new = {place: size for place, size in found.items() if size > kept.get(place, 0)}
    assert not new, f"too large; cut it: {new}"
    stale = {place: size for place, size in kept.items() if found.get(place, 0) < size}
    assert not stale, f"smaller now; say so in architecture.toml: {stale}"


def test_imports_go_one_way():
    found, kept = against_direction(), KEPT["imports"]["against"]
    assert sorted(set(found) - set(kept)) == []
    assert sorted(set(kept) - set(found)) == [], "gone; take it out of architecture.toml"


@pytest.mark.parametrize("at_start", [True, False], ids=["at-start", "ever"])
def test_no_file_imports_itself_by_way_of_others(at_start):
    kept = [] if at_start else [tuple(pair) for pair in KEPT["imports"]["back"]]
    graph = {module_of(n): imports(tree, at_start) for n, (_, tree) in files().items()}
    for module, other in kept:
        assert other in graph[module], "gone; take it out of architecture.toml"
        graph[module].remove(other)
    done, path = set(), []

    def visit(module):
        if module in path:
            pytest.fail(" -> ".join([*path[path.index(module) :], module]))
        if module in done or module not in graph:
            return
        path.append(module)
        for other in sorted(graph[module]):
            visit(other)
        done.add(path.pop())

    for module in sorted(graph):
        visit(module)
    assert len(done) == len(graph)


def test_a_class_name_stands_once():
    names = Counter(
        node.name
        for _, tree in files().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    found = {name: n for name, n in names.items() if n > 1}
    assert {n: k for n, k in found.items() if k > KEPT["classes"].get(n, 1)} == {}
    assert {n: k for n, k in KEPT["classes"].items() if found.get(n, 1) < k} == {}, "gone by now"


def test_models_and_shapes_are_known_by_name_in_few_places():
    words = {"IF", "LIF", "CubaLIF", "Readout", "Dense", "Conv2d", "Pool2d", "Sparse"}
    found = []
    for name, (_, tree) in files().items():
        for node in ast.walk(tree):
            asked = isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance"
            if asked and words & {n.id for n in ast.walk(node.args[1]) if isinstance(n, ast.Name)}:
                found.append(f"{name}: {ast.unparse(node)}")
            if isinstance(node, ast.MatchClass) and ast.unparse(node.cls) in words:
                found.append(f"{name}: case {ast.unparse(node)}")
    counts, kept = Counter(found), KEPT["known_by_name"]
    assert {k: n for k, n in counts.items() if n > kept.get(k, 0)} == {}
    assert {k: n for k, n in kept.items() if counts.get(k, 0) < n} == {}, "gone by now"
