"""From the annotation of a config class's field to the keywords of its argument, as vLLM derives them.

The rules are those of `get_kwargs` in `vllm/engine/arg_utils.py`: the first of switch, choice, collection, whole
number, number, JSON and text that a member of the annotation calls for.
"""

from __future__ import annotations

import ast
from typing import Any, Protocol

BOUNDS = ("ge", "gt", "le", "lt")
_COLLECTIONS = ("tuple", "list", "set", "Sequence")
_WRAPPERS = ("Annotated", "SkipValidation", "Optional", "Required", "InitVar")


class Modules(Protocol):
    def declaring(self, name: str) -> list[ast.Module]: ...


class Annotations:
    """The annotations of one distribution; `engine` is the module that holds the rules."""

    def __init__(self, modules: Modules, engine: ast.Module) -> None:
        self._modules = modules
        named = ("_compute_kwargs", "get_kwargs")
        rules = [node for node in engine.body if isinstance(node, ast.FunctionDef) and node.name in named]
        groups = [n for rule in rules for n in ast.walk(rule) if isinstance(n, ast.Set | ast.Tuple)]
        self._sizes = {e.value for group in groups for e in group.elts if isinstance(e, ast.Constant)}
        self._valued_switches = any("'nargs'] = '?'" in ast.unparse(rule) for rule in rules)

    def keywords(self, owner: str) -> dict[str, dict[str, Any]]:
        """Of every field of a config class, those of the classes it inherits from first."""
        table: dict[str, dict[str, Any]] = {}
        for module, node in self._classes(owner):
            for base in node.bases:
                table |= self.keywords(ast.unparse(base)) if isinstance(base, ast.Name) else {}
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    name = field.target.id
                    members = self._members(field.annotation, module)
                    table[name] = self._derived(name, members, module) | self._bounds(field)
        return table

    def choices(self, name: str, module: ast.Module) -> list[Any] | None:
        literal = self._members(ast.Name(name), module)
        return _options(literal)

    def constant(self, node: ast.expr, module: ast.Module) -> Any:
        """A literal, or what a name of a module stands for."""
        if isinstance(node, ast.Constant):
            return node.value
        name = ast.unparse(node)
        for tree in [module, *self._modules.declaring(name)]:
            for each in tree.body:
                target = each.target if isinstance(each, ast.AnnAssign) else None
                target = each.targets[0] if isinstance(each, ast.Assign) else target
                if isinstance(target, ast.Name) and target.id == name:
                    value = getattr(each, "value", None)
                    return value.value if isinstance(value, ast.Constant) else None
        return None

    def _classes(self, name: str) -> list[tuple[ast.Module, ast.ClassDef]]:
        found = [
            (module, node)
            for module in self._modules.declaring(name)
            for node in module.body
            if isinstance(node, ast.ClassDef) and node.name == name
        ]
        return found[:1]

    def _derived(self, name: str, members: list[ast.expr], module: ast.Module) -> dict[str, Any]:
        heads = [_head(member) for member in members]
        optional = "None" in heads
        classes = {head: self._classes(head) for head in heads if head.isidentifier()}
        if any(_is_config(node) for found in classes.values() for _, node in found):
            return {"type": "optional config" if optional else "config"}
        heads = [
            "dict" if any(_head(b) == "dict" for _, n in classes.get(h, []) for b in n.bases) else h for h in heads
        ]
        foreign = any(head not in ("bool", "int", "float", "str", "dict", "None") for head in heads)
        keywords: dict[str, Any] = {"type": "str"}
        if set(heads) == {"bool", "str", "None"} and self._valued_switches:
            return {"type": "str", "nargs": "?"}
        if "bool" in heads:
            return {"action": "BooleanOptionalAction"}
        if "Literal" in heads:
            options = _options(members) or []
            kinds = {type(option).__name__ for option in options}
            keywords = {"type": kinds.pop() if len(kinds) == 1 else "str"}
            if "str" not in heads and options and keywords["type"] in ("str", "int"):
                keywords["choices"] = options
        elif collection := next((member for member in members if _head(member) in _COLLECTIONS), None):
            keywords = self._collection(collection, module)
        elif "int" in heads:
            auto = "auto " if name == "max_model_len" else ""
            keywords = {"type": f"{auto}size" if auto or name in self._sizes else "int"}
        elif "float" in heads:
            keywords = {"type": "float"}
        elif "dict" in heads and not ("str" in heads or foreign):
            keywords = {"type": "loads"}
        if optional and keywords["type"]:
            keywords["type"] = f"optional {keywords['type']}"
        return keywords

    def _collection(self, node: ast.expr, module: ast.Module) -> dict[str, Any]:
        items = node.slice if isinstance(node, ast.Subscript) else ast.Name("str")
        elements = items.elts if isinstance(items, ast.Tuple) else [items]
        open_ended = _head(node) != "tuple" or any(ast.unparse(element) == "..." for element in elements)
        members = self._members(elements[0], module)
        heads = [_head(member) for member in members]
        options = _options(members)
        keywords: dict[str, Any] = {"nargs": "+" if open_ended else len(elements)}
        keywords["type"] = heads[0] if heads in (["int"], ["float"]) else "str"
        return keywords | ({"choices": options} if options and heads == ["Literal"] else {})

    def _members(self, node: ast.expr, module: ast.Module, depth: int = 0) -> list[ast.expr]:
        """The alternatives of an annotation, names of aliases replaced by what they stand for."""
        match node:
            case ast.Constant(value=str(text)):
                return self._members(ast.parse(text, mode="eval").body, module, depth)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return self._members(left, module, depth) + self._members(right, module, depth)
            case ast.Subscript(value=ast.Name("Union"), slice=ast.Tuple(elts=items)):
                return [member for item in items for member in self._members(item, module, depth)]
            case ast.Subscript(value=ast.Name(name), slice=inner) if name in _WRAPPERS:
                first = inner.elts[0] if isinstance(inner, ast.Tuple) else inner
                none = [ast.Constant(None)] if name == "Optional" else []
                return self._members(first, module, depth) + none
            case ast.Subscript(value=ast.Name("Literal"), slice=items):
                return [self._literal(items, module, depth)]
            case ast.Name(name) if depth < 9 and (alias := self._alias(name, module)):
                return self._members(alias[1], alias[0], depth + 1)
            case _:
                return [node]

    def _literal(self, items: ast.expr, module: ast.Module, depth: int) -> ast.expr:
        """A Literal with the options of the Literals it names; without any where one of them cannot be read."""
        options: list[ast.expr] = []
        for item in items.elts if isinstance(items, ast.Tuple) else [items]:
            if isinstance(item, ast.Constant):
                options.append(item)
                continue
            named = _options(self._members(item, module, depth + 1))
            if not named:
                return ast.Subscript(ast.Name("Literal"), ast.Tuple([]))
            options += map(ast.Constant, named)
        return ast.Subscript(ast.Name("Literal"), ast.Tuple(options))

    def _alias(self, name: str, module: ast.Module) -> tuple[ast.Module, ast.expr] | None:
        """What a name stands for in its module, where only a type checker sees the import: at run time."""
        for tree in [module, *self._modules.declaring(name)]:
            late = [s for node in tree.body if isinstance(node, ast.If) for s in node.orelse]
            for node in [*tree.body, *late]:
                target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
                value = getattr(node, "value", None)
                if isinstance(target, ast.Name) and target.id == name and value is not None:
                    return None if ast.unparse(value) == name else (tree, value)
        return None

    def _bounds(self, field: ast.AnnAssign) -> dict[str, Any]:
        calls = [node for node in ast.walk(field) if isinstance(node, ast.Call) and ast.unparse(node.func) == "Field"]
        given = [keyword for call in calls for keyword in call.keywords if keyword.arg in BOUNDS]
        found: dict[str, Any] = {}
        for keyword in given:
            try:
                found[str(keyword.arg)] = ast.literal_eval(keyword.value)
            except ValueError:
                continue
        return found


def _head(node: ast.expr) -> str:
    head = node.value if isinstance(node, ast.Subscript) else node
    return head.attr if isinstance(head, ast.Attribute) else ast.unparse(head)


def _options(members: list[ast.expr]) -> list[Any] | None:
    options: list[Any] = []
    for member in members:
        if _head(member) == "Literal" and isinstance(member, ast.Subscript):
            items = member.slice.elts if isinstance(member.slice, ast.Tuple) else [member.slice]
            options += [item.value for item in items if isinstance(item, ast.Constant)]
    return options or None


def _is_config(node: ast.ClassDef) -> bool:
    return any(ast.unparse(decorator).split("(")[0] in ("config", "dataclass") for decorator in node.decorator_list)
