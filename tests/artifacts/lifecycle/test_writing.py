"""What a writer's verbs do to sections and text: deltas joined are the text, folding is linear, an append is cheap."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.errors import WrongOffset
from artifacts.lifecycle import commands, writing
from artifacts.lifecycle.writing import FOLD_CHARS, Flush
from artifacts.models import Artifact, Delta, Section, StopRequest
from generation.reasons import StopReason
from tests.support import documents
from tests.support.documents import LEASE_S, Draft, row

pytestmark = pytest.mark.django_db
IO = Path("/proc/self/io")


# A section


def test_begun_section_keeps_its_start_when_it_is_begun_again():
    draft = documents.opened()
    draft.begin(0)
    draft.end_section(0, "One")
    draft.begin(1)
    draft.append("Tw")
    draft.release()
    draft = documents.reopened(draft.pk)

    draft.begin(1)

    section = Section.objects.get(artifact=draft.pk, position=1)
    assert (section.start, section.status, section.model) == (3, "streaming", "tiny")
    assert row(draft.pk).current_section == "Part 2"


def test_completed_sections_are_counted_and_carry_their_tokens():
    draft = documents.opened(total=2)
    draft.begin(0)

    draft.end_section(0, "One", tokens=11)

    artifact = row(draft.pk)
    assert (artifact.sections_completed, artifact.sections_total, artifact.current_section) == (1, 2, "")
    assert artifact.tokens_generated == 11
    section = Section.objects.get(artifact=artifact, position=0)
    assert (section.status, section.tokens) == ("complete", 11)


def test_document_with_an_unwritten_section_never_becomes_complete():
    draft = documents.opened(total=2)
    draft.begin(0)
    draft.end_section(0, "One")

    with pytest.raises(IntegrityError, match="artifact_complete_is_whole"):
        draft.complete()

    assert row(draft.pk).stream_status == "streaming"


# The text


def may_be_behind(artifact: Artifact) -> int:
    return max(FOLD_CHARS, artifact.content_length // 4)


def test_joined_deltas_are_the_text_and_never_far_behind_whatever_the_chunking():
    @settings(max_examples=25)
    @given(st.lists(st.integers(min_value=1, max_value=9_000), min_size=1, max_size=12))
    def holds(sizes: list[int]) -> None:
        draft, written = documents.opened(total=1), ""
        for number, size in enumerate(sizes):
            text = (f"{number} é𝄞\n" * size)[:size]
            written += text
            assert draft.append(text).length == len(written)
            artifact = row(draft.pk)
            assert artifact.text == "".join(documents.deltas(draft.pk)) == written
            assert artifact.content == written[: artifact.content_length]
            assert artifact.length - artifact.content_length < may_be_behind(artifact)
        draft.stop()
        assert row(draft.pk).content == written

    holds()


def test_row_of_a_large_document_grows_no_more_until_its_end():
    draft = documents.opened(total=1)
    for number in range(4):
        draft.append(f"{number}{'é' * 399_999}")
    artifact = row(draft.pk)
    assert (artifact.content_length, artifact.length) == (1_200_000, 1_600_000)
    assert artifact.text == "".join(documents.deltas(draft.pk))

    draft.stop(" The end.")
    assert row(draft.pk).content == artifact.text + " The end."


@pytest.mark.parametrize("end", ["complete", "stop", "cancel without a writer"])
def test_nothing_is_behind_the_folded_text_at_a_stop(end):
    draft = documents.opened(total=1)
    draft.begin(0)
    draft.append("Once upon a time")
    if end == "complete":
        draft.end_section(0)
        draft.complete()
    elif end == "stop":
        draft.stop(", there was a tail")
    else:
        documents.expire(draft.pk)
        commands.request_stop(draft.pk, StopRequest.CANCEL)

    artifact = row(draft.pk)
    assert artifact.content == "".join(documents.deltas(draft.pk)) != ""
    assert artifact.content_length == artifact.length == len(artifact.content)


def test_all_folding_together_is_linear_in_the_text():
    draft, folded, before = documents.opened(total=1), 0, 0
    for _ in range(400):
        draft.append("x" * 400)
        content_length = row(draft.pk).content_length
        if content_length != before:
            folded, before = folded + content_length, content_length

    assert row(draft.pk).length == 160_000
    assert folded <= 6 * 160_000


def test_append_repeated_changes_nothing():
    draft = documents.opened()
    draft.append("Once")
    first = draft.append(" upon", offset=4, tokens=2)
    before = documents.everything(draft.pk)

    assert draft.append(" upon", offset=4, tokens=2) == first
    assert documents.everything(draft.pk) == before


@pytest.mark.parametrize("end", ["complete_section", "stop", "release"])
def test_tail_that_was_committed_already_is_not_written_twice(end):
    draft = documents.opened()
    draft.begin(0)
    draft.append("Once")
    draft.append(" upon", offset=4)

    again = Flush(offset=4, text=" upon", tokens=2)
    if end == "complete_section":
        writing.complete_section(draft.pk, fence=draft.fence, position=0, flush=again, tokens=2, model="", lease_s=1)
    elif end == "stop":
        writing.stop(draft.pk, fence=draft.fence, flush=again, section_tokens=2, reason=StopReason.DEADLINE)
    else:
        writing.release(draft.pk, fence=draft.fence, flush=again, section_tokens=2)

    assert documents.deltas(draft.pk) == ["Once", " upon"]
    assert row(draft.pk).text == "Once upon"


@pytest.mark.parametrize("offset", [0, 3, 5, 400])
@pytest.mark.parametrize("text", [" upon", ""])
def test_tail_at_another_offset_than_the_end_is_refused(offset, text):
    draft = documents.opened()
    draft.begin(0)
    draft.append("Once")
    before = documents.everything(draft.pk)
    flush = Flush(offset=offset, text=text, tokens=9)

    for verb in (
        lambda: writing.append(draft.pk, fence=draft.fence, flush=flush, lease_s=LEASE_S),
        lambda: writing.stop(draft.pk, fence=draft.fence, flush=flush, section_tokens=1, reason=StopReason.DEADLINE),
        lambda: writing.release(draft.pk, fence=draft.fence, flush=flush, section_tokens=1),
        lambda: writing.complete_section(
            draft.pk, fence=draft.fence, position=0, flush=flush, tokens=1, model="tiny", lease_s=LEASE_S
        ),
    ):
        with pytest.raises(WrongOffset, match=f"ends at 4, the delta begins at {offset}"):
            verb()
        assert documents.everything(draft.pk) == before


def test_other_text_at_the_same_place_is_refused():
    draft = documents.opened()
    draft.append("Once")

    with pytest.raises(WrongOffset):
        draft.append("Here", offset=0)

    assert row(draft.pk).text == "Once"


@pytest.mark.parametrize("text", ["a\0b", "a\ud800", "\udfff"])
def test_text_that_databases_would_change_is_no_flush(text):
    with pytest.raises(ValueError, match="clean it"):
        Flush(offset=0, text=text, tokens=0)


def test_append_without_text_is_no_delta():
    draft = documents.opened()

    draft.append("", tokens=5)

    assert (documents.deltas(draft.pk), row(draft.pk).tokens_generated) == ([], 5)


def test_delta_carries_the_seq_of_its_write():
    draft = documents.opened()

    seqs = [draft.append(text).seq for text in ("Once", " upon", " a time")]

    assert list(Delta.objects.filter(artifact=draft.pk).order_by("offset").values_list("seq", flat=True)) == seqs


# What a verb costs, and what it saves


def statements(work: Callable[[], object]) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        work()
    return [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]


def bytes_read() -> int:
    return int(IO.read_text().split()[1])


def saved_fields(work: Callable[[], object]) -> set[str]:
    """The columns that the artifact's UPDATE sets."""
    (update,) = [sql for sql in statements(work) if sql.startswith('UPDATE "artifacts_artifact"')]
    return set(re.findall(r'"(\w+)" = ', update.partition(" WHERE ")[0]))


