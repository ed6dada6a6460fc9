"""Parts of pages: one file that loads nothing, for wide and narrow screens, light and dark."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from eventsnn.errors import UserError
from eventsnn.files.outputs import check_output_file, write_whole
from eventsnn.report.gallery import Picture
from eventsnn.report.page_style import STYLE
from eventsnn.report.style import PAGE, svg_of
from eventsnn.text import marked


def write_page(path: Path, text: str) -> None:
    """Write a page, whole or not at all."""
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise UserError(f"page {path}: cannot be written: {error.strerror}") from error


def check_page_path(path: Path) -> None:
    """Refuse a page that cannot be written, before the work is done."""
    check_output_file("page", path, (".html", ".htm"))


def document(title: str, sections: Iterable[str]) -> str:
    """Return a page as HTML."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        # An icon of its own keeps the browser from asking for one.
        '<link rel="icon" href="data:,">'
        f"<title>{marked(title)}</title><style>{STYLE}</style></head>\n"
        f"<body><main>{''.join(sections)}</main></body></html>\n"
    )


def tiles(cells: Iterable[tuple[str, str, str]]) -> str:
    """Return answers at a glance: a name, a value and what it means."""
    inside = "".join(
        f'<div class="tile"><span>{marked(name)}</span><strong>{marked(value)}</strong>'
        f"<small>{marked(text)}</small></div>"
        for name, value, text in cells
    )
    return f'<section class="tiles">{inside}</section>'


def figures(pictures: Iterable[Picture]) -> str:
    """Return pictures, in the colours of the page."""
    return f'<section class="figures">{"".join(map(_figure, pictures))}</section>'


def _figure(picture: Picture) -> str:
    drawing = svg_of(picture.draw(PAGE), picture.name)
    label = marked(picture.title)
    drawing = drawing.replace("<svg", f'<svg aria-label="{label}"', 1)
    return (
        f"<figure><h2>{marked(picture.title)}</h2>{drawing}"
        f"<figcaption>{marked(picture.caption)}</figcaption></figure>"
    )


def section(title: str, body: str) -> str:
    """Return a section; none where there is nothing in it."""
    return f"<section><h2>{marked(title)}</h2>{body}</section>" if body else ""


class Html(str):
    """A cell that is HTML already; any other is text."""


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table; a column ``source`` is text."""
    top = "".join(
        f"<th{' class=text' if cell == 'source' else ''}>{marked(cell)}</th>" for cell in head
    )
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return (
        f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _cell(cell: str) -> str:
    return f"<td>{cell if isinstance(cell, Html) else marked(cell)}</td>"
