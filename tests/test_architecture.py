"""The borders of the house, read from the source: who imports whom, who writes, who broadcasts, and how files look."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("streamgen", "generation", "artifacts")
MAY_IMPORT = {"streamgen": {"generation", "artifacts"}, "generation": {"artifacts"}, "artifacts": set()}
PURE = (
    "generation.writing.continuation",
    "generation.seams",
    "generation.writing.sections",
    "generation.writing.turns",
    "generation.writing.kept_text",
    "generation.writing.phases",
    "generation.writing.patience",
    "generation.writing.retries",
    "generation.writing.prompts",
    "generation.writing.cancel_scope",
    "generation.writing.stream_joiner",
    "generation.markdown.fences",
    "generation.writing.section_text",
    "generation.providers.openai_compatible.answer.answers",
    "generation.providers.base",
    "generation.providers.openai_compatible.dialects",
    "generation.providers.openai_compatible.excerpts",
    "generation.providers.openai_compatible.waits",
    "generation.providers.openai_compatible.responses.kept_answer",
    "generation.providers.openai_compatible.responses.wire",
    "artifacts.preview",
    "artifacts.messaging.events",
    "artifacts.validation",
    "artifacts.live.text_log",
    "artifacts.live.protocol",
)
IMPURE = {"django", "channels", "asgiref", "openai", "httpx", "httpx2", "aiohttp", "requests", "urllib3", "websockets"}
STREAMING_FIELDS = {
    *("stream_status", "stop_requested", "last_error", "content_length", "preview_html", "preview_length", "fence"),
    *("lease_until", "current_section", "sections_completed", "sections_total", "tokens_generated"),
}
LINES = 450
WORDS = {"helper", "helpers", "util", "utils", "manager", "managers", "stuff"}


@dataclass(frozen=True, kw_only=True)
class Import:
    """One imported module or name, as a dotted path."""

    target: str
    line: int
    is_local: bool
    is_for_types: bool


@dataclass(frozen=True)
class Module:
    """One source file of the three packages."""

    path: Path

    @cached_property
    def name(self) -> str:
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @cached_property
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
        return list(_imports(self.tree.body, is_local=False, is_for_types=False))

    def nodes(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        return (node for node in ast.walk(self.tree) if isinstance(node, kinds))

    def at(self, node: ast.AST | Import) -> str:
        line = node.line if isinstance(node, Import) else getattr(node, "lineno", 0)
        return f"{self.path.relative_to(ROOT)}:{line}"


def _imports(body: list[ast.stmt], *, is_local: bool, is_for_types: bool) -> Iterator[Import]:
    for node in body:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            inside_function = is_local or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            for_types = is_for_types or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
            for part in ("body", "orelse", "finalbody"):
                yield from _imports(getattr(node, part, []), is_local=inside_function, is_for_types=for_types)
            for handler in getattr(node, "handlers", []):
                yield from _imports(handler.body, is_local=inside_function, is_for_types=for_types)
            continue
        for name in names:
            yield Import(target=name, line=node.lineno, is_local=is_local, is_for_types=is_for_types)


MODULES = [
    Module(path)
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
    if "migrations" not in path.parts
]
BY_NAME = {module.name: module for module in MODULES}


def module_of(target: str) -> str | None:
    """The project's module that an import reads: `artifacts.lifecycle.verbs.Tail` is of `artifacts.lifecycle.verbs`."""
    while target and target not in BY_NAME:
        target = target.rpartition(".")[0]
    return target or None


def is_import_of(found: Import, *names: str) -> bool:
    return any(found.target == name or found.target.startswith(f"{name}.") for name in names)


def calls(module: Module, *attributes: str) -> Iterator[ast.Call]:
    """Calls of a method with one of these names, whatever the object."""
    for node in module.nodes(ast.Call):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in attributes:
            yield node


# Who imports whom


def test_imports_go_from_streamgen_to_generation_to_artifacts_and_never_back():
    wrong = [
        f"{module.at(found)} imports {found.target}"
        for module in MODULES
        for found in module.imports
        if (package := found.target.partition(".")[0]) in PACKAGES
        and package not in MAY_IMPORT[module.package] | {module.package}
    ]

    assert not wrong