def test_append_neither_reads_nor_writes_the_text_and_costs_the_same_at_any_length():
    def cost_at(length: int) -> list[str]:
        draft = documents.opened()
        if length:
            draft.append("x" * length)
        found = statements(lambda: writing.append(draft.pk, fence=draft.fence, flush=flush(length), lease_s=LEASE_S))
        return [re.sub(r"'[^']*'|\d+", "?", sql) for sql in found]

    def flush(length: int) -> Flush:
        return Flush(offset=length, text="y" * 400, tokens=1)

    empty, long = cost_at(0), cost_at(200_000)

    assert [sql.split()[0] for sql in long] == ["SELECT", "INSERT", "UPDATE"]
    assert empty == long
    assert not any(name in sql for sql in long for name in ('"content"', '"preview_html"', '"instructions"'))


APPEND_FIELDS = {"seq", "updated_at", "tokens_generated", "length"}
STOP_FIELDS = {"stream_status", "reason", "last_error", "stop_requested", "lease_until", "finished_at", "fence"}
SAVED: dict[str, tuple[Callable[[Draft], object], set[str]]] = {
    "append": (lambda draft: draft.append("x"), APPEND_FIELDS),
    "append with a longer lease": (lambda draft: draft.append("x", lease_s=100), APPEND_FIELDS | {"lease_until"}),
    "begin_section": (lambda draft: draft.begin(0), {"seq", "updated_at", "current_section"}),
    "complete_section": (
        lambda draft: draft.end_section(0, "x"),
        APPEND_FIELDS | {"sections_completed", "current_section"},
    ),
    "renew": (lambda draft: writing.renew(draft.pk, fence=draft.fence, lease_s=1), {"lease_until"}),
    "wait": (
        lambda draft: writing.wait(draft.pk, fence=draft.fence, detail="", lease_s=1),
        {"seq", "updated_at", "reason", "last_error", "lease_until"},
    ),
    "request_stop": (
        lambda draft: commands.request_stop(draft.pk, StopRequest.PAUSE),
        {"seq", "updated_at", "stop_requested", "stop_reason"},
    ),
    "stop": (
        lambda draft: draft.stop(),
        {"seq", "updated_at", "tokens_generated"} | STOP_FIELDS,
    ),
    "release": (
        lambda draft: draft.release(),
        {"seq", "updated_at", "tokens_generated", "lease_until", "reason", "last_error", "fence"},
    ),
    "save_preview": (
        lambda draft: writing.save_preview(draft.pk, epoch=1, length=0, html="<p>"),
        {"preview_html", "preview_length"},
    ),
}


