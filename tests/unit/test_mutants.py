"""The mutants of the decisions: a mutant whose place is gone breaks nothing, and so proves nothing."""

from __future__ import annotations

from tools.mutants import MUTANTS, ROOT


def test_every_mutant_finds_its_place() -> None:
    lost = [(each.decision, each.old) for each in MUTANTS if (ROOT / each.file).read_text().count(each.old) != 1]
    assert not lost


def test_every_decision_has_a_mutant() -> None:
    assert {each.decision for each in MUTANTS} == {f"D{number}" for number in range(1, 19)}