def test_no_import_hides_a_cycle():
    """Imports inside functions count as well: a cycle is one wherever it is written."""
    graph = {
        module.name: {
            target
            for found in module.imports
            if not found.is_for_types and (target := module_of(found.target)) not in {None, module.name}
        }
        for module in MODULES
    }

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"an import cycle: {' -> '.join(error.args[1])}")


def test_pure_files_import_neither_django_nor_an_http_library():
    wrong = [
        f"{module.at(found)} imports {found.target}"
        for module in MODULES
        if module.name in PURE or module.name.startswith("artifacts.preview.")
        for found in module.imports
        if not found.is_for_types and found.target.partition(".")[0] in IMPURE
    ]

    assert not wrong


def test_pure_files_load_neither_django_nor_an_http_library_by_way_of_others():
    names = [name for name in BY_NAME if name in PURE or name.startswith("artifacts.preview.")]
    program = f"import sys, {', '.join(names)}; print(*sorted({IMPURE!r} & sys.modules.keys()))"

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert (done.stdout.split(), done.stderr) == ([], "")


@pytest.mark.parametrize(
    ("library", "home"),
    [
        (
            "openai",
            {
                "generation.providers.openai_compatible.client",
                "generation.providers.openai_compatible.responses.kept_calls",
            },
        ),
        ("bleach", {"artifacts.preview.sanitise"}),
    ],
)
def test_few_files_know_the_library(library, home):
    users = {module.name for module in MODULES for found in module.imports if is_import_of(found, library)}

    assert users <= home


def test_import_inside_a_function_says_why():
    """On its line, in the comment above, or where several have one reason in the file's opening."""
    wrong = []
    for module in MODULES:
        lines = module.text.splitlines()
        for found in module.imports:
            reason = re.search(r"# noqa: PLC0415[\s#]+\w+", lines[found.line - 1])
            above = lines[found.line - 2].strip().startswith("#")
            if found.is_local and not (reason or above or "import" in (ast.get_docstring(module.tree) or "")):
                wrong.append(f"{module.at(found)} imports {found.target}")

    assert not wrong


# Who writes, who broadcasts


