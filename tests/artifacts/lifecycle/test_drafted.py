"""Sections written beside the one whose turn it is: committed with it or not at all, placed once, never lost."""

from __future__ import annotations

import pytest

from artifacts.errors import WrongOffset
from artifacts.lifecycle import commands, writing
from artifacts.lifecycle.drafted import DraftFlush
from artifacts.lifecycle.writing import Append, Flush
from artifacts.models import Artifact, DraftDelta, StopRequest
from tests.support import documents
from tests.support.documents import LEASE_S, Draft, row

pytestmark = pytest.mark.django_db

OPEN_FENCE = "## Part 1\n\nSo:\n\n```python\nlight()"


def beside(*, total: int = 3) -> Draft:
    """A document whose first section is live, with an open fence, and whose second is being drafted."""
    claimed = documents.opened(total=total)
    claimed.begin(0)
    claimed.append(OPEN_FENCE)
    writing.begin_draft(claimed.pk, fence=claimed.fence, position=1, model="tiny", lease_s=LEASE_S)
    return claimed


def flush(claimed: Draft, text: str, offset: int, *, seen: str = "", position: int = 1) -> Flush:
    draft = DraftFlush(position=position, offset=offset, text=text, tokens=9)
    return Flush(offset=row(claimed.pk).length, text=seen, tokens=9, drafts=(draft,))


def append(claimed: Draft, one: Flush) -> None:
    writing.append(claimed.pk, fence=claimed.fence, flush=one, lease_s=LEASE_S)


def place(claimed: Draft, one: Flush) -> None:
    writing.place_section(claimed.pk, fence=claimed.fence, position=1, flush=one, lease_s=LEASE_S)


def test_flush_whose_answer_was_lost_is_committed_once():
    claimed = beside()
    for one in (flush(claimed, "## Part 2\n\n", 0), flush(claimed, "By ship.", 11, seen=" x")):
        for _ in range(3):
            append(claimed, one)
    assert row(claimed.pk).text == OPEN_FENCE + " x"
    assert list(DraftDelta.objects.order_by("offset").values_list("text", flat=True)) == ["## Part 2\n\n", "By ship."]


def test_flush_with_a_wrong_draft_commits_nothing_and_harms_no_other():
    wrong, right = beside(), beside()
    appends = [
        Append(artifact=one.pk, fence=one.fence, flush=flush(one, "Late.", at, seen=" x"), lease_s=LEASE_S)
        for one, at in ((wrong, 5), (right, 0))
    ]
    refused, taken = writing.append_together(appends)
    assert isinstance(refused, WrongOffset)
    assert taken.length == len(OPEN_FENCE) + 2
    assert (row(wrong.pk).text, row(right.pk).text) == (OPEN_FENCE, OPEN_FENCE + " x")
    assert DraftDelta.objects.count() == 1


def test_draft_is_placed_once_with_what_came_last():
    claimed = beside()
    append(claimed, flush(claimed, "## Part 2\n\nBy", 0))
    claimed.end_section(0, "\n```")
    last = flush(claimed, " ship.", 13)
    for _ in range(2):
        place(claimed, last)
    now = row(claimed.pk)
    assert now.text == OPEN_FENCE + "\n```\n\n## Part 2\n\nBy ship."
    assert "".join(documents.deltas(claimed.pk)) == now.text
    assert (now.current_section, DraftDelta.objects.count()) == ("Part 2", 0)
    claimed.append(" And by rail.")
    assert row(claimed.pk).text.endswith("By ship. And by rail.")


@pytest.mark.parametrize("has_writer", [True, False])
def test_cancel_closes_what_is_open_before_the_next_section(has_writer):
    claimed = beside()
    append(claimed, flush(claimed, "## Part 2\n\nBy", 0))
    if has_writer:
        commands.request_stop(claimed.pk, StopRequest.CANCEL)
        claimed.stop("!")
    else:
        documents.expire(claimed.pk)
        commands.request_stop(claimed.pk, StopRequest.CANCEL)
    now = row(claimed.pk)
    assert now.text == OPEN_FENCE + ("!" if has_writer else "") + "\n```\n\n## Part 2\n\nBy"
    assert "".join(documents.deltas(claimed.pk)) == now.text
    assert [one.status for one in now.sections.order_by("position")] == ["partial", "partial", "pending"]


def test_document_written_anew_keeps_its_drafts_in_the_version():
    claimed = beside()
    append(claimed, flush(claimed, "## Part 2\n\nBy", 0))
    claimed.stop()
    assert row(claimed.pk).text == OPEN_FENCE
    commands.reset(claimed.pk, documents.sections(2), "")
    assert Artifact.objects.get(pk=claimed.pk).versions.get().content.endswith("## Part 2\n\nBy")
    assert DraftDelta.objects.count() == 0
