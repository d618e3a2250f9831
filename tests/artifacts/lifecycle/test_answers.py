"""What a section remembers of an answer that its endpoint keeps: saved with the text that came of it, and only then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from artifacts.answer_place import NO_ANSWER, AnswerPlace
from artifacts.errors import WrongOffset
from artifacts.lifecycle import commands, writing
from artifacts.lifecycle.writing import Flush
from artifacts.models import Section
from artifacts.reasons import Reason
from tests.support import documents
from tests.support.documents import LEASE_S, Draft, row

pytestmark = pytest.mark.django_db

PLACE = AnswerPlace(id="resp_1", after=3, tokens=7, event=12, chars=40)


def answer_of(draft: Draft, position: int = 0) -> AnswerPlace:
    return Section.objects.get(artifact=draft.pk, position=position).answer_place


def test_place_of_a_kept_answer_is_saved_with_the_text_it_belongs_to():
    draft = documents.opened()
    draft.begin(0)
    flush = replace(draft.next_flush("some text"), answer=PLACE)
    writing.append(draft.pk, fence=draft.fence, flush=flush, lease_s=LEASE_S)
    assert answer_of(draft) == PLACE

    draft.append(" and more")  # says nothing of it
    assert answer_of(draft) == PLACE

    with pytest.raises(WrongOffset):
        writing.append(
            draft.pk, fence=draft.fence, flush=Flush(offset=0, text="x", tokens=0, answer=NO_ANSWER), lease_s=LEASE_S
        )
    assert answer_of(draft) == PLACE


def test_answer_is_noted_before_its_text_and_is_no_news():
    draft = documents.opened()
    draft.begin(0)
    seq = row(draft.pk).seq
    writing.renew(draft.pk, fence=draft.fence, lease_s=LEASE_S, answer=PLACE)
    assert answer_of(draft) == PLACE
    assert row(draft.pk).seq == seq


def test_answer_outlives_a_stop_and_a_release_and_ends_with_its_section():
    draft = documents.opened()
    draft.begin(0)
    flush = replace(draft.next_flush("some text"), answer=PLACE)
    writing.stop(draft.pk, fence=draft.fence, flush=flush, section_tokens=7, reason=Reason.USER)
    assert answer_of(draft) == PLACE

    commands.resume(draft.pk)
    draft = documents.reopened(draft.pk)
    draft.begin(0)
    draft.release()
    assert answer_of(draft) == PLACE

    draft = documents.reopened(draft.pk)
    draft.begin(0)
    draft.end_section(0, ".")
    assert answer_of(draft).id == ""


def test_place_goes_to_the_section_that_is_written():
    draft = documents.opened()
    draft.begin(0)
    draft.end_section(0, "One.")
    draft.begin(1)
    writing.renew(draft.pk, fence=draft.fence, lease_s=LEASE_S, answer=PLACE)
    assert answer_of(draft).id == ""
    assert answer_of(draft, 1) == PLACE