def test_only_lifecycle_assigns_streaming_fields():
    wrong = []
    for module in MODULES:
        if module.name == "artifacts.lifecycle.verbs":
            continue
        for node in module.nodes(ast.Assign, ast.AugAssign, ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            flat = [part for target in targets for part in getattr(target, "elts", [target])]
            wrong += [
                f"{module.at(node)} assigns {ast.unparse(target)}"
                for target in flat
                if isinstance(target, ast.Attribute)
                and target.attr in STREAMING_FIELDS
                and ast.unparse(target.value) != "self"
            ]

    assert not wrong


def test_nobody_updates_artifacts_in_bulk():
    """An `.update()` fires no signal and asks no guard."""
    wrong = []
    for module in MODULES:
        for call in calls(module, "update", "bulk_update", "update_or_create", "aupdate", "abulk_update"):
            on_artifacts = re.search(r"\bArtifact\b|\bartifacts\.", ast.unparse(call.func))
            fields = {keyword.arg for keyword in call.keywords}
            if on_artifacts or fields & STREAMING_FIELDS:
                wrong.append(f"{module.at(call)} {ast.unparse(call)}")

    assert not wrong


def test_every_save_names_its_fields_and_only_lifecycle_saves_artifacts():
    """A stale full save once turned `cancelled` back into `streaming`."""
    wrong = []
    for module in MODULES:
        for call in calls(module, "save", "asave"):
            names_fields = any(keyword.arg == "update_fields" for keyword in call.keywords)
            is_artifact = "artifact" in ast.unparse(call.func.value).lower()
            if not names_fields or (is_artifact and module.name != "artifacts.lifecycle.verbs"):
                wrong.append(f"{module.at(call)} {ast.unparse(call)}")

    assert not wrong


VERBS = {
    node.name
    for node in (BY_NAME["artifacts.lifecycle.verbs"].tree.body)
    if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
}
CALLERS = {
    "generation.worker.writer": VERBS,
    "generation.queue.claims": VERBS,
    "generation.control": VERBS,
    "generation.worker.preview_saver": {"save_preview"},
}


def test_few_files_use_the_verbs_of_lifecycle():
    wrong = []
    for module in MODULES:
        if module.name == "artifacts.lifecycle.verbs":
            continue
        for node in module.nodes(ast.Attribute):
            is_verb = isinstance(node, ast.Attribute) and ast.unparse(node.value) == "verbs" and node.attr in VERBS
            if is_verb and node.attr not in CALLERS.get(module.name, set()):
                wrong.append(f"{module.at(node)} uses verbs.{node.attr}")
        wrong += [
            f"{module.at(found)} imports {found.target}"
            for found in module.imports
            if found.target.rpartition(".")[0] == "artifacts.lifecycle.verbs"
            and found.target.rpartition(".")[2] in VERBS
        ]

    assert not wrong


def test_lifecycle_has_the_verbs_that_this_file_guards():
    assert {"plan", "open", "append", "complete_section", "request_stop", "stop", "complete", "reset"} <= VERBS


def test_only_signals_broadcasts_events():
    """Others may send to groups of their own, to see whether the layer lives; an artifact's news has one sender."""
    wrong = [
        module.at(call)
        for module in MODULES
        if module.name != "artifacts.signals"
        for call in calls(module, "group_send")
        if re.search(r"\b(group|encode)\(", ", ".join(ast.unparse(argument) for argument in call.args))
    ]
    encoders = {
        module.name
        for module in MODULES
        for node in module.nodes(ast.Name, ast.Attribute)
        if ast.unparse(node) in {"events.encode", "encode"} and is_import_of_events(module, ast.unparse(node))
    }

    assert not wrong
    assert encoders == {"artifacts.signals"}


def is_import_of_events(module: Module, name: str) -> bool:
    target = "artifacts.messaging.events" if name == "events.encode" else "artifacts.messaging.events.encode"
    return any(found.target == target for found in module.imports)


# How files look


@pytest.mark.parametrize(
    "module", [module for module in MODULES if module.text.strip()], ids=lambda module: module.name
)
def test_file_opens_with_one_to_three_sentences_and_is_not_too_long(module):
    opening, lines = (ast.get_docstring(module.tree) or "").partition("\n\n")[0], len(module.text.splitlines())

    assert 1 <= len(re.findall(r"\w[\w\s`)'\"*]*?[.!?](?=\s|$)", opening)) <= 3, "the opening docstring"
    assert lines <= LINES


def test_names_avoid_the_words_that_say_nothing():
    wrong = [str(module.path) for module in MODULES if WORDS & set(module.path.stem.lower().split("_"))]
    for module in MODULES:
        for node in ast.walk(module.tree):
            name = getattr(node, "name", None) if not isinstance(node, ast.alias) else None
            if isinstance(node, ast.arg):
                name = node.arg
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                name = node.id
            words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name) if isinstance(name, str) else []
            if WORDS & {word.lower() for word in words}:
                wrong.append(f"{module.at(node)} {name}")

    assert not wrong


# The reader itself


def test_reader_sees_imports_wherever_they_stand():
    source = """
import json
from a import b
if TYPE_CHECKING:
    from c import d
try:
    import e
except ImportError:
    import f
class C:
    def g(self):
        from h import i
"""
    found = list(_imports(ast.parse(source).body, is_local=False, is_for_types=False))

    assert [(one.target, one.is_local, one.is_for_types) for one in found] == [
        ("json", False, False),
        ("a.b", False, False),
        ("c.d", False, True),
        ("e", False, False),
        ("f", False, False),
        ("h.i", True, False),
    ]
    with pytest.raises(AssertionError, match="relative"):
        list(_imports(ast.parse("from . import x").body, is_local=False, is_for_types=False))
