"""Good site files with one thing wrong: dropped, retyped, misspelt, out of range or swapped, at any depth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from infra.site import CONFIG_KEY
from infra.site.stack_yaml import load
from tests.sites_under_test import SITES

KeyPath = tuple[str | int, ...]
Draw = Callable[[st.SearchStrategy[Any]], Any]

ROOT: KeyPath = ("config", CONFIG_KEY)


class _Dumper(yaml.SafeDumper):
    """Text stays text: PyYAML follows YAML 1.1 and leaves the quotes off words that are numbers to the engine."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = text.isprintable() and _is_word(text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


def _is_word(text: str) -> bool:
    try:
        return isinstance(load(text), str)
    except yaml.YAMLError:
        return False


_Dumper.add_representer(str, _text)


@dataclass(frozen=True)
class Mutation:
    """A stack file's document after a change, and the paths of the keys that the change touched."""

    kind: str
    touched: tuple[KeyPath, ...]
    document: Any

    def text(self) -> str:
        """The file."""
        return yaml.dump(self.document, Dumper=_Dumper, sort_keys=False, width=110)


@cache
def good_documents() -> tuple[Any, ...]:
    """The stack files of the tests, the one with the fewest keys first: failures reduce towards it."""
    texts = sorted((Path(site).read_text(encoding="utf-8") for site in SITES), key=len)
    return tuple(yaml.safe_load(text) for text in texts)


def paths(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Every key and every item of a document."""
    children: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    for part, inner in children:
        yield (*path, part)
        yield from paths(inner, (*path, part))


def get(document: Any, path: KeyPath) -> Any:
    for part in path:
        document = document[part]
    return document


def _put(document: Any, path: KeyPath, value: Any) -> None:
    get(document, path[:-1])[path[-1]] = value


def _rename(section: dict[str, Any], old: str, new: str) -> None:
    """In its place: the order of keys is the file's."""
    items = [(new if key == old else key, value) for key, value in section.items()]
    section.clear()
    section.update(items)


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ANYTHING: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.floats(-5, 5),
    ANY_TEXT,
    st.sampled_from(["4", "0.5", "true", "null", "none", "no", "latest", "0x", "1:30", "2026-11-24"]),
    st.lists(st.one_of(st.none(), st.integers(0, 3), ANY_TEXT), max_size=2),
    st.dictionaries(ANY_TEXT, st.one_of(st.none(), st.integers(0, 3), ANY_TEXT), max_size=2),
)
FAR: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([0, -1, 2**31, 2**31 - 1, 2**63, 10**30, -(10**30)]),
    st.sampled_from([0.0, -0.5, 1.0, 1.5, 1e9, 1e308, 5e-324, float("inf"), float("-inf"), float("nan")]),
    st.integers(1, 10**7),
)


def _drop(_: Draw, document: Any, path: KeyPath) -> tuple[KeyPath, ...]:
    del get(document, path[:-1])[path[-1]]
    return (path,)


def _retype(draw: Draw, document: Any, path: KeyPath) -> tuple[KeyPath, ...]:
    before = get(document, path)
    _put(document, path, draw(ANYTHING.filter(lambda value: type(value) is not type(before))))
    return (path,)


def _misspell(draw: Draw, document: Any, path: KeyPath) -> tuple[KeyPath, ...]:
    """A key, or a value where it is text and the draw says so; an item of a list has no key."""
    part, value = path[-1], get(document, path)
    if isinstance(value, str) and (isinstance(part, int) or draw(st.booleans())):
        _put(document, path, draw(_misspelt(value)))
        return (path,)
    if isinstance(part, int):
        _put(document, path, draw(ANY_TEXT))
        return (path,)
    section = get(document, path[:-1])
    wrong = draw(_misspelt(part).filter(lambda key: key not in section))
    _rename(section, part, wrong)
    return path, (*path[:-1], wrong)


def _misspelt(word: str) -> st.SearchStrategy[str]:
    place = st.integers(0, max(0, len(word) - 1))
    return st.one_of(
        place.map(lambda at: word[:at] + word[at + 1 :]),
        place.map(lambda at: word[: at + 1] + word[at:]),
        place.map(lambda at: word[:at] + word[at : at + 2][::-1] + word[at + 2 :]),
        st.sampled_from([word.upper(), word.lower(), word.capitalize(), f"{word} ", f"{word}s", f"-{word}"]),
        st.builds(lambda at, extra: word[:at] + extra + word[at:], place, ANY_TEXT),
        ANY_TEXT,
    ).filter(lambda wrong: wrong != word)


def _out_of_range(draw: Draw, document: Any, path: KeyPath) -> tuple[KeyPath, ...]:
    """Numbers far away, texts and lists that are empty or too long."""
    value = get(document, path)
    if isinstance(value, str):
        _put(document, path, draw(st.sampled_from(["", value * 40, f"{value}{'a' * 300}", value[:1]])))
    elif isinstance(value, list):
        _put(document, path, draw(st.sampled_from([[], value * 2, value * 200])))
    elif isinstance(value, dict):
        _put(document, path, draw(st.sampled_from([{}, {f"{key}{'x' * 300}": value[key] for key in value}])))
    else:
        _put(document, path, draw(FAR))
    return (path,)


def _swap(draw: Draw, document: Any, path: KeyPath) -> tuple[KeyPath, ...]:
    """With another value, neither of them within the other; what holds all the others is put aside instead."""
    apart = [other for other in paths(document) if other[: len(path)] != path and path[: len(other)] != other]
    if not apart:
        return _drop(draw, document, path)
    other = draw(st.sampled_from(apart))
    here, there = get(document, path), get(document, other)
    _put(document, path, there)
    _put(document, other, here)
    return path, other


KINDS = {
    "drop": _drop,
    "retype": _retype,
    "misspell": _misspell,
    "out of range": _out_of_range,
    "swap": _swap,
}


@st.composite
def mutations(draw: Draw, document: Any) -> Mutation:
    """The document with one change of one kind somewhere."""
    changed = deepcopy(document)
    kind = draw(st.sampled_from(list(KINDS)))
    path = draw(st.sampled_from(list(paths(changed))))
    return Mutation(kind, KINDS[kind](draw, changed, path), changed)