@pytest.mark.parametrize("verb", SAVED)
def test_verb_saves_only_the_fields_that_it_changes(verb):
    draft = documents.opened()
    work, fields = SAVED[verb]

    assert saved_fields(lambda: work(draft)) == fields


@pytest.mark.skipif(not IO.exists(), reason="this system does not count what a process reads")
@pytest.mark.django_db(transaction=True)
def test_append_to_a_long_text_reads_none_of_it_from_the_file_again():
    """SQLite writes a row whole, so it has to have the pages of the text at hand."""
    draft = documents.opened()
    draft.begin(0)
    draft.append("word " * 400_000)
    draft.append("and then")  # whatever is read for the first time
    before = bytes_read()

    for _ in range(5):
        draft.append("more")

    assert bytes_read() - before < 2_000_000


# The saved preview


def test_older_preview_never_replaces_a_newer_one():
    draft = documents.opened()
    draft.append("Once upon")
    writing.save_preview(draft.pk, epoch=1, length=9, html="<p>Once upon")

    writing.save_preview(draft.pk, epoch=1, length=4, html="<p>Once")
    assert row(draft.pk).preview_html == "<p>Once upon"

    writing.save_preview(draft.pk, epoch=1, length=9, html="<p>Once upon</p>")
    assert row(draft.pk).preview_html == "<p>Once upon</p>"


@pytest.mark.parametrize(("epoch", "length"), [(2, 4), (1, 5)])
def test_preview_of_another_epoch_or_beyond_the_text_is_not_kept(epoch, length):
    draft = documents.opened()
    draft.append("Once")

    writing.save_preview(draft.pk, epoch=epoch, length=length, html="<p>")

    assert row(draft.pk).preview_html == ""
