"""Documents that are reworked: by hand, by drafts, by sections more. No text is ever lost, and nobody's words are
overwritten by who did not see them.
"""

from __future__ import annotations

import hashlib
import random
from functools import partial

import pytest
from django.db import connection, transaction

from artifacts.errors import BaseChanged, Busy, IllegalTransition, InvalidInput, NotFound
from artifacts.lifecycle.placed_sections import placed_section
from artifacts.models import ActionRecord, Artifact, ArtifactVersion, Delta, Section
from artifacts.planned_section import PlannedSection
from generation import control, reworking
from generation.models import GenerationTask
from generation.queue import claims, finishing
from generation.worker.document import read_document
from generation.writing.prompts import section_prompt
from tests.support import documents
from tests.support.documents import LEASE_S, Draft, row


def opening(position: int, name: str) -> str:
    return ("\n\n" if position else "") + f"## {name}\n\n"


def written(*bodies: str) -> Artifact:
    return documents.complete(*(opening(at, f"Part {at + 1}") + body for at, body in enumerate(bodies)))


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def edit(artifact: Artifact, number: int, text: str, base: str) -> None:
    reworking.edit_section(artifact, None, number, text=text, base_sha256=sha(base))


def write(draft: Artifact, body: str, *, tokens: int = 5) -> None:
    """As a worker writes it."""
    task = GenerationTask.objects.filter(artifact=draft).latest("pk")
    claim = claims.claim("worker", lease_s=LEASE_S, only=task.pk)
    assert claim is not None
    writer = Draft(pk=draft.pk, fence=claim.fence)
    name = Section.objects.get(artifact=draft).name
    writer.begin(0)
    writer.end_section(0, opening(0, name) + body, tokens=tokens)
    with transaction.atomic():
        finishing.complete_writing(draft.pk, fence=claim.fence)


def bodies(artifact: Artifact) -> list[str]:
    total = row(artifact.pk).sections_total
    return [placed_section(row(artifact.pk), number).body for number in range(1, total + 1)]


# By hand


def test_edit_changes_one_section_and_keeps_the_text_before(db, owner):
    artifact = written("One.", "Two.", "Three.")
    before = artifact.text

    result = reworking.edit_section(artifact, owner, 2, text="\r\nTwo,\r\nlonger.\n\n", base_sha256=sha("Two."))

    assert result.epoch == 2
    assert bodies(artifact) == ["One.", "Two,\nlonger.", "Three."]
    assert row(artifact.pk).stream_status == "complete"
    version = ArtifactVersion.objects.get(artifact=artifact)
    assert (version.epoch, version.content, version.length) == (1, before, len(before))
    assert (row(artifact.pk).text_author, row(artifact.pk).text_note) == (owner, "Edited “Part 2”")
    assert "".join(documents.deltas(artifact.pk)) == row(artifact.pk).text


def test_second_editor_is_shown_what_the_first_one_saved(db):
    artifact = written("One.", "Two.")
    edit(artifact, 1, "First.", "One.")

    with pytest.raises(BaseChanged) as refusal:
        edit(artifact, 1, "Second.", "One.")

    assert (refusal.value.text, refusal.value.sha256, refusal.value.epoch) == ("First.", sha("First."), 2)
    assert bodies(artifact) == ["First.", "Two."]


def test_edit_of_another_section_is_no_conflict(db):
    artifact = written("One.", "Two.")
    edit(artifact, 1, "A much longer first section.", "One.")
    edit(artifact, 2, "Zwei.", "Two.")

    assert bodies(artifact) == ["A much longer first section.", "Zwei."]


def test_saving_what_is_there_makes_no_version(db):
    artifact = written("One.")
    edit(artifact, 1, "One.\n", "One.")

    assert row(artifact.pk).epoch == 1
    assert not ArtifactVersion.objects.filter(artifact=artifact).exists()


def test_save_that_comes_twice_is_no_conflict_with_itself(db):
    artifact = written("One.", "Two.")
    for _ in range(2):
        edit(artifact, 1, "```\ncode", "One.")

    assert row(artifact.pk).epoch == 2
    assert ArtifactVersion.objects.filter(artifact=artifact).count() == 1


def test_what_an_edit_leaves_open_is_closed_in_its_section(db):
    artifact = written("One.", "Two.")
    edit(artifact, 1, "```\ncode", "One.")

    assert bodies(artifact) == ["```\ncode\n```", "Two."]


