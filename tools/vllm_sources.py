"""What a source distribution of vLLM declares as arguments of `vllm serve`, read from its syntax trees alone.

The declarations are ordinary `add_argument` calls, most of whose keywords vLLM derives from the annotations of its
config classes. Both are followed here statement by statement. Nothing of vLLM is imported, and whatever cannot be
read for certain is `None`, which the table takes for plain text.
"""

from __future__ import annotations

import ast
import re
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from .vllm_types import Annotations

Keywords = dict[str, Any]

SUBCOMMAND = "entrypoints/cli/serve.py"
ENGINE = "engine/arg_utils.py"
FRONTEND = ("entrypoints/openai/cli_args.py", "entrypoints/launchers/cli_args.py", "entrypoints/common/cli_args.py")
"""Where the arguments of the HTTP server were over the years; the first that exists counts."""

DECLARATION = re.compile(r"^(?:class (\w+)\b|([A-Z]\w+)\s*(?::[^=\n]*)?=)", re.MULTILINE)
MOST_DECLARATIONS = 3
"""Modules looked through for a name: one bound in more of them is no type of an argument."""


class Sources:
    """The Python files of one distribution, below its folder `vllm`."""

    def __init__(self, archive: Path) -> None:
        self._texts: dict[str, str] = {}
        with tarfile.open(archive) as tar:
            for member in tar:
                _, _, path = member.name.partition("/vllm/")
                if member.isfile() and path.endswith(".py"):
                    content = tar.extractfile(member)
                    self._texts[path] = content.read().decode() if content else ""
        self.tree = cache(self._tree)
        self._declared: dict[str, list[str]] = {}
        for path in sorted(self._texts, key=lambda path: (not path.startswith("config"), path)):
            for match in DECLARATION.finditer(self._texts[path]):
                self._declared.setdefault(match[1] or match[2], []).append(path)

    def _tree(self, path: str) -> ast.Module | None:
        return ast.parse(self._texts[path]) if path in self._texts else None

    def declaring(self, name: str) -> list[ast.Module]:
        """The modules that bind a name at their top level, those of the config classes first."""
        paths = dict.fromkeys(self._declared.get(name, [])[:MOST_DECLARATIONS])
        return [tree for tree in map(self.tree, paths) if tree]

    @property
    def paired(self) -> bool:
        """Whether a switch `--enable-x` has `--disable-x` for its inverse, and the other way round."""
        text = self._texts.get("utils/argparse_utils.py", "")
        return "class EnableDisableAction(BooleanOptionalAction)" in text

    def arguments(self) -> Iterator[tuple[list[str], Keywords]]:
        """Option strings and keywords of every `add_argument` call, in the order of the calls."""
        engine = self.tree(ENGINE)
        frontend = next(filter(None, map(self.tree, FRONTEND)), None)
        if engine is None or frontend is None:
            raise SystemExit(
                f"found no {ENGINE}, or none of {', '.join(FRONTEND)}: vLLM declares its arguments elsewhere"
            )
        for tree in (self.tree(SUBCOMMAND), frontend, engine):
            for function in _declaring_functions(tree) if tree else ():
                yield from _Run(Annotations(self, engine), tree).of(function)


def _declaring_functions(tree: ast.Module) -> list[ast.FunctionDef]:
    named = {"add_cli_args", "make_arg_parser", "subparser_init"}
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name in named]


