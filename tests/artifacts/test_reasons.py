"""The open set of reasons: what was stored before is known, and the set grows without a migration."""

from __future__ import annotations

from artifacts.models import Artifact
from artifacts.reasons import REASON_SENTENCES, Reason, reason_choices
from generation.reasons import StopReason

COLUMN = Artifact._meta.get_field("reason")


def test_every_reason_of_both_apps_has_a_sentence_and_fits_its_column():
    assert REASON_SENTENCES.keys() == {*Reason.values, *StopReason}
    assert all(sentence.endswith(".") for sentence in REASON_SENTENCES.values())
    assert max(map(len, REASON_SENTENCES)) <= COLUMN.max_length


def test_choices_are_all_codes_among_them_those_that_the_last_migration_recorded():
    assert reason_choices() == list(COLUMN.flatchoices)
    assert set(COLUMN.deconstruct()[3]["choices"]) <= set(reason_choices())


def test_another_reason_is_known_at_once_and_needs_no_migration(monkeypatch):
    before = COLUMN.deconstruct()

    monkeypatch.setitem(REASON_SENTENCES, "out_of_ink", "The printer is out of ink.")

    assert ("out_of_ink", "Out Of Ink") in COLUMN.flatchoices
    assert COLUMN.deconstruct() == before
