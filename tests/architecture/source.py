"""Reads the three packages: modules, what they import, what they define and name. It knows no rule."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("streamgen", "generation", "artifacts")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, kw_only=True)
class Import:
    """One imported module or name: its dotted path, and the name it has in the file."""

    target: str
    name: str
    line: int
    is_local: bool
    is_for_types: bool


@dataclass(frozen=True)
class Module:
    """One source file."""

    path: Path

    @cached_property
    def name(self) -> str:
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def imports(self) -> list[Import]:
        return list(imports_in(self.tree.body))

    @cached_property
    def reads(self) -> set[str]:
        """The project's modules that it imports when it runs."""
        found = {module_of(one.target) for one in self.imports if not one.is_for_types}
        return {name for name in found if name not in {None, self.name}}

    @property
    def opening(self) -> str:
        return ast.get_docstring(self.tree) or ""

    def nodes(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        return (node for node in ast.walk(self.tree) if isinstance(node, kinds))

    def at(self, node: ast.AST | Import) -> str:
        line = node.line if isinstance(node, Import) else getattr(node, "lineno", 0)
        return f"{self.path.relative_to(ROOT)}:{line}"

    def full(self, expression: ast.AST) -> str:
        """The dotted path that `name` or `name.attribute` stands for in this file; "" for anything else."""
        head, _, rest = ast.unparse(expression).partition(".")
        target = self._targets.get(head, "")
        return f"{target}.{rest}" if target and rest else target

    @cached_property
    def _targets(self) -> dict[str, str]:
        return {one.name: one.target for one in self.imports}


def imports_in(body: list[ast.stmt], *, is_local: bool = False, is_for_types: bool = False) -> Iterator[Import]:
    """Every import, wherever it stands; relative ones are refused."""
    for node in body:
        if isinstance(node, ast.Import):
            names = [(alias.name, alias.asname or alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            names = [(f"{node.module}.{alias.name}", alias.asname or alias.name) for alias in node.names]
        else:
            inside = is_local or isinstance(node, Function)
            for_types = is_for_types or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
            for part in ("body", "orelse", "finalbody"):
                yield from imports_in(getattr(node, part, []), is_local=inside, is_for_types=for_types)
            for branch in (*getattr(node, "handlers", []), *getattr(node, "cases", [])):
                yield from imports_in(branch.body, is_local=inside, is_for_types=for_types)
            continue
        for target, name in names:
            yield Import(target=target, name=name, line=node.lineno, is_local=is_local, is_for_types=is_for_types)


def modules_in(*folders: str) -> list[Module]:
    return [
        Module(path)
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "migrations" not in path.parts
    ]


MODULES = modules_in(*PACKAGES)
BY_NAME = {module.name: module for module in MODULES}
ROOMS = [module for module in MODULES if module.path.name == "__init__.py" and module.path.parent.name != "management"]
"""Each folder, as its `__init__`; `management` only holds Django's `commands`."""


def module_of(target: str) -> str | None:
    """The project's module that an import reads: `artifacts.models.Artifact` is of `artifacts.models`."""
    while target and target not in BY_NAME:
        target = target.rpartition(".")[0]
    return target or None


def is_within(name: str, *places: str) -> bool:
    """Whether a dotted path is one of the places or lies in one."""
    return any(name == place or name.startswith(f"{place}.") for place in places)


def calls(module: Module, *attributes: str) -> Iterator[ast.Call]:
    """Calls of a method with one of these names, whatever the object."""
    for node in module.nodes(ast.Call):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in attributes:
            yield node


@dataclass(frozen=True, kw_only=True)
class Definition:
    """One top-level name of a module; `kind` is class, function or constant."""

    name: str
    kind: str
    node: ast.stmt


def definitions(module: Module) -> Iterator[Definition]:
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef):
            yield Definition(name=node.name, kind="class", node=node)
        elif isinstance(node, Function):
            yield Definition(name=node.name, kind="function", node=node)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                for part in getattr(target, "elts", [target]):
                    if isinstance(part, ast.Name):
                        yield Definition(name=part.id, kind="constant", node=node)


def files_of(places: list[str]) -> set[str]:
    """The files of places as `Module.at` gives them."""
    return {place.partition(":")[0] for place in places}


def has(reference: str) -> bool:
    """Whether `package.module:name` or `package.module:Class.name` is in the source."""
    module, _, path = reference.partition(":")
    if module not in BY_NAME:
        return False
    body: list[ast.stmt] = BY_NAME[module].tree.body
    for part in path.split("."):
        found = [node for node in body if getattr(node, "name", None) == part]
        if not found:
            return False
        body = getattr(found[0], "body", [])
    return True


def words(name: str) -> set[str]:
    """The words of a name, in small letters."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}
