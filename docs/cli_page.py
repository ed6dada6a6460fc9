"""Write docs/reference/cli.md and its other pages: every command, from what parses it.

python docs/cli_page.py
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

from eventsnn.cli.app import app
from eventsnn.options import Declared
from eventsnn.rules import rules
from eventsnn.train.options import KNOWN, options_of

FOLDER = Path(__file__).parent / "reference"
APART = {
    "cli-worth.md": ("measure, compare, front and bench", ("measure", "compare", "front", "bench")),
    "cli-exchange.md": ("export, exchange and quantize", ("export", "exchange", "quantize")),
    "cli-live.md": ("live and send", ("live", "send")),
}
"""Pages of their own: their names, what they are called, and their commands."""
HEAD = """# {title}

Made by `docs/cli_page.py` from the declarations that parse the command line. What a command
prints with `--json`, and its exit codes: [what commands print](json.md).{more}
"""
TRAIN = "Besides, every option of a run and its rule is a flag: [options](options/index.md).\n"


def pages() -> dict[str, str]:
    """Return the text of each page by the name of its file."""
    links = ", ".join(f"[{title}]({name})" for name, (title, _) in APART.items())
    rest = f" On pages of their own:\n{links}."
    found = {"cli.md": page(HEAD.format(title="Commands", more=rest), "cli.md")}
    for name, (title, _) in APART.items():
        found[name] = page(HEAD.format(title=f"Commands: {title}", more=""), name)
    return found


def page(head: str, file: str) -> str:
    """Return a page: of the commands that stand in that file."""
    command = get_command(app)
    parts = [head]
    for name, one in _all(command):
        if _file_of(name) != file:
            continue
        context = typer.Context(one, info_name=f"eventsnn {name}")
        known = _options_of_runs() if name == "train" else set()
        params = [p for p in one.get_params(context) if p.name not in known and not p.hidden]
        parts += [f"## {name}\n", _text(one.help.split("\n\n")[0]) + "\n"]
        parts += [
            "```text",
            " ".join(["eventsnn", name, *filter(None, map(_word, params))]),
            "```\n",
        ]
        parts += [*_table(params), ""]
        parts += [TRAIN] if name == "train" else []
    return "\n".join(parts).rstrip() + "\n"


def _file_of(command: str) -> str:
    """Return the page on which a command stands."""
    first = command.split()[0]
    return next((file for file, (_, names) in APART.items() if first in names), "cli.md")


def _all(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every command by its words, those of a group one by one."""
    for name, one in group.commands.items():
        if hasattr(one, "commands"):
            yield from _all(one, f"{before}{name} ")
        else:
            yield f"{before}{name}", one


def _options_of_runs() -> set[str]:
    """Return the names of what the pages of options have, former ones included."""
    declared: list[Declared] = list(KNOWN.values())
    for kind in rules():
        declared += options_of(kind).values()
    return {name for one in declared for name in (one.name, *one.said.former)}


def _word(param: Any) -> str:
    """Return an argument as the line of usage has it; options go together."""
    if param.param_type_name == "option":
        return "" if param.name != "help" else "[OPTIONS]"
    word = (param.metavar or param.name.upper()).strip("[]") + "..." * (param.nargs == -1)
    return word if param.required else f"[{word}]"


def _table(params: Iterable[Any]) -> list[str]:
    """Return a row an argument or option."""
    rows = ["| word | type | default | meaning |", "|---|---|---|---|"]
    for param in params:
        if param.name == "help":
            continue
        option = param.param_type_name == "option"
        word = ", ".join((*param.opts, *param.secondary_opts)) if option else _word(param)
        rows.append(f"| `{word}` | {_kind(param)} | {_default(param)} | {_text(param.help)} |")
    return rows


def _kind(param: Any) -> str:
    """Return the type in a word, and its bounds."""
    if getattr(param, "is_flag", False):
        return "flag"
    annotation = param.type_descriptor.annotation
    kind = getattr(annotation, "__args__", (annotation,))[0]
    name = {"Path": "path", "str": "word", "int": "number", "float": "number"}[kind.__name__]
    for side, said in (("min", "from"), ("max", "to")):
        if getattr(param, side, None) is not None:
            name += f" {said} {getattr(param, side):g}"
    return name + ", may be given again" * bool(getattr(param, "multiple", False))


def _default(param: Any) -> str:
    value = param.default
    return f"`{value}`" if value is not None and not isinstance(value, bool) else ""


def _text(text: str | None) -> str:
    """Return help without the marks of the terminal."""
    plain = " ".join((text or "").split()).replace("[b]", "`").replace("[/b]", "`")
    return plain.replace("|", r"\|")


if __name__ == "__main__":
    for name, text in pages().items():
        (FOLDER / name).write_text(text, "utf-8")
