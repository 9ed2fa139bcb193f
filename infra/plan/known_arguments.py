"""What `vllm serve` takes in one release: the table written by `tools.vllm_arguments`, looked up by spelling."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from infra.site import Version

Kind = Literal["switch", "flag", "int", "size", "float", "choice", "json", "object", "text"]

BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
_INVERSES = {"--enable-": "--disable-", "--disable-": "--enable-"}


@dataclass(frozen=True, kw_only=True)
class Argument:
    """One argument over the releases in which it meant the same; `until` is None where the newest has it."""

    flag: str
    since: tuple[int, ...]
    until: tuple[int, ...] | None = None
    kind: Kind = "text"
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    bounds: Mapping[str, float] = field(default_factory=dict[str, float])
    none: bool = False
    """The words None and the empty one stand for nothing."""
    auto: bool = False
    folded: bool = False
    """Choices are compared in lower case, with underscores for dashes."""
    words: Literal["+", "?"] | int = 1
    """How many words follow: so many, one or more, or one that may be left out."""
    repeats: bool = False

    @property
    def least_words(self) -> int:
        if self.kind in ("switch", "flag") or self.words == "?":
            return 0
        return self.words if isinstance(self.words, int) else 1

    @property
    def most_words(self) -> int | None:
        """None where any number of words may follow."""
        if self.kind in ("switch", "flag"):
            return 0
        return self.words if isinstance(self.words, int) else {"?": 1}.get(self.words)

    def known_to(self, release: tuple[int, ...]) -> bool:
        return self.since <= release and (self.until is None or release <= self.until)

    def spellings(self, paired_since: tuple[int, ...]) -> Iterator[tuple[str, Argument]]:
        """Each with the stretch of releases that know it: a switch got its second inverse later."""
        for name in (self.flag, *self.aliases):
            yield name, self
            if self.kind == "switch" and name.startswith("--"):
                yield f"--no-{name[2:]}", self
                for prefix, inverse in _INVERSES.items():
                    if name.startswith(prefix) and (self.until is None or paired_since <= self.until):
                        paired = replace(self, since=max(self.since, paired_since))
                        yield inverse + name.removeprefix(prefix), paired


@dataclass(frozen=True)
class Release:
    """The spellings one release knows, and those any release knows."""

    version: tuple[int, ...]
    spellings: Mapping[str, Argument]
    ever: Mapping[str, list[Argument]]

    def named(self, word: str) -> list[str]:
        """The spellings a word stands for: vLLM's parser takes the beginning of one for the whole."""
        if word in self.spellings:
            return [word]
        found = [spelling for spelling in self.spellings if spelling.startswith(word)]
        return found[:1] if len({self.spellings[spelling].flag for spelling in found}) == 1 else found


def text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


@cache
def _document() -> Mapping[str, Any]:
    return json.loads(Path(__file__).with_name("vllm_arguments.json").read_text(encoding="utf-8"))


def _version(stated: str) -> tuple[int, ...]:
    return tuple(map(int, stated.split(".")))


def inspected() -> list[tuple[int, ...]]:
    """The releases the table knows, the oldest first."""
    return [_version(stated) for stated in _document()["inspected"]]


@cache
def _ever() -> Mapping[str, list[Argument]]:
    document, found = _document(), dict[str, list[Argument]]()
    paired_since = _version(document["paired_since"])
    for flag, stretches in document["arguments"].items():
        for row in stretches:
            known = Argument(
                flag=flag,
                since=_version(row["since"]),
                until=_version(row["until"]) if "until" in row else None,
                kind=row.get("kind", "text"),
                aliases=tuple(row.get("aliases", ())),
                choices=tuple(row.get("choices", ())),
                bounds={bound: row[bound] for bound in BOUNDS if bound in row},
                none=row.get("none", False),
                auto=row.get("auto", False),
                folded=row.get("folded", False),
                words=row.get("words", 1),
                repeats=row.get("repeats", False),
            )
            for spelling, argument in known.spellings(paired_since):
                found.setdefault(spelling, []).append(argument)
    return found


@cache
def release_of(version: Version | None) -> Release:
    """The newest inspected release that is not newer than the site's; the newest of all where none is stated."""
    releases = inspected()
    judged = max((each for each in releases if version is None or each <= version), default=releases[0])
    ever = _ever()
    now = {name: known for name, stretches in ever.items() for known in stretches if known.known_to(judged)}
    return Release(judged, now, ever)
