"""Whether `vllm serve` of the site's release takes the words of `vllm.extraArgs`, and may.

vLLM's parser is not asked, because it takes a second of imports and a GPU's libraries to start. Its rules are the
ones of argparse: an underscore in a name is a dash, the beginning of a name stands for the whole, the last of two
values wins, and keys of a JSON argument may be written as `--name.key value`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from infra.site import Fault, Version

from .argument_values import value_fault, wanted
from .known_arguments import Argument, Release, release_of, text
from .reserved_arguments import SUCCESSORS, refused_value, reservation

_NEGATIVE_NUMBER = re.compile(r"-\d+|-\d*\.\d+")
_OPTIMIZATION = "--optimization-level"
_HELP = {"-h": "--help"}


@dataclass(frozen=True)
class _Word:
    """A word that names an argument: `--name.keys=value`."""

    position: int
    name: str
    keys: str = ""
    value: str | None = None


def argument_faults(words: Sequence[str], version: Version | None) -> list[Fault]:
    """What keeps `vllm serve` of a release from taking the words, or the plan from being true with them."""
    if not words:
        return []
    reader = _Reader(words, release_of(version))
    return [Fault(f"vllm.extraArgs[{position}]", problem, remedy) for position, problem, remedy in reader.faults()]


_Found = Iterator[tuple[int, str, str]]


class _Reader:
    """The words from left to right. A word is consumed by the argument before it or stands for itself."""

    def __init__(self, words: Sequence[str], release: Release) -> None:
        self._words, self._release = words, release
        self._next = 0
        self._given: dict[tuple[str, str], int] = {}

    def faults(self) -> _Found:
        while self._next < len(self._words):
            position, word = self._next, self._words[self._next]
            self._next += 1
            if self._is_name(word):
                yield from self._named(_split(position, word))
            elif self._is_name(word.partition(" ")[0]):
                yield position, f"{word!r} is one word, which vLLM does not take apart", self._apart(word)
            else:
                yield position, f"no argument takes {word!r}", "leave it out, or write the argument before it"

    def _apart(self, word: str) -> str:
        """How to write what stands in one word, of the ways that pass: `--name=value`, or one word per item."""
        name, _, rest = word.partition(" ")
        several = word.split()
        whole = [f"{name}={rest.strip()}"]
        ways = [several, whole] if any(map(self._is_name, several[1:])) else [whole, several]
        for words in ways:
            if not any(_Reader(words, self._release).faults()):
                return f"write {words[0]}" if words is whole else f"write one word per item: {', '.join(words)}"
        _, problem, remedy = next(_Reader(several, self._release).faults())
        return f"write one word per item, and mind that {problem}; {remedy}"

    def _is_name(self, word: str) -> bool:
        """As argparse tells a name from a value."""
        if len(word) < 2 or word == "--" or not word.startswith("-") or _NEGATIVE_NUMBER.fullmatch(word):
            return False
        return " " not in word.partition("=")[0]

    def _named(self, word: _Word) -> _Found:
        known = self._release.spellings
        spellings = self._release.named(word.name)
        if not spellings and word.name[:2] in known and f"-{word.name}" not in known:
            attached = word.name[2:] + (f"={word.value}" if word.value else "")
            word, spellings = _Word(word.position, word.name[:2], "", attached), [word.name[:2]]
        if len(spellings) == 1:
            yield from self._known(word, spellings[0], known[spellings[0]])
            return
        self._values(None)
        if spellings:
            near = ", ".join(sorted(spellings)[:4])
            yield word.position, f"{word.name} may stand for {near}", "write the one you mean in full"
        else:
            yield (word.position, *self._unknown(word.name))

    def _known(self, word: _Word, spelling: str, argument: Argument) -> _Found:
        given = [] if word.value is None else [(word.position, word.value)]
        values = given or self._values(1 if word.keys else argument.most_words, anything=bool(word.keys))
        if reserved := reservation(argument.flag):
            self._values(1 if argument.most_words == 0 else 0)
            yield (word.position, *reserved)
            return
        before = self._twice(argument, word.keys, word.position)
        if before is not None:
            problem = f"{argument.flag} stands in vllm.extraArgs[{before}] too, and vLLM takes one of them"
            yield word.position, problem, "leave one of them out"
        if word.keys and argument.kind not in ("json", "object", "text"):
            yield word.position, f"{spelling} has no keys", f"write {spelling}=VALUE, {wanted(argument)}"
        elif len(values) < (1 if word.keys else argument.least_words):
            value = "VALUE" if word.keys else f"VALUE, {wanted(argument)}"
            yield word.position, f"{spelling}{word.keys} has no value", f"write {spelling}{word.keys}={value}"
        elif argument.most_words == 0:
            yield from self._needless(spelling, argument, values)
        elif not word.keys:
            faults = (
                (position, value_fault(argument, value) or refused_value(argument.flag, value))
                for position, value in values
            )
            yield from ((position, f"{spelling}: {fault[0]}", fault[1]) for position, fault in faults if fault)

    def _needless(self, spelling: str, argument: Argument, attached: list[tuple[int, str]]) -> _Found:
        """A value of an argument that takes none; a word after it was most likely meant as one."""
        inverse = f" or --no-{argument.flag[2:]}" if argument.kind == "switch" else ""
        for position, value in attached or self._values(1):
            yield position, f"{spelling} takes no value, {value!r} is given", f"write {argument.flag}{inverse} alone"

    def _values(self, most: int | None, *, anything: bool = False) -> list[tuple[int, str]]:
        """The words from here on that name no argument, at most so many of them."""
        start = self._next
        while self._next < len(self._words) and (most is None or self._next - start < most):
            word = self._words[self._next]
            if not anything and (word == "--" or self._is_name(word)):
                break
            self._next += 1
        return list(enumerate(self._words[start : self._next], start))

    def _twice(self, argument: Argument, keys: str, position: int) -> int | None:
        """Where an argument stands already; keys of a JSON argument add up, and replace one given whole."""
        if argument.repeats or keys.endswith("+"):
            return None
        rivals = [
            place
            for (flag, others), place in self._given.items()
            if flag == argument.flag and (keys in ("", others) or not others)
        ]
        self._given.setdefault((argument.flag, keys), position)
        return min(rivals, default=None)

    def _unknown(self, name: str) -> tuple[str, str]:
        """An argument this release does not have: of another one, or of none."""
        release, now = self._release, text(self._release.version)
        stretches = release.ever.get(name, [])
        if reserved := reservation(stretches[0].flag if stretches else _HELP.get(name, name)):
            return reserved
        gone = [each.until for each in stretches if each.until and each.until < release.version]
        if gone:
            remedy = SUCCESSORS.get(stretches[0].flag, "leave it out")
            return f"{name} is gone in vLLM {now}, {text(max(gone))} was the last with it", remedy
        if stretches:
            first = text(min(each.since for each in stretches))
            return f"{name} is not in vLLM {now}", f"leave it out, or use vLLM {first} or newer"
        near = difflib.get_close_matches(name.lower(), release.spellings, n=1, cutoff=0.7)
        if not near:
            return f"{name} is not an argument of vLLM {now}", "leave it out"
        reserved = reservation(release.spellings[near[0]].flag)
        hint = f" {reserved[0]}; {reserved[1]}" if reserved else ""
        return f"{name} is not an argument of vLLM {now}", f"did you mean {near[0]}?{hint}"


def _split(position: int, word: str) -> _Word:
    """The parts of a word, the name as vLLM's parser reads it."""
    if word.startswith("-O"):
        level = word[2:].removeprefix("=")
        return _Word(position, _OPTIMIZATION, "", level or None)
    name, separator, value = word.partition("=")
    name, dot, keys = name.partition(".")
    if name.startswith("--"):
        name = name.replace("_", "-")
    return _Word(position, name, dot + keys, value if separator else None)