def test_edit_while_it_is_written_is_busy_and_of_an_idle_document_illegal(db):
    with pytest.raises(Busy):
        edit(row(documents.opened().pk), 1, "x", "")
    with pytest.raises(NotFound):
        edit(documents.idle(), 1, "x", "")
    with pytest.raises(NotFound):
        edit(written("One."), 0, "x", "One.")


def test_paused_document_goes_on_behind_an_edited_beginning(db):
    artifact = documents.idle()
    control.start(artifact, None, plan=documents.sections(2))
    claim = claims.claim("worker", lease_s=LEASE_S, only=GenerationTask.objects.get(artifact=artifact).pk)
    writer = Draft(pk=artifact.pk, fence=claim.fence)
    writer.begin(0)
    finishing.stop_writing(
        artifact.pk,
        fence=claim.fence,
        flush=writer.next_flush(opening(0, "Part 1") + "Half a"),
        section_tokens=2,
        reason="user",
        detail="",
    )
    edit(row(artifact.pk), 1, "```\nHalf of", "Half a")
    control.resume(row(artifact.pk))
    claim = claims.claim("worker", lease_s=LEASE_S, only=GenerationTask.objects.get(artifact=artifact).pk)

    assert read_document(claim).text == "## Part 1\n\n```\nHalf of"  # not closed: it goes on
    assert row(artifact.pk).epoch == claim.epoch == 2


# Drafts


def test_draft_is_written_beside_the_text_and_accepted_into_it(db, owner):
    artifact = written("One.", "Two.", "Three.")
    draft = reworking.rewrite_section(artifact, owner, 2, instructions="shorter", model="large", max_tokens=50)

    assert row(artifact.pk).text == artifact.text
    plan = Section.objects.get(artifact=draft.artifact)
    assert (plan.name, plan.max_tokens, draft.task.model) == ("Part 2", 50, "large")
    assert "Two." in plan.instructions
    assert "shorter" in plan.instructions
    write(draft.artifact, "2.")
    result = reworking.accept(row(draft.artifact.pk), owner)

    assert (result.artifact, result.epoch) == (artifact.pk, 2)
    assert bodies(artifact) == ["One.", "2.", "Three."]
    assert not Artifact.objects.filter(pk=draft.artifact.pk).exists()
    after = row(artifact.pk)
    assert (after.text_note, after.tokens_generated) == ("Wrote “Part 2” anew: shorter", artifact.tokens_generated + 5)
    assert after.tokens_generated == sum(Section.objects.filter(artifact=after).values_list("tokens", flat=True))


def test_version_before_a_draft_names_who_wrote_that_text_and_not_the_next(db, owner):
    artifact = written("One.", "Two.")
    Section.objects.filter(artifact=artifact).update(model="old-model", tokens=10)
    Artifact.objects.filter(pk=artifact.pk).update(tokens_generated=20)
    draft = reworking.rewrite_section(artifact, owner, 1, model="new-model").artifact
    write(draft, "Eins.", tokens=5)
    Section.objects.filter(artifact=draft).update(model="new-model")
    reworking.accept(draft, owner)

    version = ArtifactVersion.objects.get(artifact=artifact, epoch=1)
    assert (version.model, version.tokens_generated) == ("old-model", 20)
    assert [(one["model"], one["tokens"]) for one in version.sections] == [("old-model", 10)] * 2
    edit(artifact, 2, "Zwei.", "Two.")
    version = ArtifactVersion.objects.get(artifact=artifact, epoch=2)
    assert (version.model, version.tokens_generated) == ("new-model, old-model", 25)
    assert version.note == "Wrote “Part 1” anew"


def told(draft: Artifact) -> str:
    """The whole prompt of a draft's first call."""
    claim = claims.claim("worker", lease_s=LEASE_S, only=GenerationTask.objects.get(artifact=draft).pk)
    assert claim is not None
    prompt = section_prompt(read_document(claim).assignment, 0, earlier="", mode="reprompt")
    return prompt.messages("")[-1]["content"]


def test_draft_is_told_of_the_document_around_it(db, owner):
    artifact = written("One.\n\n### Deep", "Two.", "Three.\n\nBehind.")
    prompt = told(reworking.rewrite_section(artifact, owner, 2, instructions="shorter").artifact)

    assert "Its sections:\n1. Part 1\n2. Part 2\n3. Part 3\n" in prompt
    assert "Section to write now, number 2 of 3: Part 2\n" in prompt
    assert "~~~~\n- Part 1\n  - Deep\n- Part 3\n~~~~" in prompt
    assert "The text before this section ends so:\n~~~~\n## Part 1\n\nOne.\n\n### Deep\n~~~~" in prompt
    assert "The text behind this section begins so:\n~~~~\n## Part 3\n\nThree.\n\nBehind.\n~~~~" in prompt
    assert "about as long as its present text, or as is wished" in prompt
    assert prompt.count("Two.") == 1  # its own text stands where it is to be changed


