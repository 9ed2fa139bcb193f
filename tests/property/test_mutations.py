"""One thing wrong in a good site file: refused with a line that names the key, or a site that renders."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

from hypothesis import strategies as st

from infra.cli.check import planned
from infra.cli.rendering import Manifest, by_name, render
from infra.site import Fault, SiteRefused
from tests.property.mutations import KINDS, ROOT, KeyPath, Mutation, good_documents, mutations
from tests.property.seeding import for_all

MUTATIONS = 2000
JARGON = re.compile(r"Input should|type=|value_error|_type\b|Traceback|object at 0x|pydantic|ValidationError|<class ")


def as_written(path: KeyPath) -> str:
    """A key's path below the site as faults write it; the file's own keys in full."""
    inner = path[len(ROOT) :] if path[: len(ROOT)] == ROOT and path != ROOT else path
    return re.sub(
        r"\.(\[\d+\])", r"\1", ".".join(f"[{part}]" if isinstance(part, int) else _word(part) for part in inner)
    )


def _word(part: str) -> str:
    return part if part.isprintable() and part.strip() == part and part else json.dumps(part)


def names(fault: Fault, path: KeyPath) -> bool:
    """Whether a fault leads an operator to a key that was changed.

    Its own key is that one, one below it, or the section or list that holds it; or, where several keys together
    could not run, its text has the path of the key as a word of its own.
    """
    key, holder = as_written(path), as_written(path[:-1])
    if fault.key == key or fault.key.startswith((f"{key}.", f"{key}[")):
        return True
    if len(path) > len(ROOT) + 1 and fault.key == holder:
        return True
    if len(path) <= len(ROOT):
        return True
    return re.search(rf"(?<![\w.]){re.escape(key)}(?![\w\[])", f"{fault.problem} {fault.remedy}") is not None


def well_formed(refused: SiteRefused, file: Path) -> None:
    """Each fault is one line: file, key, fault and remedy, in an operator's words."""
    assert refused.faults, "a refusal says why"
    for fault, line in zip(refused.faults, refused.lines, strict=True):
        assert fault.key, f"the line names no key: {line}"
        assert line.startswith(f"{file}: {fault.key}: "), f"the line does not name file and key: {line}"
        assert line.isprintable(), f"not one line of text: {line!r}"
        assert re.search(r": \S.*\S; \S", line), f"no fault and remedy: {line}"
        assert not JARGON.search(line), f"not an operator's words: {line}"


def outcome(file: Path) -> SiteRefused | dict[tuple[str, str], Manifest]:
    """What `check` and `render` make of a file: its refusal or its manifests. Whatever else is raised is a defect."""
    try:
        plan = planned(str(file))
    except SiteRefused as refused:
        return refused
    return by_name(render(plan))


def judge(mutation: Mutation, file: Path) -> str:
    """Raises AssertionError where a mutated file is neither refused as it should be nor rendered."""
    file.write_text(mutation.text(), encoding="utf-8")
    end = outcome(file)
    if isinstance(end, SiteRefused):
        well_formed(end, file)
        named = any(names(fault, path) for fault in end.faults for path in mutation.touched)
        assert named, f"no line names {' or '.join(map(as_written, mutation.touched))}:\n{end}"
        return "refused"
    json.dumps(list(end.values()), allow_nan=False)
    assert ("Deployment", "vllm") in end
    assert ("Deployment", "compass-api") in end
    return "rendered"


def test_a_mutated_file_is_refused_by_its_key_or_renders(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.mutated.yaml"
    seen: Counter[tuple[str, str]] = Counter()

    def check(mutation: Mutation) -> None:
        try:
            seen[mutation.kind, judge(mutation, file)] += 1
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error}\nthe file:\n{mutation.text()}") from error

    for_all(st.sampled_from(good_documents()).flatmap(mutations), check, examples=MUTATIONS)
    assert seen.total() >= MUTATIONS
    assert {kind for kind, _ in seen} == set(KINDS)
    for kind in KINDS:
        assert seen[kind, "refused"] > MUTATIONS / 100, f"{kind} is hardly ever wrong: {dict(seen)}"
    assert sum(count for (_, end), count in seen.items() if end == "rendered") > MUTATIONS / 20, dict(seen)
