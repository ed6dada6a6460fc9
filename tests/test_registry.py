"""Things join from outside: by a word, by an entry point, and only if they keep their contract."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import pytest

from eventsnn import register, registry
from eventsnn.errors import UserError
from eventsnn.registry import Registry


@pytest.fixture
def fruits():
    """A registry of classes with a room of its own; forgotten afterwards."""

    class Fruit(ABC):
        kind: str

        @abstractmethod
        def taste(self):
            """Say how it tastes."""

    made = Registry(Fruit, "eventsnn.losses")
    yield made
    Registry.known.remove(made)


@dataclass(frozen=True)
class Book:
    """A contract of objects."""

    title: str


@pytest.fixture
def books():
    """A registry of objects, found by their title."""
    made = Registry(Book, "eventsnn.losses", objects=True, key="title")
    yield made
    Registry.known.remove(made)


def fruit(base, kind, **more):
    return type(kind.title(), (base,), {"kind": kind, "taste": lambda self: "sweet"} | more)


def test_a_class_joins_and_is_found_by_its_kind(fruits):
    pear = register(fruit(fruits.base, "pear"))
    apple = register(fruit(fruits.base, "apple"))
    assert list(fruits.all().items()) == [("apple", apple), ("pear", pear)]
    assert fruits["pear"] is pear
    with pytest.raises(UserError, match=r"^fruit 'plum': there are apple, pear$"):
        fruits["plum"]


def test_what_breaks_its_contract_does_not_join(fruits):
    bitter = type("Bitter", (fruits.base,), {"kind": "bitter"})
    with pytest.raises(UserError, match="Bitter: does not answer taste, as every fruit does"):
        register(bitter)
    nameless = type("Nameless", (fruits.base,), {"taste": lambda self: ""})
    with pytest.raises(UserError, match="Nameless: has no kind"):
        register(nameless)
    nameless.kind = "nameless"
    below = type("Below", (nameless,), {"kind": "below"})
    with pytest.raises(UserError, match="Below: stands below another fruit"):
        register(below)
    with pytest.raises(UserError, match=r"register: 5 is none of .*neuron.*topology"):
        register(5)
    assert fruits.all() == {}


def test_two_classes_of_one_kind_are_refused(fruits):
    kept = [register(fruit(fruits.base, "fig")), fruit(fruits.base, "fig", __qualname__="Other")]
    with pytest.raises(UserError, match=r"fruit fig: .*Fig and .*Other both have this kind"):
        register(kept[1])
    assert fruits["fig"] is kept[0]


def test_a_class_is_found_when_it_joined_and_no_more_when_it_left(fruits):
    plum = fruit(fruits.base, "plum")
    assert fruits.all() == {}
    assert register(plum) is fruits["plum"]
    fruits.leave(plum)
    assert fruits.all() == {}


def test_where_it_was_asked_for_a_class_is_found_as_soon_as_it_is_defined(fruits):
    everywhere = Registry(fruits.base, "eventsnn.losses", anywhere=True)
    Registry.known.remove(everywhere)
    plum = fruit(fruits.base, "plum")
    assert everywhere.all() == {"plum": plum}


def test_an_object_joins_and_one_of_the_same_name_replaces_it(books):
    old, new = register(Book("poems")), register(Book("poems"))
    assert books.all() == {"poems": new} and books["poems"] is not old


def test_an_installed_package_offers_things_as_entry_points(books, monkeypatch):
    class Entry:
        def load(self):
            return Book("atlas")

    asked = []
    monkeypatch.setattr(registry, "entry_points", lambda group: asked.append(group) or [Entry()])
    assert list(books.all()) == ["atlas"] and list(books.all()) == ["atlas"]
    assert asked == ["eventsnn.losses"]