def test_added_section_is_told_of_the_document_and_its_place(db, owner):
    artifact = written("One.", "Two.")
    prompt = told(reworking.add_section(artifact, owner, PlannedSection(name="New"), after=0).artifact)

    assert "Section to write now, number 1 of 3: New\n" in prompt
    assert "Nothing is written before this section." in prompt
    assert "It should have about 370 words" in prompt
    assert "The text behind this section begins so:\n~~~~\n## Part 1\n\nOne." in prompt


def test_draft_knows_its_place_after_the_document_has_changed_around_it(db, owner):
    artifact = written("One.", "Two.")
    draft = reworking.rewrite_section(artifact, owner, 2).artifact
    edit(artifact, 1, "First.", "One.")
    reworking.add_section(row(artifact.pk), owner, PlannedSection(name="New"), after=0)
    prompt = told(draft)

    assert "Section to write now, number 3 of 3: Part 2\n" in prompt
    assert "ends so:\n~~~~\n## New\n\n\n\n## Part 1\n\nFirst.\n~~~~" in prompt


def test_wish_for_a_very_long_section_reaches_the_model(db, owner):
    artifact = written("One.", "Long. " * 20_000)
    Section.objects.filter(artifact=artifact, position=1).update(instructions="Plan. " * 10_000)
    prompt = told(reworking.rewrite_section(artifact, owner, 2, instructions="shorter!").artifact)

    assert "What to do differently: shorter!" in prompt
    assert prompt.count("[the rest is left out]") == 2
    assert len(prompt) < 50_000


def test_draft_of_a_changed_base_is_refused_and_stays(db, owner):
    artifact = written("One.", "Two.")
    draft = reworking.rewrite_section(artifact, owner, 1).artifact
    write(draft, "1.")
    edit(artifact, 1, "Uno.", "One.")

    with pytest.raises(BaseChanged) as refusal:
        reworking.accept(row(draft.pk), owner)

    assert refusal.value.text == "Uno."
    assert bodies(artifact) == ["Uno.", "Two."]
    assert row(draft.pk).stream_status == "complete"


def test_draft_finds_its_section_behind_a_new_one(db, owner):
    artifact = written("One.", "Two.")
    draft = reworking.rewrite_section(artifact, owner, 2).artifact
    write(draft, "2.")
    reworking.add_section(row(artifact.pk), owner, PlannedSection(name="New"), after=0)
    reworking.accept(row(draft.pk), owner)

    assert bodies(artifact) == ["", "One.", "2."]


def test_unfinished_draft_is_not_accepted_but_rejected(db, owner):
    artifact = written("One.")
    draft = reworking.rewrite_section(artifact, owner, 1).artifact

    for verb, helps in ((None, "the draft is streaming. Wait"), (control.pause, "paused. Resume it, or reject it")):
        if verb is not None:
            verb(row(draft.pk))
        with pytest.raises(IllegalTransition, match=helps):
            reworking.accept(row(draft.pk), owner)
    assert reworking.reject(row(draft.pk)).pk == artifact.pk
    assert not GenerationTask.objects.filter(artifact=draft.pk).exists()
    with pytest.raises(IllegalTransition):
        reworking.reject(artifact)


def test_draft_that_is_written_anew_stays_a_draft_of_its_section(db, owner):
    artifact = written("One.", "Two.")
    draft = reworking.rewrite_section(artifact, owner, 2).artifact
    write(draft, "2.")
    for plan in ([PlannedSection(name="Part 2"), PlannedSection(name="More")], [PlannedSection(name="Part 1")]):
        with pytest.raises(InvalidInput, match="one section, of the same name"):
            control.regenerate(row(draft.pk), owner, plan=plan)
    for plan in (None, [PlannedSection(name="Part 2", instructions="Short.", max_tokens=40)]):
        control.regenerate(row(draft.pk), owner, plan=plan)
        write(draft, "zwei.")

    reworking.accept(row(draft.pk), owner)
    assert bodies(artifact) == ["One.", "zwei."]


def test_drafts_are_called_as_their_document_is(db, owner):
    artifact = written("One.")
    draft = reworking.rewrite_section(artifact, owner, 1).artifact
    reworking.rename(artifact, "Another", owner)

    assert row(artifact.pk).title == row(draft.pk).title == "Another"
    assert (row(draft.pk).stream_status, row(artifact.pk).epoch) == ("streaming", 1)


