"""What pages list is all there is: commands with their options, and the codes that somebody may have to look up."""

from __future__ import annotations

import re
from argparse import ArgumentParser

import pytest
from django.core.management import load_command_class
from django.core.management.base import BaseCommand

from artifacts.operating.outages import SENTENCES
from artifacts.reasons import REASON_SENTENCES
from tests.support.servers import ROOT

COMMANDS = {
    path.stem: app
    for app in ("generation", "streamgen")
    for path in (ROOT / app / "management/commands").glob("[a-z]*.py")
}


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_command_stands_on_its_page_with_each_of_its_options(name):
    shown = name.replace("_", "-")
    command = load_command_class(COMMANDS[name], name)
    parser = command.create_parser("manage.py", shown)
    options = options_of(parser) - options_of(PlainCommand().create_parser("manage.py", "any"))
    told = page("commands.md")

    assert re.search(rf"^\| .*`{shown}`", told, re.MULTILINE)
    assert sorted(option for option in options if not re.search(rf"[` ]{option}\b", told)) == []


class PlainCommand(BaseCommand):
    """What every command has."""


def options_of(parser: ArgumentParser) -> set[str]:
    return {option for action in parser._actions for option in action.option_strings}


def test_every_reason_of_a_document_has_its_row():
    told = set(re.findall(r"^\| `(\w+)` \|", page("troubleshooting.md"), re.MULTILINE))

    assert {str(code) for code in REASON_SENTENCES} - told == set()


def test_every_trouble_of_the_database_is_on_the_page():
    told = page("troubleshooting.md")

    assert [kind for kind in SENTENCES if kind != "layer" and f"`database_{kind}`" not in told] == []
