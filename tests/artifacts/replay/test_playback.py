"""A replay as its viewers see it: the same frames, in the same order, from any point, to the same end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from artifacts.lifecycle import commands
from artifacts.models import Delta
from tests.artifacts.streams.answer import Answer
from tests.support import documents
from tests.support.line import bearer
from tests.support.place import Place, errors_of, in_database, place
from tests.support.reader import Reader

__all__ = ["place"]

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

PIECES = [" \U0001f600", " *two*", "\n\n- \u91cd", "\u8981\n- b", "\n\nThe end"]


def written(place: Place, *, is_over: bool = True) -> str:
    """In five pieces after the first, ten seconds apart; returns the text."""
    for piece in PIECES:
        place.draft.append(piece)
    if is_over:
        commands.request_stop(place.draft.pk, "cancel")
        place.draft.stop()
    now = timezone.now()
    for number, delta in enumerate(Delta.objects.filter(artifact=place.draft.pk).order_by("offset")):
        Delta.objects.filter(pk=delta.pk).update(created_at=now + timedelta(seconds=10 * number))
    return documents.row(place.draft.pk).text


async def test_text_and_page_grow_as_they_did_and_end_as_they_are(place: Place) -> None:
    text = await in_database(written)(place)
    async with place.line("?replay=50") as line, place.line("?format=html&replay=50") as page:
        await line.until(lambda reader: reader.is_ended)
        await page.until(lambda reader: reader.is_ended)
    kinds = [frame["type"] for frame in line.reader.frames]
    assert (line.reader.text, line.reader.frames[0]["text"]) == (text, "")
    assert 2 <= kinds.count("delta") <= 1 + len(PIECES)  # what is due at the same moment comes together
    statuses = [frame["state"]["status"] for frame in line.reader.frames if "state" in frame]
    assert set(statuses[:-2]) == {"streaming"}
    assert statuses[-1] == "cancelled"
    async with place.line("?format=html") as still:
        await still.until(lambda reader: reader.is_ended)
    assert page.reader.html == still.reader.html
    assert page.reader.frames[0]["fragments"] == []


async def test_it_begins_anywhere_and_goes_on_where_a_reader_was(place: Place) -> None:
    text = await in_database(written)(place)
    path, reader = f"/api/artifacts/{place.draft.pk}/events?replay=20&from=7", Reader()
    async with Answer(path, bearer(place.token), reader=reader) as answer:
        first = await answer.event()
        while (event := await answer.event()).frame["type"] != "delta":
            pass
    assert first.frame["text"] == text[:7]
    async with Answer(f"{path}&epoch=7&offset=9", bearer(place.token)) as answer:
        assert (await answer.event()).frame["text"] == text[:7]  # another epoch's cursor is none
    reader.epoch = 0
    async with Answer(path, [*bearer(place.token), (b"last-event-id", event.id.encode())], reader=reader) as answer:
        assert (await answer.event()).frame["text"] == ""
        await answer.events()
    assert (reader.text, reader.is_ended) == (text, True)


async def test_running_document_is_followed_to_its_end(place: Place) -> None:
    await in_database(written)(place, is_over=False)
    async with place.line("?replay=50&from=9999") as line:
        await line.frame()
        await in_database(place.draft.append)(" more")
        await in_database(commands.request_stop)(place.draft.pk, "cancel")
        await in_database(place.draft.stop)()
        await line.until(lambda reader: reader.is_ended)
    assert line.reader.text == (await in_database(documents.row)(place.draft.pk)).text


async def test_text_whose_deltas_are_gone_comes_whole(place: Place) -> None:
    text = await in_database(written)(place)
    await in_database(lambda: Delta.objects.filter(artifact=place.draft.pk).order_by("-offset")[:1].get().delete())()
    async with place.line("?replay=50") as line:
        await line.until(lambda reader: reader.is_ended)
    assert line.reader.text == text


@pytest.mark.parametrize("speed", ["0", "0.5", "51", "fast", "-2", "1e1", "%D9%A1"])
async def test_speed_that_is_none_is_refused(place: Place, speed: str) -> None:
    async with place.line(f"?replay={speed}") as line:
        errors = await errors_of(line)
    assert errors == (["bad_replay"], 4409)


async def test_deleted_document_ends_its_replay(place: Place) -> None:
    await in_database(written)(place)
    async with place.line("?replay=1") as line:
        await line.frame_of("delta")
        await in_database(commands.delete)(place.draft.pk)
        assert await errors_of(line) == (["deleted"], 4404)