def test_draft_of_a_draft_is_refused(db, owner):
    draft = reworking.rewrite_section(written("One."), owner, 1).artifact
    write(draft, "1.")

    with pytest.raises(IllegalTransition):
        reworking.rewrite_section(row(draft.pk), owner, 1)


def test_document_goes_with_its_drafts(db, owner):
    artifact = written("One.")
    draft = reworking.rewrite_section(artifact, owner, 1).artifact
    control.delete(artifact)

    assert not Artifact.objects.filter(pk=draft.pk).exists()


# Sections more


@pytest.mark.parametrize(("after", "at"), [(0, 0), (1, 1), (2, 2), (None, 2)])
def test_new_section_stands_where_it_was_asked_for_and_is_filled_by_its_draft(db, owner, after, at):
    artifact = written("One.", "Two.")
    added = reworking.add_section(artifact, owner, PlannedSection(name="New", max_tokens=70), after=after)
    assert added.number == at + 1
    write(added.artifact, "Fresh.")
    reworking.accept(row(added.artifact.pk), owner)

    expected = ["One.", "Two."]
    expected.insert(at, "Fresh.")
    assert bodies(artifact) == expected
    names = ["Part 1", "Part 2"]
    names.insert(at, "New")
    assert row(artifact.pk).text == "".join(opening(n, name) + expected[n] for n, name in enumerate(names))
    assert row(artifact.pk).sections_completed == row(artifact.pk).sections_total == 3


@pytest.mark.parametrize("after", [0, 1, 2])
@pytest.mark.parametrize("drop", [reworking.reject, control.delete])
def test_dropped_draft_takes_its_new_section_with_it(db, owner, after, drop):
    artifact = written("One.", "Two.")
    added = reworking.add_section(artifact, owner, PlannedSection(name="New"), after=after)
    other = reworking.rewrite_section(row(artifact.pk), owner, added.number).artifact
    drop(row(other.pk), owner)
    assert row(artifact.pk).sections_total == 3  # another draft is written for it still
    drop(row(added.artifact.pk), owner)

    assert row(artifact.pk).text == artifact.text
    assert bodies(artifact) == ["One.", "Two."]
    assert row(artifact.pk).epoch == 3
    assert not artifact.drafts.exists()


def test_dropped_draft_of_a_section_with_text_leaves_it(db, owner):
    artifact = written("One.", "")
    for number in (1, 2):
        reworking.reject(reworking.rewrite_section(artifact, owner, number).artifact, owner)

    assert (row(artifact.pk).text, row(artifact.pk).epoch) == (artifact.text, 1)


def test_bad_new_section_changes_nothing(db, owner):
    artifact = written("One.")
    before = documents.everything(artifact.pk)

    for planned, after, field in (
        (PlannedSection(name=" "), None, "name"),
        (PlannedSection(name="New", max_tokens=0), None, "max_tokens"),
        (PlannedSection(name="New"), 2, "after"),
    ):
        with pytest.raises(InvalidInput) as refusal:
            reworking.add_section(artifact, owner, planned, after=after)
        assert refusal.value.field == field
    with pytest.raises(Busy):
        reworking.add_section(row(documents.opened().pk), owner, PlannedSection(name="New"))
    assert documents.everything(artifact.pk) == before


# Broken off


class Broken(Exception):
    """The database did not do this statement."""


def break_off(work, at: int) -> bool:
    """Do the work, of which the statement number `at` fails; False where it has fewer."""
    seen = 0

    def fail(execute, sql, params, many, context):
        nonlocal seen
        seen += 1
        if seen == at:
            raise Broken
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail):
        try:
            work()
        except Broken:
            return True
    return False


