"""Write docs/reference/options/: every option of a run, from the declarations in the code.

python docs/options_page.py
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from eventsnn.cli.flags import flag_of
from eventsnn.options import Declared
from eventsnn.rules import rules
from eventsnn.train.options import KNOWN, options_of, recipe

FOLDER = Path(__file__).parent / "reference" / "options"
HEAD = """# Options of a run

Made by `docs/options_page.py` from the code: each option is declared once, and these pages, the
flags of `eventsnn train`, the keys of a TOML file (`--config`) and the `options` of a run in JSON
come from there. `eventsnn train --rule NAME --help` shows those of one rule.

A default in brackets is that of the rule's recipe for event streams, where it differs
([decisions](../../explanation/decisions-rules.md) argues them; there are others for
images and convolutions).
A key is written as `name = value`; a former name is read, too. The flag is given where it is not
`--name` with hyphens.

The options of a rule have a page of their own:
"""


def pages() -> dict[str, str]:
    """Return the text of each page by the name of its file: every run's, and one a rule."""
    links = [f"- [`{kind}`]({kind}.md)" for kind in rules()]
    parts = [HEAD, *links, "\n## Of every run\n", *table(KNOWN.values(), {})]
    found = {"index.md": "\n".join(parts) + "\n"}
    return found | {f"{kind}.md": page_of(kind) for kind in rules()}


def page_of(kind: str) -> str:
    """Return the page of a rule."""
    aliases = rules()[kind].aliases
    also = f" It is also called `{'`, `'.join(aliases)}`." if aliases else ""
    parts = [
        f"# Options of `--rule {kind}`\n",
        f"Those of every run, and how to read the table: [options of a run](index.md).{also}\n",
    ]
    changed = {name: value for name, value in recipe(kind).items() if name in KNOWN}
    if changed:
        told = ", ".join(f"`{name} = {value:g}`" for name, value in changed.items())
        parts.append(f"The recipe of this rule sets {told}.\n")
    return "\n".join([*parts, *table(options_of(kind).values(), recipe(kind))]) + "\n"


def table(options: Iterable[Declared], usual: Mapping[str, Any]) -> list[str]:
    """Return the rows of a table of options."""
    rows = ["| key | type | default | may be | meaning |", "|---|---|---|---|---|"]
    for one in options:
        flag = flag_of(one)
        plain = f"--{one.name.replace('_', '-')}"
        key = f"`{one.name}`" + ("" if flag.split("/")[0] == plain else f" (`{flag}`)")
        kind = one.said.form.remedy if one.said.form else one.kind.__name__
        unit = f", {one.said.unit}" if one.said.unit else ""
        default = value_of(one.default)
        if one.name in usual and usual[one.name] != one.default:
            default = f"{default} ({value_of(usual[one.name])})"
        may = ", ".join(f"`{word}`" for word in one.choices) or one.said.bounds
        text = one.said.help.replace("[b]", "`").replace("[/b]", "`")
        text += "".join(f" Formerly `{name}`." for name in one.said.former)
        rows.append(f"| {key} | {kind}{unit} | {default} | {may} | {text} |")
    return rows


def value_of(value: Any) -> str:
    """Return a default as TOML has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}"
    return f"`{value}`" if value else ""


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, "utf-8")
