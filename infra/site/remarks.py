"""What the docstrings of a section say of its keys.

pydantic can read them too, but when each class is made: a seventh of a check's time for texts that a check never shows.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from itertools import pairwise

from .section import Section


@cache
def remarks(section: type[Section]) -> dict[str, str]:
    """The docstring under each attribute of a section, by the attribute's name."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(section))).body
    found: dict[str, str] = {}
    for key, text in pairwise(body.body if isinstance(body, ast.ClassDef) else []):
        if isinstance(key, ast.AnnAssign) and isinstance(key.target, ast.Name) and isinstance(text, ast.Expr):
            found[key.target.id] = " ".join(str(ast.literal_eval(text.value)).split())
    return found