def test_change_that_breaks_off_at_any_statement_leaves_nothing_half_done(every_database):
    owner = documents.idle().project.owner
    artifact = written("One.", "Two.", "Three.")
    edit(artifact, 2, "Second.", "Two.")
    draft = reworking.rewrite_section(row(artifact.pk), owner, 1).artifact
    write(draft, "First.")
    empty = reworking.add_section(row(artifact.pk), owner, PlannedSection(name="New"), after=1).artifact
    version = artifact.versions.latest("epoch").pk
    paused = documents.idle()
    control.start(paused, owner, plan=documents.sections(2))
    stuck = documents.reopened(paused.pk)
    stuck.begin(0)
    stuck.end_section(0, opening(0, "Part 1") + "Done.")
    stuck.begin(1)
    stuck.stop(opening(1, "Part 2") + "Stuck", reason="bad_seam")
    finishing.finish(paused.pk, "paused")
    verbs = {
        "edit": lambda: reworking.edit_section(artifact, owner, 4, text="3.", base_sha256=sha("Three.")),
        "rewrite": lambda: reworking.rewrite_section(row(artifact.pk), owner, 3),
        "accept": lambda: reworking.accept(row(draft.pk), owner),
        "reject": lambda: reworking.reject(row(empty.pk), owner),
        "add": lambda: reworking.add_section(row(artifact.pk), owner, PlannedSection(name="More"), after=0),
        "rename": lambda: reworking.rename(row(artifact.pk), "Another", owner),
        "restore": lambda: control.restore(row(artifact.pk), version, owner),
        "write the stuck section anew": lambda: control.resume(paused, owner, anew=True, max_tokens=900),
    }
    for verb, work in verbs.items():
        before, at = _all_rows(), 1
        while break_off(work, at):
            assert _all_rows() == before, (verb, at)
            at += 1
        assert _all_rows() != before, verb
        assert at > 3, verb


def _all_rows():
    models = (Artifact, Section, Delta, ArtifactVersion, ActionRecord, GenerationTask)
    return [list(model.objects.order_by("pk").values()) for model in models]


# Together


@pytest.mark.django_db(transaction=True)
def test_of_editors_at_once_one_saves_and_the_others_are_told():
    artifact = written("One.", "Two.")
    outcomes = documents.together(*(partial(edit, artifact, 1, f"By {one}.", "One.") for one in range(3)))

    refused = [one for one in outcomes if isinstance(one, BaseChanged)]
    assert outcomes.count(None) == 1
    assert len(refused) == 2
    assert {one.text for one in refused} == {f"By {outcomes.index(None)}."}
    assert artifact.versions.count() == 1


def test_hundred_changes_by_three_people_at_once_keep_every_version(every_database):
    """Each round three people change what all of them have just read: one step of the model for each that is done, and
    of those who change the same section all but the first are told.
    """
    chance = random.Random(13)
    artifact = written("a", "b", "c")
    known: dict[int, str] = {1: artifact.text}  # the text of every epoch
    changes = conflicts = 0
    while changes < 100:
        seen = row(artifact.pk)
        assert seen.text == known[seen.epoch]
        works = [_change(chance, seen, known, f"{changes}-{one}") for one in range(3)]
        outcomes = documents.together(*(work for work, _ in works))
        done = {}
        for outcome, (_, model) in zip(outcomes, works, strict=True):
            if isinstance(outcome, Exception):
                assert isinstance(outcome, BaseChanged), outcome
            else:
                done[outcome.epoch] = model
        for epoch in sorted(done):
            known[epoch] = done[epoch](known[epoch - 1])
        changes += len(done)
        conflicts += len(works) - len(done)
        assert len(done) >= 1

    after = row(artifact.pk)
    assert conflicts > 10
    assert after.epoch == changes + 1
    kept = {one.epoch: one.content for one in artifact.versions.all()} | {after.epoch: after.text}
    assert kept == {epoch: known[epoch] for epoch in kept}
    assert len(kept) == min(changes, 100) + 1
    assert "".join(documents.deltas(artifact.pk)) == after.text


def _change(chance, seen, known, word):
    """One person's change, and what it makes of the text before it in a model that knows nothing of rows."""
    number = chance.randint(1, 3)
    base = _parts(seen.text)[number - 1]
    kind = chance.choice(["edit", "edit", "rewrite", "restore"])
    if kind == "restore" and len(known) > 2:
        epoch = chance.choice([one for one in known if seen.epoch - 40 < one < seen.epoch] or [0])
        if epoch:
            version = ArtifactVersion.objects.get(artifact=seen, epoch=epoch).pk
            return partial(control.restore, seen, version), lambda before: known[epoch]
    body = f"{word} " * chance.randint(1, 4) + "Ä\n\n- 🙂"
    model = partial(_put, number, body)
    if kind == "rewrite":
        draft = reworking.rewrite_section(seen, None, number).artifact
        write(draft, body)
        return partial(reworking.accept, row(draft.pk), None), model
    return partial(reworking.edit_section, seen, None, number, text=body, base_sha256=sha(base)), model


def _parts(text):
    first, second = text.split("\n\n## Part 2\n\n")
    second, third = second.split("\n\n## Part 3\n\n")
    return [first.removeprefix("## Part 1\n\n"), second, third]


def _put(number, body, before):
    parts = _parts(before)
    parts[number - 1] = body
    return "\n\n".join(f"## Part {at}\n\n{part}" for at, part in enumerate(parts, 1))