class _Run:
    """One function that declares arguments, followed with the values of its names as far as they can be read."""

    def __init__(self, annotations: Annotations, tree: ast.Module) -> None:
        self._annotations, self._tree = annotations, tree
        self._names: dict[str, Any] = {}
        self._found: list[tuple[list[str], Keywords]] = []

    def of(self, function: ast.FunctionDef) -> list[tuple[list[str], Keywords]]:
        owners = [node for node in self._tree.body if isinstance(node, ast.ClassDef) and function in node.body]
        if owners and owners[0].name.startswith("Base"):
            heirs = [n for n in self._tree.body if isinstance(n, ast.ClassDef) and n.name == owners[0].name[4:]]
            owners = heirs or owners
        self._names["cls"] = owners[0].name if owners else None
        self._follow(function.body)
        return self._found

    def _follow(self, body: list[ast.stmt]) -> None:
        for statement in body:
            match statement:
                case ast.Assign(targets=[ast.Name(name)], value=value):
                    self._names[name] = self._value(value)
                case ast.Assign(targets=[ast.Subscript() as target], value=value):
                    self._store(target, self._value(value))
                case ast.AugAssign(target=ast.Subscript() as target):
                    self._store(target, None)
                case ast.Delete(targets=[ast.Subscript() as target]):
                    self._store(target, None, forget=True)
                case ast.If():
                    self._follow(statement.body)
                case ast.For(iter=ast.Call(func=ast.Attribute(value=table, attr="items"))):
                    for key, keywords in (self._value(table) or {}).items():
                        self._found.append(([f"--{key.replace('_', '-')}"], keywords))
                case ast.For(target=ast.Tuple(elts=targets), iter=ast.List(elts=rows)):
                    for row in map(self._value, rows):
                        self._names |= dict(zip(map(ast.unparse, targets), row or [], strict=False))
                        self._follow(statement.body)
                case ast.Expr(value=ast.Call() as call):
                    self._call(call)
                case _:
                    pass

    def _store(self, target: ast.Subscript, value: Any, *, forget: bool = False) -> None:
        holder, key = self._value(target.value), self._value(target.slice)
        if isinstance(holder, dict) and forget:
            holder.pop(key, None)
        elif isinstance(holder, dict):
            holder[key] = value

    def _call(self, call: ast.Call) -> None:
        match call.func:
            case ast.Attribute(attr="add_argument"):
                strings = [value for value in map(self._value, call.args) if isinstance(value, str)]
                options = [value for value in strings if value.startswith("-")]
                if options:
                    self._found.append((options, self._keywords(call)))
            case ast.Attribute(value=holder, attr="remove"):
                values, gone = self._value(holder), self._annotations.constant(call.args[0], self._tree)
                if isinstance(values, list):
                    values[:] = [value for value in values if gone not in (None, value)]
            case _:
                pass

    def _keywords(self, call: ast.Call) -> Keywords:
        keywords: Keywords = {}
        for keyword in call.keywords:
            if keyword.arg:
                keywords[keyword.arg] = self._value(keyword.value)
            else:
                keywords |= self._value(keyword.value) or {"type": None}
        return keywords

    def _value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name) if name in self._names:
                return self._names[name]
            case ast.Name(id=name) | ast.Attribute(attr=name):
                return name
            case ast.Subscript(value=holder, slice=key):
                values = self._value(holder)
                return values.get(self._value(key)) if isinstance(values, dict) else None
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return [self._value(item) for item in items]
            case ast.Dict(keys=keys, values=values):
                merged: Keywords = {}
                for key, value in zip(keys, values, strict=True):
                    merged |= {self._value(key): self._value(value)} if key else self._value(value) or {}
                return merged
            case ast.Lambda() if ast.unparse(node.body).endswith(".lower().replace('-', '_')"):
                return "folded"
            case ast.Call(func=ast.Name("get_kwargs"), args=[of]):
                return self._annotations.keywords(str(self._value(of)))
            case ast.Call(func=ast.Name("get_args"), args=[ast.Name(name)]):
                return self._annotations.choices(name, self._tree)
            case ast.Call(func=ast.Name("optional_type"), args=[inner]):
                return f"optional {self._value(inner)}"
            case ast.Call(func=ast.Attribute(attr="_customize_cli_kwargs"), args=[table]):
                return self._customized(self._value(table))
            case _:
                return None

    def _customized(self, table: Any) -> Any:
        for node in ast.walk(self._tree):
            if isinstance(node, ast.FunctionDef) and node.name == "_customize_cli_kwargs":
                self._names["frontend_kwargs"] = table
                body = [each for each in node.body if not ast.unparse(each).startswith("frontend_kwargs = super()")]
                self._follow(body)
        return table
