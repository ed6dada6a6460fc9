"""Things found by name: neuron models, topologies, losses, rules, readers, papers, ...

Each room has one ``Registry`` of its contract. It knows what the files and folders of the room
define, what a program joined by ``register``, and what installed packages offer as an entry point
of the room's name (``eventsnn.neurons`` and so on). Nothing else is edited to add a thing.

A class of a kind has compiled kernels of its own, which engines look up by its exact type. A
subclass of such a class would run as its parent: it is refused.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from inspect import isabstract, isclass
from typing import Any, ClassVar, Generic, TypeVar

from eventsnn.errors import UserError
from eventsnn.text import named

T = TypeVar("T")
Thing = TypeVar("Thing")


class Registry(Generic[T]):
    """The things of one contract, by their ``kind``.

    Parameters
    ----------
    base : type
        The contract: an abstract class. Things are the concrete classes right below it.
    room : str
        The package whose files and folders define some; also the group of entry points.
    objects : bool
        True where things are objects of the contract, found as global names of the room's
        files; False where they are classes.
    key : str
        The attribute by which things are found.
    anywhere : bool
        True where a class is found as soon as it is defined, wherever that is: one of these can
        be used without its word.
    """

    known: ClassVar[list[Registry[Any]]] = []

    def __init__(
        self,
        base: type[T],
        room: str,
        *,
        objects: bool = False,
        key: str = "kind",
        anywhere: bool = False,
    ) -> None:
        self.base, self.room, self.objects, self.key = base, room, objects, key
        self.anywhere = anywhere
        self.joined: list[Any] = []
        self._entered = False
        Registry.known.append(self)

    @property
    def word(self) -> str:
        """What a thing is called in messages."""
        return self.base.__name__.lower()

    def all(self) -> dict[str, Any]:
        """Return every thing by its ``kind``, sorted by it.

        A class defined again in its place (a cell of a notebook run twice) replaces the former.

        Raises
        ------
        UserError
            If two have one kind.
        """
        found: dict[str, Any] = {}
        for one in sorted(self._things(), key=self._kind):
            kind, other = self._kind(one), found.get(self._kind(one))
            if other is not None and (self.objects or _place(other) != _place(one)):
                raise UserError(
                    f"{self.word} {kind}: {_name(other)} and {_name(one)} both have this "
                    f"{self.key}; give each its own"
                )
            found[kind] = one
        return found

    def _things(self) -> list[Any]:
        """Return all things, those of one kind one after the other."""
        modules = _modules(self.room)
        if not self._entered:
            self._entered = True
            for entry in entry_points(group=self.room):
                self.join(entry.load())
        if not self.objects:
            inside, joined = f"{self.room}.", self.joined
            return [
                one
                for one in _concrete(self.base)
                if self.anywhere or one in joined or one.__module__.startswith(inside)
            ]
        own = [v for m in modules for v in vars(m).values() if isinstance(v, self.base)]
        return list({id(thing): thing for thing in [*own, *self.joined]}.values())

    def _kind(self, thing: Any) -> str:
        return str(getattr(thing, self.key, ""))

    def by_class(self, name: str) -> Any:
        """Return the class of that name, for ``__getattr__`` of a room; else AttributeError."""
        if name[:1].isupper():  # a file of the room may be on its way in by another name
            for one in self.all().values():
                if getattr(one, "__name__", "") == name:
                    return one
        raise AttributeError(f"module {self.room!r} has no attribute {name!r}")

    def names(self) -> list[str]:
        """Return the names of the classes, for ``__dir__`` of a room."""
        return [one.__name__ for one in self.all().values()]

    def __getitem__(self, kind: str) -> Any:
        """Return the thing of that kind; UserError that lists those there are."""
        found = self.all()
        if kind not in found:
            raise UserError(f"{self.word} {kind!r}: there are {', '.join(found)}")
        return found[kind]

    def join(self, thing: Thing) -> Thing:
        """Take a thing from outside the room; UserError where it breaks the contract."""
        where = f"register: {_name(thing)}"
        if not isinstance(getattr(thing, self.key, None), str):
            raise UserError(f"{where}: has no {self.key}, the word by which a {self.word} is found")
        if self.objects:
            self.joined = [t for t in self.joined if self._kind(t) != self._kind(thing)]
        elif isabstract(thing):
            missing = ", ".join(sorted(thing.__abstractmethods__))  # type: ignore[attr-defined]
            raise UserError(f"{where}: does not answer {missing}, as every {self.word} does")
        elif thing not in _concrete(self.base):
            raise UserError(
                f"{where}: stands below another {self.word}, which would run in its place; derive "
                f"it from {self.base.__name__}"
            )
        self.joined.append(thing)
        try:
            self.all()
        except UserError:
            self.leave(thing)
            raise
        return thing

    def leave(self, thing: Any) -> None:
        """Forget a thing that joined."""
        self.joined = [one for one in self.joined if one is not thing]


def register(thing: Thing) -> Thing:
    """Join a thing from outside the package, so that it is found by its ``kind``.

    Parameters
    ----------
    thing : a class, or for readers and papers an object, of one of the contracts
        Neuron, Topology, Loss, Surrogate, Optimizer, Rule, Reader, Paper. A fast layer joins by
        ``runs``.

    Returns
    -------
    The same, so that ``@register`` stands above a class.

    Raises
    ------
    UserError
        If it is none of these, lacks a part of its contract, or has another one's kind.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> import eventsnn as es
    >>> @es.register
    ... @dataclass(frozen=True)
    ... class Halved(es.losses.Loss):
    ...     kind = "halved-of-an-example"
    ...     reads: str = "counts"
    ...
    ...     def __call__(self, outputs, labels):
    ...         return es.CountTarget()(outputs / 2, labels)
    >>> "halved-of-an-example" in es.losses.losses()
    True
    """
    for registry in Registry.known:
        fits = isclass(thing) and issubclass(thing, registry.base)
        if isinstance(thing, registry.base) if registry.objects else fits:
            return registry.join(thing)
    words = ", ".join(sorted(registry.word for registry in Registry.known))
    raise UserError(
        f"register: {named(thing)} is none of {words}; give a class below such a contract"
    )


def check_exact(thing: Any, base: type[Any], where: str, such_as: str) -> None:
    """Refuse what is no object of a class below ``base``, or of a subclass of such a class."""
    name = base.__name__.lower()
    if not isinstance(thing, base):
        raise UserError(f"{where}: {name} is {named(thing)}; give an object such as {such_as}")
    above = [c for c in type(thing).__mro__[1:] if issubclass(c, base) and not isabstract(c)]
    if above:
        raise UserError(
            f"{where}: {type(thing).__name__} is a subclass of {above[0].__name__}, whose compiled "
            f"kernels would run in its place; derive a {name} of its own from {base.__name__}"
        )


def number_of(thing: Any, found: dict[str, type[Any]]) -> int:
    """Return the place of an object's class among those found."""
    if found.get(thing.kind) is not type(thing):
        raise UserError(
            f"{type(thing).__name__}: its class was defined anew, or another has its kind "
            f"{thing.kind!r}; make the object anew"
        )
    return list(found).index(thing.kind)


@cache
def _modules(room: str) -> list[Any]:
    """Import the files of a room, and its folders."""
    package = importlib.import_module(room)
    return [
        importlib.import_module(f"{room}.{module.name}")
        for module in pkgutil.iter_modules(package.__path__)
    ]


def _concrete(base: type[T]) -> list[type[T]]:
    """Return the classes below a base, but not those below one of them."""
    found = []
    for one in base.__subclasses__():
        found += _concrete(one) if isabstract(one) else [one]
    return found


def _place(one: Any) -> tuple[str, str]:
    return one.__module__, one.__qualname__


def _name(one: Any) -> str:
    return ".".join(_place(one)) if isclass(one) else named(one)
