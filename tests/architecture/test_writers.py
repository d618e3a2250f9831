"""Who changes a document and who tells of it: one room writes, few call it, one file broadcasts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.architecture.house import BROADCASTS, LIFECYCLE, READS_ONLY, STREAMING_FIELDS, USES_THE_VERBS
from tests.architecture.source import MODULES, Module, calls, definitions, is_within

OTHERS = [module for module in MODULES if not is_within(module.name, LIFECYCLE)]
VERBS = {
    f"{module.name}.{one.name}"
    for module in MODULES
    if is_within(module.name, LIFECYCLE) and module.name not in READS_ONLY
    for one in definitions(module)
    if one.kind == "function" and not one.name.startswith("_")
}
EVENTS = "artifacts.messaging.events"


def test_only_lifecycle_assigns_streaming_fields():
    wrong = []
    for module in OTHERS:
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

    assert wrong == []


def test_nobody_updates_artifacts_in_bulk():
    """An `.update()` fires no signal and asks no guard."""
    wrong = []
    for module in MODULES:
        for call in calls(module, "update", "bulk_update", "update_or_create", "aupdate", "abulk_update"):
            on_artifacts = re.search(r"\bArtifact\b|\bartifacts\.", ast.unparse(call.func))
            fields = {keyword.arg for keyword in call.keywords}
            if on_artifacts or fields & STREAMING_FIELDS:
                wrong.append(f"{module.at(call)} {ast.unparse(call)}")

    assert wrong == []


def test_every_save_names_its_fields_and_only_lifecycle_saves_artifacts():
    """A stale full save once turned `cancelled` back into `streaming`."""
    wrong = []
    for module in MODULES:
        for call in calls(module, "save", "asave"):
            if call.args or ast.unparse(call.func.value).endswith(".session"):
                continue  # a file, saved to the place that is given: a row's options are all named; a session has none
            names_fields = any(keyword.arg == "update_fields" for keyword in call.keywords)
            is_artifact = "artifact" in ast.unparse(call.func.value).lower()
            if not names_fields or (is_artifact and module in OTHERS):
                wrong.append(f"{module.at(call)} {ast.unparse(call)}")

    assert wrong == []


def test_few_files_use_the_verbs_of_lifecycle():
    wrong = [
        f"{module.at(node)} uses {verb}"
        for module in OTHERS
        if not is_within(module.name, *USES_THE_VERBS)
        for node, verb in _uses(module)
    ]

    assert wrong == []
    used = {verb.rpartition(".")[2] for module in OTHERS for _, verb in _uses(module)}
    assert used >= {"append", "complete", "request_stop", "reset", "save_preview"}  # the reader sees how they are used


def _uses(module: Module) -> Iterator[tuple[ast.AST, str]]:
    for node in module.nodes(ast.Attribute, ast.Name):
        if (verb := module.full(node)) in VERBS:
            yield node, verb


def test_only_one_file_broadcasts_events():
    """Others may send to groups of their own, to see whether the layer lives; an artifact's news has one sender."""
    wrong = [
        module.at(call)
        for module in MODULES
        if module.name != BROADCASTS
        for call in calls(module, "group_send")
        if re.search(
            r"\b(group|writer_group|encode_event)\(", ", ".join(ast.unparse(argument) for argument in call.args)
        )
    ]
    encoders = {
        module.name
        for module in MODULES
        for node in module.nodes(ast.Name, ast.Attribute)
        if module.full(node) == f"{EVENTS}.encode_event"
    }

    assert wrong == []
    assert encoders == {BROADCASTS}
