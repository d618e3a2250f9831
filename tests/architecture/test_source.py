"""The reader of the source itself."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.source import ROOT, Module, has, imports_in, module_of, words

SOURCE = """
import json
from a import b
if TYPE_CHECKING:
    from c import d
try:
    import e
except ImportError:
    import f as g
class C:
    def m(self):
        match self:
            case 1:
                from h import i
"""


def test_reader_sees_imports_wherever_they_stand():
    found = list(imports_in(ast.parse(SOURCE).body))

    assert [(one.target, one.name, one.is_local, one.is_for_types) for one in found] == [
        ("json", "json", False, False),
        ("a.b", "b", False, False),
        ("c.d", "d", False, True),
        ("e", "e", False, False),
        ("f", "g", False, False),
        ("h.i", "i", True, False),
    ]
    with pytest.raises(AssertionError, match="relative"):
        list(imports_in(ast.parse("from . import x").body))


def test_reader_knows_what_a_name_stands_for():
    module = Module(ROOT / "artifacts" / "signals.py")

    assert module.full(ast.parse("encode_event", mode="eval").body) == "artifacts.messaging.events.encode_event"
    assert module.full(ast.parse("outbox.post", mode="eval").body) == "artifacts.messaging.outbox.post"
    assert module.full(ast.parse("instance.delta", mode="eval").body) == ""
    assert module_of("artifacts.models.Artifact.objects") == "artifacts.models"


def test_reader_finds_functions_methods_and_words():
    assert has("artifacts.signals:broadcast_saved")
    assert has("artifacts.messaging.outbox:Outbox.put")
    assert not has("artifacts.messaging.outbox:Outbox.post")
    assert not has("artifacts.nowhere:post")
    assert words("until_HTTPAnswer_2") == {"until", "http", "answer"}
