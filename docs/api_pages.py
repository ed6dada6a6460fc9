"""Write docs/reference/api/: the public names, a page a subject, each name once.

The pages hold names only; mkdocstrings puts the docstrings there when the site is built. A public
name goes to the page of its room, and so does everything that is found by name in that room.

python docs/api_pages.py
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import eventsnn
from eventsnn.registry import Registry

FOLDER = Path(__file__).parent / "reference" / "api"
PAGES = {
    "data": "Recordings and data",
    "networks": "Networks",
    "simulate": "Simulate and count",
    "learn": "Learn",
    "rules": "Rules",
}
ROOMS = {
    "events": "data",
    "filters": "data",
    "data": "data",
    "network": "networks",
    "neurons": "networks",
    "topology": "networks",
    "connectivity": "networks",
    "distributions": "networks",
    "generators": "networks",
    "engines": "simulate",
    "live": "simulate",
    "record": "simulate",
    "report": "simulate",
    "measure": "simulate",
    "train": "learn",
    "optimizers": "learn",
    "losses": "learn",
    "surrogates": "learn",
    "rules": "rules",
    "errors": "data",
    "registry": "networks",
    "nir": "networks",
}
"""The page of each room, in the order of the page; a room that is missing here ends 'networks'."""


def pages() -> dict[str, str]:
    """Return the text of each page by the name of its file."""
    parts: dict[str, dict[str, list[str]]] = {page: {} for page in PAGES}
    for room, names in _by_room().items():
        parts[ROOMS.get(room, "networks")][room] = names
    return {f"{page}.md": _page(PAGES[page], rooms) for page, rooms in parts.items()}


def _by_room() -> dict[str, list[str]]:
    """Return what stands in each room, as mkdocstrings names it, in the order of ``ROOMS``."""
    found: dict[str, list[str]] = {room: [] for room in ROOMS}
    for name in eventsnn.__all__:
        thing = getattr(eventsnn, name)
        if callable(thing):  # else a room
            room = thing.__module__.split(".")[1]
            found.setdefault("train" if room == "rules" else room, []).append(_path(thing))
    for room, names in found.items():  # functions, then classes
        found[room] = sorted(names, key=lambda name: name.split(".")[-1].swapcase())
    for room, things in things_by_name().items():
        names = {*found.get(room, ()), *map(_path, things)}
        found[room] = sorted(names, key=lambda name: name.split(".")[-1].lower())
    return found


def things_by_name() -> dict[str, list[Any]]:
    """Return what is found by name in the public rooms: also there as ``es.ROOM.CLASS``."""
    rooms = [name for name in eventsnn.__all__ if not callable(getattr(eventsnn, name))]
    known = {one.room: one for one in Registry.known}
    return {room: _of_room(room, known.get(f"eventsnn.{room}")) for room in rooms}


def _of_room(room: str, registry: Any) -> list[Any]:
    """Return what a registry finds; of a room without one its functions and classes."""
    if registry is not None:
        return list(registry.all().values())
    module = getattr(eventsnn, room)
    return [thing for thing in map(module.__getattr__, dir(module)) if callable(thing)]


def _path(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__name__}"


def _page(title: str, rooms: dict[str, Iterable[str]]) -> str:
    lines = [f"# {title}", "", "Made by `docs/api_pages.py` from the public names."]
    for room, names in rooms.items():
        if room in eventsnn.__all__:
            lines += ["", f"## {room.capitalize()}", "", f"All of these are in `es.{room}`."]
        for name in names:
            lines += ["", f"::: {name}"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for name, text in pages().items():
        (FOLDER / name).write_text(text, "utf-8")
