"""Networks written as TOML, the way ``file.py`` reads them: the same network comes back, exactly.

What is written follows from the fields of the descriptions: every field that is not as declared.
A new neuron model, topology or field needs nothing here.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.files.outputs import check_output_file, write_whole
from eventsnn.network.checked import Weights
from eventsnn.neurons.neuron import Neuron
from eventsnn.text import named

if TYPE_CHECKING:
    from eventsnn.network.graph import Connection, Network, Population

Arrays = Mapping[str, NDArray[Any]]
Placed = Callable[[NDArray[Any]], Any]
"""What stands in the text for an array: its numbers, or the name under which it is kept."""

FORMAT = 1
"""Of what is written; a file without it was written by hand."""


def follows(kind: type[Any], source: Population, target: Population) -> dict[str, Any]:
    """Return the fields of a topology that follow from the populations at its ends."""
    ends: dict[str, Any] = {"senders": source.size, "receivers": target.size}
    if len(source.shape) == 3:
        planar, (first, *rest) = source.neuron is None, source.shape
        ends |= {"in_size": (*rest, first) if planar else source.shape, "planar": planar}
    return {f.name: ends[f.name] for f in fields(kind) if f.init and f.name in ends}


def toml_of(network: Network, weights: Arrays | None = None, placed: Placed | None = None) -> str:
    """Return a network, and its weights if they are given, as TOML.

    Parameters
    ----------
    network : Network
    weights : mapping from the name of a connection to an array of its ``weight_shape``, optional
    placed : callable, optional
        What stands for an array; its numbers where it is left out.

    Raises
    ------
    UserError
        For a name that is no text in UTF-8, and a field that TOML has no form for.
    """
    put = placed or _numbers
    single = bool(weights) and all(w.dtype == np.float32 for w in (weights or {}).values())
    parts = [f"format = {FORMAT}\n" + ('dtype = "float32"\n' if single else "")]
    parts += ["[[population]]\n" + _lines(_changed(p), put) for p in network.populations]
    for connection in network.connections:
        table = _changed(connection)
        if connection.name == f"{connection.source}->{connection.target}":
            del table["name"]
        table["topology"] = _topology(connection, network)
        if weights is not None and connection.name in weights:
            table["weights"] = weights[connection.name]
        parts.append("[[connection]]\n" + _lines(table, put))
    text = "\n".join(parts)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        wrong = text[error.start : error.end]
        raise UserError(f"network: {named(wrong)} in a name is no text; rename it") from error
    return text


def save_network(path: str | os.PathLike[str], network: Network, weights: Arrays | None) -> None:
    """Write a network file; arrays of more than one number go beside it, as ``.npy`` files.

    They stand in a folder of the file's name, each under a digest of its content, so that a file
    that is replaced never meets arrays of another one.

    Raises
    ------
    UserError
        If the name does not end in ``.toml``, or the files cannot be written.
    """
    file = Path(path)
    check_output_file("network", file, (".toml",))
    folder, kept = file.with_suffix(".arrays"), set()

    def placed(array: NDArray[Any]) -> str:
        data = io.BytesIO()
        np.save(data, array)
        name = f"{hashlib.sha256(data.getvalue()).hexdigest()[:16]}.npy"
        if not (folder / name).exists():
            folder.mkdir(exist_ok=True)
            write_whole(folder / name, data.getvalue())
        kept.add(name)
        return f"{folder.name}/{name}"

    try:
        write_whole(file, toml_of(network, weights, placed).encode())
        for old in folder.glob("*.npy") if folder.is_dir() else ():
            if len(old.stem) == 16 and old.name not in kept:
                old.unlink()
    except OSError as error:
        raise UserError(
            f"network {file}: cannot be written: {error.strerror or error}; give another place"
        ) from error


def _topology(connection: Connection, network: Network) -> dict[str, Any]:
    """Return the fields of a topology that do not follow from the populations."""
    ends = network[connection.source], network[connection.target]
    table, known = _changed(connection.topology), follows(type(connection.topology), *ends)
    return {name: v for name, v in table.items() if name not in known or v != known[name]} | {
        name: getattr(connection.topology, name)
        for name, value in known.items()
        if name not in table and getattr(connection.topology, name) != value
    }


def _changed(thing: Any) -> dict[str, Any]:
    """Return the fields of a description that are not as declared, its kind first."""
    table: dict[str, Any] = {}
    if hasattr(thing, "kind"):
        table["model" if isinstance(thing, Neuron) else "kind"] = thing.kind
    for f in fields(thing):
        value = getattr(thing, f.name)
        if f.init and not (f.default is not MISSING and _same(value, f.default)):
            table[f.name] = value
    return table


def _same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(value == default)


def _lines(table: dict[str, Any], put: Placed) -> str:
    return "".join(f"{_key(name)} = {_text(value, put)}\n" for name, value in table.items())


def _key(name: str) -> str:
    return name if name.isascii() and name.isidentifier() else _text(name, _numbers)


def _text(value: Any, put: Placed) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, np.generic):
        value = value.item()
    if is_dataclass(value):
        value = _changed(value)
    if isinstance(value, np.ndarray):
        value = put(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(k)} = {_text(v, put)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_text(one, put) for one in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    raise UserError(f"network: {named(value)} has no form in TOML; leave it out")


def _numbers(array: NDArray[Any]) -> Any:
    return array.tolist()


class Written:
    """What a network is able to do with files; ``Network`` stands below it."""

    connections: tuple[Connection, ...]

    def to_toml(self) -> str:
        """Return the network as the text of a network file, arrays as lists of their numbers.

        Raises
        ------
        UserError
            For a name that is no text in UTF-8.
        """
        return toml_of(cast("Network", self))

    def save(self, path: str | os.PathLike[str], weights: Weights | None = None) -> None:
        """Write a network file that ``load_network`` and ``eventsnn simulate`` read, exactly.

        Parameters
        ----------
        path : str or Path
            Ends in ``.toml``. Arrays go into a folder beside it: ``net.arrays`` of ``net.toml``.
        weights : mapping by connection name, or sequence in connection order, optional
            Without them ``load_network`` returns none.

        Raises
        ------
        UserError
            If weights do not fit, or the file cannot be written.
        """
        save_network(path, cast("Network", self), None if weights is None else self.shaped(weights))

    def shaped(
        self, weights: Weights, dtype: type[np.floating[Any]] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Return checked weights by connection name, each of its ``weight_shape``.

        ``weights`` and ``dtype`` are those of ``Network.weights``.
        """
        flat = cast("Network", self).weights(weights, dtype)
        pairs = zip(self.connections, flat, strict=True)
        return {c.name: array.reshape(c.topology.weight_shape) for c, array in pairs}
