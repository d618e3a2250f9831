"""A document's timeline: who did what, which worker wrote when, its calls, retries and joints, and how the text grew.

Read from journals, the record of who did what, and the pieces of the text, as far as those are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Max, Min
from django.utils import timezone

from artifacts.models import ActionRecord, Artifact, Delta, Section
from artifacts.written_pieces import packed_pieces
from generation.inspection.journal import JournalEvent
from generation.inspection.pictures import Lasting, Mark, TimelinePicture, timeline_picture
from generation.models import ClaimJournal

MOST_CLAIMS_SHOWN = 16
MOST_ROWS_SHOWN = 600
MOST_ACTIONS = 100
GROWTH_POINTS = 400
WELL = {"complete", "truncated"}
SOFT = {"stopped", "deadline"}
BEGINS = {"start", "regenerate", "rewrite", "restore", "edit", "add"}
"""What people do that brings about the text of an epoch."""


@dataclass(frozen=True, kw_only=True)
class TimelineRow:
    """One thing that happened. `who` is a person or a worker; `prompt` the key of what was asked, where it is kept."""

    at: datetime
    after_s: float
    kind: str
    who: str
    words: str
    prompt: int | None = None


@dataclass(kw_only=True)
class DocumentTimeline:
    epoch: int
    began_at: datetime | None = None
    rows: list[TimelineRow] = field(default_factory=list)
    picture: TimelinePicture | None = None
    journals: list[ClaimJournal] = field(default_factory=list)
    epochs: list[int] = field(default_factory=list)
    left_out: int = 0
    """Events that were not kept, or are not shown."""


def timeline_of(artifact: Artifact, epoch: int | None = None) -> DocumentTimeline:
    """Of this epoch, or of the present one; empty where nothing of it is kept."""
    timeline = DocumentTimeline(epoch=artifact.epoch if epoch is None else epoch)
    kept = ClaimJournal.objects.filter(artifact=artifact.pk)
    timeline.epochs = sorted({*kept.order_by().values_list("epoch", flat=True).distinct(), artifact.epoch})
    ours = kept.filter(epoch=timeline.epoch).order_by("-fence")
    timeline.journals = list(reversed(ours[:MOST_CLAIMS_SHOWN]))
    actions = _actions(artifact, timeline)
    if not timeline.journals and not actions:
        return timeline
    firsts = [journal.began_at for journal in timeline.journals[:1]] + [action.at for action in actions[:1]]
    timeline.began_at = min(firsts)
    _Assembly(artifact, timeline, actions).assemble()
    return timeline


def _actions(artifact: Artifact, timeline: DocumentTimeline) -> list[ActionRecord]:
    """What people did to the text of this epoch, from what brought it about to what brought about the next one."""
    begins = {
        row["epoch"]: row["first"]
        for row in ClaimJournal.objects.filter(artifact=artifact.pk)
        .order_by()
        .values("epoch")
        .annotate(first=Min("began_at"))
    }
    rows = ActionRecord.objects.filter(artifact=artifact.pk).order_by("at", "id")
    is_present = timeline.epoch == artifact.epoch
    own = begins.get(timeline.epoch, timezone.now() if is_present else None)
    if own is None:
        return []
    after = [first for number, first in begins.items() if number > timeline.epoch]
    since = _beginning(rows, own)
    if since is not None:
        rows = rows.filter(at__gte=since)
    if after and (until := _beginning(rows, min(after))) is not None:
        rows = rows.filter(at__lt=until)
    return list(rows[:MOST_ACTIONS])


def _beginning(rows: Any, claimed_at: datetime) -> datetime | None:
    found: datetime | None = rows.filter(at__lte=claimed_at, verb__in=BEGINS).aggregate(last=Max("at"))["last"]
    return found


class _Assembly:
    """Everything that happened, as rows and as shapes."""

    def __init__(self, artifact: Artifact, timeline: DocumentTimeline, actions: Sequence[ActionRecord]) -> None:
        assert timeline.began_at is not None
        self._artifact = artifact
        self._timeline = timeline
        self._actions = actions
        self._began_at = timeline.began_at
        self._now = timezone.now()
        self._claims: list[Lasting] = []
        self._calls: list[Lasting] = []
        self._first_texts: list[Mark] = []
        self._people: list[Mark] = []
        self._troubles: list[Mark] = []
        self._growth: list[tuple[float, int]] = []
        is_present = timeline.epoch == artifact.epoch
        names = Section.objects.filter(artifact=artifact.pk).values_list("position", "name") if is_present else ()
        self._names = dict(names)
        self._beginnings = self._written()

    def assemble(self) -> None:
        timeline = self._timeline
        for action in self._actions:
            who, verb = action.actor_name or "nobody", action.verb.replace("_", " ")
            self._row(action.at, "person", who, verb.capitalize())
            label = f"{verb}, {who}" if action.actor_name else verb
            self._people.append(Mark(at_s=self._after(action.at), kind="person", label=label, told=f"{who}: {verb}"))
        followers: list[ClaimJournal | None] = [*timeline.journals[1:], None]
        for journal, follower in zip(timeline.journals, followers, strict=False):
            self._claim(journal, follower)
        self._grow()
        timeline.rows.sort(key=lambda row: row.at)
        surplus = len(timeline.rows) - MOST_ROWS_SHOWN
        if surplus > 0:
            del timeline.rows[MOST_ROWS_SHOWN // 2 : MOST_ROWS_SHOWN // 2 + surplus]
            timeline.left_out += surplus
        timeline.picture = timeline_picture(
            claims=self._claims,
            calls=self._calls,
            first_texts=self._first_texts,
            people=self._people,
            troubles=self._troubles,
            growth=self._growth,
        )

    def _claim(self, journal: ClaimJournal, follower: ClaimJournal | None) -> None:
        timeline, worker = self._timeline, journal.worker
        timeline.left_out += journal.left_out
        took = "takes over" if journal.is_takeover else "takes the document"
        kind = "takeover" if journal.is_takeover else "claim"
        asks = f", and asks {journal.endpoint}" if journal.endpoint else ""
        begun = f"{took.capitalize()} at {journal.length_at_begin:,} characters{asks}"
        self._row(journal.began_at, kind, worker, begun)
        if journal.is_takeover:
            told = f"{worker} takes over"
            self._troubles.append(
                Mark(at_s=self._after(journal.began_at), kind="takeover", label="takeover", told=told)
            )
        ended_at, ending = journal.ended_at, journal.ending
        if ended_at is None:
            last_ms = max((int(event["t"]) for event in journal.events), default=0)
            heard_at = max(journal.began_at + timedelta(milliseconds=last_ms), self._last_piece_before(follower))
            is_written = follower is None and self._artifact.lease_until is not None
            ended_at = self._now if is_written else heard_at
            ending = "goes on" if is_written else "not heard of again"
            if not is_written:
                self._row(heard_at, "lost", worker, "Is not heard of again")
        self._claims.append(
            Lasting(
                begin_s=self._after(journal.began_at),
                end_s=self._after(ended_at),
                kind=kind if ending != "not heard of again" else "lost",
                label=worker,
                told=f"{worker}: {ending}",
            )
        )
        self._events(journal, ended_at)

    def _last_piece_before(self, follower: ClaimJournal | None) -> datetime:
        """Text is committed more often than a journal is saved: it tells when a worker that was killed still wrote."""
        until = follower.began_at if follower else self._now
        return max((at for at, _ in self._beginnings if at <= until), default=self._began_at)

    def _events(self, journal: ClaimJournal, ended_at: datetime) -> None:
        prompts = dict(journal.prompts.order_by().values_list("number", "pk"))
        asked: dict[int, tuple[float, str]] = {}
        for event in journal.events:
            at = journal.began_at + timedelta(milliseconds=int(event["t"]))
            kind, number = str(event["k"]), int(event.get("n", 0))
            section = self._name_of(event)
            prompt = prompts.get(number) if kind == "call" else None
            self._row(at, row_kind(event), journal.worker, event_words(event, section), prompt)
            at_s = self._after(at)
            match kind:
                case "call":
                    asked[number] = at_s, section
                case "text" | "seam":
                    self._first_texts.append(Mark(at_s=at_s, kind=kind, label="", told=event_words(event, section)))
                case "answer":
                    begin_s, section = asked.pop(number, (at_s - int(event.get("ms", 0)) / 1000, section))
                    self._call(number, begin_s, at_s, row_kind(event), section, str(event.get("end", "")))
                case "retry":
                    status, reason = event.get("status"), str(event.get("reason", ""))
                    told = event_words(event, section)
                    self._troubles.append(Mark(at_s=at_s, kind="retry", label=str(status or reason), told=told))
                case "database":
                    told = event_words(event, section)
                    self._troubles.append(Mark(at_s=at_s, kind="retry", label="database", told=told))
                case "stop" if event.get("status") != "complete":
                    label = str(event.get("reason") or event.get("status"))
                    self._troubles.append(Mark(at_s=at_s, kind="stop", label=label, told=event_words(event, section)))
            if kind == "answer" and event.get("end") in {"bad_seam", "answered_anew"}:
                self._troubles.append(Mark(at_s=at_s, kind="bad-seam", label="seam", told=event_words(event, section)))
        for number, (begin_s, section) in asked.items():
            self._call(number, begin_s, max(begin_s, self._after(ended_at)), "open", section, "no end is known")

    def _call(self, number: int, begin_s: float, end_s: float, kind: str, section: str, ending: str) -> None:
        told = f"call {number}, {section}: {end_s - begin_s:.1f} s, {ending}"
        self._calls.append(Lasting(begin_s=begin_s, end_s=end_s, kind=kind, label=f"{number} {section}", told=told))

    def _grow(self) -> None:
        """How the text grew, by its pieces; of many every so many."""
        found = self._beginnings
        if not found:
            return
        is_present = self._timeline.epoch == self._artifact.epoch
        last = self._artifact.length if is_present else found[-1][1]
        ends = [offset for _, offset in found[1:]] + [last]
        self._growth = [(self._after(at), end) for (at, _), end in zip(found, ends, strict=True)]

    def _written(self) -> list[tuple[datetime, int]]:
        """When what was written, and from where on."""
        packed = packed_pieces(self._artifact.pk, self._timeline.epoch)
        if packed is not None:
            return [(piece.at, piece.offset) for piece in packed[:: max(1, len(packed) // GROWTH_POINTS)]]
        pieces = Delta.objects.filter(artifact=self._artifact.pk, epoch=self._timeline.epoch).order_by("offset")
        seqs = pieces.order_by().aggregate(first=Min("seq"), last=Max("seq"))
        every = max(1, ((seqs["last"] or 0) - (seqs["first"] or 0)) // GROWTH_POINTS)
        if every > 1:
            pieces = pieces.annotate(rest=F("seq") % every).filter(rest=0)
        return list(pieces.values_list("created_at", "offset")[: GROWTH_POINTS * 4])

    def _row(self, at: datetime, kind: str, who: str, words: str, prompt: int | None = None) -> None:
        self._timeline.rows.append(
            TimelineRow(at=at, after_s=self._after(at), kind=kind, who=who, words=words, prompt=prompt)
        )

    def _after(self, at: datetime) -> float:
        return max(0.0, (at - self._began_at).total_seconds())

    def _name_of(self, event: JournalEvent) -> str:
        if "s" not in event:
            return ""
        return str(self._names.get(int(event["s"])) or f"section {int(event['s']) + 1}")


def row_kind(event: JournalEvent) -> str:
    """The kind of a row, and the colour of a call."""
    kind = str(event["k"])
    if kind != "answer":
        return kind
    ending = str(event.get("end", ""))
    return "well" if ending in WELL else "soft" if ending in SOFT else "ill"


def event_words(event: JournalEvent, section: str) -> str:
    """One event as a sentence."""
    seconds = int(event.get("ms", 0)) / 1000
    call = f"Call {event.get('n')}"
    match event["k"]:
        case "begin":
            return f"{section} begins"
        case "end":
            return f"{section} is whole, {int(event.get('tokens', 0)):,} tokens"
        case "call":
            asked = f"{int(event.get('chars', 0)):,} characters, at most {int(event.get('max_tokens', 0)):,} tokens"
            return f"{call} for {section}: {asked}; {event.get('delivery')}, {event.get('mode')}"
        case "text":
            return f"{call}: first text after {seconds:.1f} s"
        case "seam":
            return f"{call}: joined to the text after {seconds:.1f} s"
        case "answer":
            return _answer_words(call, seconds, event)
        case "retry":
            attempt = f"attempt {event.get('attempt')}" + (f" of {event['of']}" if event.get("of") else "")
            status = f" ({event['status']})" if event.get("status") else ""
            trouble = f"{section}: {event.get('cause') or event.get('reason')}{status}"
            return f"{trouble}; waits {event.get('wait_s')} s, then {attempt}"
        case "thinking":
            return f"{section}: the model thinks, {event.get('seconds')} s so far"
        case "database":
            return f"The database took text only after {seconds:.1f} s"
        case "stop":
            reason = f", {event['reason']}" if event.get("reason") else ""
            return f"The claim is over: {event.get('status')}{reason}"
    return str(event["k"])


def _answer_words(call: str, seconds: float, event: JournalEvent) -> str:
    facts = [str(event.get("end", "")).replace("_", " ")]
    if "status" in event:
        facts.append(f"HTTP {event['status']}")
    if "tokens" in event:
        facts.append(f"{int(event['tokens']):,} tokens")
    facts.append(f"{int(event.get('chars', 0)):,} characters")
    detail = f". {event['detail']}" if event.get("detail") else ""
    return f"{call}: over after {seconds:.1f} s, {', '.join(facts)}{detail}"
