"""From sync to async and back: the table in docs/architecture.md says where, and nowhere else."""

from __future__ import annotations

import ast
import re

from tests.architecture.source import MODULES, ROOT

CROSSINGS = {
    *("database_sync_to_async", "sync_to_async", "async_to_sync", "to_thread", "run_in_executor"),
    *("call_soon_threadsafe", "run_coroutine_threadsafe"),
}
TWINS = {"get", "create", "save", "delete", "first", "last", "count", "exists", "update", "bulk_create", "aggregate"}


def test_table_of_crossings_is_true():
    told = re.findall(
        rf"^\| `([\w/]+\.py)` \| `({'|'.join(CROSSINGS)})` \|",
        (ROOT / "docs/architecture.md").read_text(),
        re.MULTILINE,
    )
    found = {
        (str(module.path.relative_to(ROOT)), name)
        for module in MODULES
        for node in module.nodes(ast.Name, ast.Attribute)
        if (name := node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")) in CROSSINGS
    }

    assert found - set(told) == set(), "crossings that the table does not tell"
    assert set(told) - found == set(), "crossings that are gone"
    assert len(told) == len(set(told))


def test_crossings_go_by_their_own_names():
    """Under another name the table would miss them; Django's async methods are crossings that do not look like one."""
    renamed = [
        f"{module.at(found)} {found.target} as {found.name}"
        for module in MODULES
        for found in module.imports
        if found.target.rpartition(".")[2] in CROSSINGS and not found.target.endswith(f".{found.name}")
    ]
    hidden = [
        f"{module.at(node)} {ast.unparse(node)}"
        for module in MODULES
        for node in module.nodes(ast.Attribute)
        if isinstance(node, ast.Attribute) and node.attr.startswith("a") and node.attr[1:] in TWINS
    ]

    assert (renamed, hidden) == ([], [])
