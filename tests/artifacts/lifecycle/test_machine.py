"""Lifecycle and queue against a pure model of one document: claims, writes, stops, crashes and new beginnings.

The model knows only what people were promised; after every step the database must say the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from artifacts.errors import IllegalTransition, NotStreaming, StaleFence, WriterRefused, WrongOffset
from artifacts.lifecycle import writing
from artifacts.lifecycle.rows import WriteResult
from artifacts.lifecycle.writing import FOLD_CHARS, Flush
from artifacts.models import ArtifactVersion, Section, StopRequest
from generation import control
from generation.models import UNFINISHED, GenerationTask
from generation.queue import claims, finishing
from generation.queue.claims import POISON_RECLAIMS, Claim
from generation.reasons import StopReason
from tests.support import documents
from tests.support.documents import LEASE_S, row

SECTIONS = 2
REQUESTS = st.sampled_from(list(StopRequest))
# Short pieces mostly, and some that make a fold due.
TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8), st.just("fold " * 900)
)


@dataclass
class Model:
    """What must hold, in plain words: no fences compared, no rows, no folding."""

    status: str = "idle"
    stop: str = ""
    text: str = ""
    epoch: int = 1
    task: str = ""
    is_leased: bool = False
    writer: int | None = None
    done: int = 0
    versions: list[tuple[int, str, str]] = field(default_factory=list)
    deaths: int = 0
    text_at_claim: int = 0

    def stopped(self, status: str) -> None:
        self.status, self.stop, self.is_leased, self.writer = status, "", False, None
        self.task = {"paused": "paused"}.get(status, "")

    def begin_anew(self, text: str = "") -> None:
        self.versions.append((self.epoch, self.text, self.status))
        self.epoch, self.text, self.done, self.deaths = self.epoch + 1, text, 0, 0


TARGET = {"cancel": "cancelled", "pause": "paused"}


class Document(RuleBasedStateMachine):
    """One document, its people, and all the workers that ever claimed it."""

    @initialize()
    def begin(self) -> None:
        self.begin_another()

    def begin_another(self) -> None:
        self.artifact = documents.idle()
        self.model = Model()
        self.claims: list[Claim] = []
        self.seq = 0

    # People

    @rule()
    def start(self) -> None:
        plan = documents.sections(SECTIONS)
        if self.model.status != "idle":
            return self.refused(lambda: control.start(self.artifact, None, plan=plan))
        control.start(self.artifact, None, plan=plan)
        self.model.status, self.model.task = "streaming", "queued"
        return None

    @rule(request=REQUESTS)
    def ask_to_stop(self, request: StopRequest) -> None:
        verb = control.cancel if request == StopRequest.CANCEL else control.pause
        model, target = self.model, TARGET[request]
        may = {"streaming": True, "paused": True, "cancelled": request == StopRequest.CANCEL}
        if not may.get(model.status, False):
            return self.refused(lambda: verb(self.artifact))
        verb(self.artifact)
        if model.status == "streaming":
            model.stop = "cancel" if model.stop == "cancel" else request
            if not model.is_leased:
                model.stopped(TARGET[model.stop])
        elif model.status != target:
            model.stopped(target)
        return None

    @rule()
    def resume(self) -> None:
        if self.model.status != "paused":
            return self.refused(lambda: control.resume(self.artifact))
        control.resume(self.artifact)
        self.model.status, self.model.task, self.model.deaths = "streaming", "queued", 0
        return None

    @rule()
    def regenerate(self) -> None:
        plan = documents.sections(SECTIONS)
        if self.model.status in {"idle", "streaming"}:
            return self.refused(lambda: control.regenerate(self.artifact, None, plan=plan))
        control.regenerate(self.artifact, None, plan=plan)
        self.model.begin_anew()
        self.model.status, self.model.task = "streaming", "queued"
        return None

    @precondition(lambda self: self.model.versions)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        epoch, text, status = data.draw(st.sampled_from(self.model.versions))
        version = ArtifactVersion.objects.get(artifact=self.artifact, epoch=epoch)
        if self.model.status == "streaming":
            return self.refused(lambda: control.restore(self.artifact, version.pk))
        control.restore(self.artifact, version.pk)
        self.model.begin_anew(text)
        self.model.stopped("complete" if status == "complete" else "cancelled")
        self.model.done = sum(section["status"] == "complete" for section in version.sections)
        return None

    @rule()
    def delete(self) -> None:
        """From any state; whoever wrote it is refused, nothing is left, and another document begins."""
        gone, tasks = self.artifact.pk, GenerationTask.objects.filter(artifact=self.artifact)
        control.delete(self.artifact)
        for claim in self.claims:
            with pytest.raises(NotStreaming):
                self.append_once(claim, Flush(offset=len(self.model.text), text="late", tokens=1))
            finishing.requeue(claim.artifact, claim.task)
        assert not any(documents.everything(gone).values())
        assert not tasks.exists()
        self.begin_another()

    # Workers

    @rule()
    def claim(self) -> None:
        model = self.model
        tasks = GenerationTask.objects.filter(artifact=self.artifact, status__in=UNFINISHED)
        claim = claims.claim("worker", lease_s=LEASE_S, only=tasks.values_list("pk", flat=True).first() or 0)
        if model.task not in {"queued", "running"} or model.is_leased:
            assert claim is None
        elif model.stop:
            assert claim is None
            model.stopped(TARGET[model.stop])
        elif self.is_poison():
            assert claim is None
            model.stopped("paused")
        else:
            assert claim is not None
            assert (claim.artifact, claim.epoch, claim.length) == (self.artifact.pk, model.epoch, len(model.text))
            assert all(claim.fence > earlier.fence for earlier in self.claims)
            self.claims.append(claim)
            model.task, model.is_leased, model.writer = "running", True, len(self.claims) - 1
            model.text_at_claim = len(model.text)

    def is_poison(self) -> bool:
        model = self.model
        died_without_a_word = model.task == "running" and len(model.text) == model.text_at_claim
        model.deaths = model.deaths + 1 if died_without_a_word else 0
        return model.deaths > POISON_RECLAIMS

    @precondition(lambda self: self.model.is_leased)
    @rule()
    def crash(self) -> None:
        documents.expire(self.artifact.pk)
        self.model.is_leased = False

    @precondition(lambda self: self.claims)
    @rule(text=TEXTS, data=st.data())
    def append(self, text: str, data: st.DataObject) -> None:
        number, claim = self.some_claim(data)
        flush = Flush(offset=len(self.model.text), text=text, tokens=1)
        if self.is_refused(number, lambda: self.append_once(claim, flush)):
            return
        self.model.text += text
        self.model.is_leased = True
        standing = self.append_once(claim, flush)  # its answer was lost on the way: it comes again
        assert standing.length == len(self.model.text)
        assert standing.stop_requested == self.model.stop

    @precondition(lambda self: self.claims)
    @rule(waits=st.booleans(), data=st.data())
    def show_sign_of_life(self, waits: bool, data: st.DataObject) -> None:
        number, claim = self.some_claim(data)
        verb = partial(writing.wait, detail="waiting 8 s") if waits else writing.renew
        if not self.is_refused(number, lambda: verb(claim.artifact, fence=claim.fence, lease_s=LEASE_S)):
            self.model.is_leased = True

    @precondition(lambda self: self.model.writer is not None)
    @rule(shift=st.integers(min_value=-3, max_value=3).filter(bool))
    def append_elsewhere(self, shift: int) -> None:
        claim, offset = self.claims[self.model.writer], len(self.model.text) + shift
        with pytest.raises(WrongOffset):
            self.append_once(claim, Flush(offset=offset, text="not the text at that place", tokens=1))

    @precondition(lambda self: self.claims)
    @rule(text=st.sampled_from(["", "end"]), data=st.data())
    def write_section(self, text: str, data: st.DataObject) -> None:
        number, claim = self.some_claim(data)
        position = min(self.model.done, SECTIONS - 1)
        flush = Flush(offset=len(self.model.text), text=text, tokens=1)
        if self.is_refused(number, lambda: self.end_section(claim, position, flush)):
            return
        self.model.text += text
        self.model.done = position + 1
        self.model.is_leased = True

    @precondition(lambda self: self.claims)
    @rule(text=st.sampled_from(["", "tail"]), data=st.data())
    def stop(self, text: str, data: st.DataObject) -> None:
        number, claim = self.some_claim(data)
        flush = Flush(offset=len(self.model.text), text=text, tokens=1)
        if self.is_refused(number, lambda: self.stop_and_settle(claim, flush)):
            return
        self.model.text += text
        self.model.stopped(TARGET[self.model.stop or "pause"])

    @precondition(lambda self: self.claims)
    @rule(text=st.sampled_from(["", "tail"]), data=st.data())
    def shut_down(self, text: str, data: st.DataObject) -> None:
        number, claim = self.some_claim(data)
        flush = Flush(offset=len(self.model.text), text=text, tokens=1)
        if self.is_refused(number, lambda: self.release(claim, flush)):
            return
        self.model.text += text
        if self.model.stop:
            self.model.stopped(TARGET[self.model.stop])
        else:
            self.model.is_leased, self.model.writer, self.model.task = False, None, "queued"

    @precondition(lambda self: self.claims and self.model.done == SECTIONS)
    @rule(data=st.data())
    def complete(self, data: st.DataObject) -> None:
        number, claim = self.some_claim(data)
        if self.is_refused(number, lambda: self.complete_and_settle(claim)):
            return
        self.model.stopped("cancelled" if self.model.stop == "cancel" else "complete")

    # Afterwards

    @invariant()
    def the_database_says_the_same(self) -> None:
        artifact, model = row(self.artifact.pk), self.model
        assert artifact.stream_status == model.status
        assert (artifact.stop_requested, artifact.epoch) == (model.stop, model.epoch)
        assert "".join(documents.deltas(artifact.pk)) == artifact.text == model.text
        assert (artifact.length, artifact.sections_completed) == (len(model.text), model.done)
        tasks = GenerationTask.objects.filter(artifact=artifact, status__in=UNFINISHED).values_list("status", flat=True)
        assert list(tasks) == ([model.task] if model.task else [])
        versions = ArtifactVersion.objects.filter(artifact=artifact).order_by("epoch")
        assert list(versions.values_list("epoch", "content", "stream_status")) == model.versions

        assert artifact.seq >= self.seq
        self.seq = artifact.seq
        behind = artifact.length - artifact.content_length
        assert behind < max(FOLD_CHARS, artifact.content_length // 4)
        if model.status != "streaming":
            assert (behind, artifact.lease_until, artifact.stop_requested) == (0, None, "")
            assert not Section.objects.filter(artifact=artifact, status="streaming").exists()

    # How a step is taken

    def some_claim(self, data: st.DataObject) -> tuple[int, Claim]:
        number = data.draw(st.integers(min_value=0, max_value=len(self.claims) - 1))
        return number, self.claims[number]

    def is_refused(self, number: int, write) -> bool:
        """Take the step; whoever is not the writer must be refused, and nothing may change (the invariants look)."""
        if number == self.model.writer:
            write()
            return False
        with pytest.raises((StaleFence, NotStreaming)) as refusal:
            write()
        assert isinstance(refusal.value, WriterRefused)
        return True

    def refused(self, verb) -> None:
        with pytest.raises(IllegalTransition, match=f"the document is {self.model.status}"):
            verb()

    def append_once(self, claim: Claim, flush: Flush) -> WriteResult:
        return writing.append(claim.artifact, fence=claim.fence, flush=flush, lease_s=LEASE_S)

    def end_section(self, claim: Claim, position: int, flush: Flush) -> None:
        with transaction.atomic():
            writing.begin_section(claim.artifact, fence=claim.fence, position=position, model="tiny", lease_s=LEASE_S)
            writing.complete_section(
                claim.artifact,
                fence=claim.fence,
                position=position,
                flush=flush,
                tokens=1,
                model="tiny",
                lease_s=LEASE_S,
            )

    def stop_and_settle(self, claim: Claim, flush: Flush) -> None:
        with transaction.atomic():
            standing = writing.stop(
                claim.artifact,
                fence=claim.fence,
                flush=flush,
                section_tokens=1,
                reason=StopReason.PROVIDER_ERROR,
                detail="!",
            )
            finishing.finish(claim.artifact, standing.status, "!")

    def release(self, claim: Claim, flush: Flush) -> None:
        with transaction.atomic():
            standing = writing.release(claim.artifact, fence=claim.fence, flush=flush, section_tokens=1)
            if standing.status == "streaming":
                finishing.requeue(claim.artifact, claim.task)
            else:
                finishing.finish(claim.artifact, standing.status)

    def complete_and_settle(self, claim: Claim) -> None:
        with transaction.atomic():
            finishing.finish(claim.artifact, writing.complete(claim.artifact, fence=claim.fence).status)


def run(*, examples: int, steps: int) -> None:
    # A database is slow to Hypothesis' eyes; each example has a document of its own, so they need no emptied tables.
    bounds = settings(max_examples=examples, stateful_step_count=steps, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Document, settings=bounds)


@pytest.mark.django_db
def test_any_history_leaves_what_the_model_says():
    run(examples=20, steps=40)


def test_any_history_leaves_what_the_model_says_on_postgres(postgres):
    run(examples=6, steps=30)
