"""What is wrong with a site file, said so that the operator can mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from pydantic_core import PydanticCustomError


@dataclass(frozen=True, order=True)
class Fault:
    """One fault: the key as written in the file, what is wrong with it, and what to write instead."""

    key: str
    problem: str
    remedy: str

    def line(self, file: str) -> str:
        place = f"{file}: {self.key}" if self.key else file
        return f"{place}: {self.problem}; {self.remedy}"

    def as_data(self, file: str) -> dict[str, str]:
        return {"file": file, **asdict(self)}


class SiteRefused(Exception):
    """A site file that could not run. Carries every fault found, because an operator mends a file once."""

    def __init__(self, file: str, faults: Iterable[Fault]) -> None:
        self.file = file
        self.faults = tuple(dict.fromkeys(faults))
        super().__init__("\n".join(self.lines))

    @property
    def lines(self) -> list[str]:
        return [fault.line(self.file) for fault in self.faults]


def invalid(problem: str, remedy: str) -> PydanticCustomError:
    """The error a domain type raises: pydantic's own carries no remedy."""
    return PydanticCustomError("invalid", "{problem}", {"problem": problem, "remedy": remedy})
