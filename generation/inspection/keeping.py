"""The rows of journals and prompts: begun with the claim, few of each kept.

Nothing of a document is written here. Events go with the next flush of the writer's text, in its transaction; what is
left of them, and the prompts, is saved for all writers of a process at once, every second and at the end of each.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from artifacts.models import Artifact
from artifacts.validation import MODEL_NAME_CHARS, SECTION_NAME_CHARS, clean
from generation.inspection.journal import JournalState, KeptPrompt
from generation.inspection.redaction import redacted
from generation.models import CallPrompt, ClaimJournal
from generation.providers.base import Message

MOST_CLAIMS = 64
"""A document's journals, of its last claims; those before went with every `TIDIED_EVERY`th."""
CLAIMS_WITH_PROMPTS = 8
TIDIED_EVERY = 8
END_CHARS = 20_000
"""Of a longer message its first and last so many characters are kept."""
_WINDOW = 32_768  # of zlib; what a claim's first prompt says is not stored again with the others
_ALONE, _AFTER_FIRST = b"\0", b"\1"


@dataclass(frozen=True, kw_only=True)
class JournalEntry:
    """What is to be stored of the journal of a claim."""

    artifact: int
    fence: int
    state: JournalState


def begin_journal(
    artifact_id: int, *, fence: int, epoch: int, task: int, worker: str, is_takeover: bool, length: int
) -> None:
    """In the transaction of the claim."""
    ClaimJournal.objects.create(
        artifact_id=artifact_id,
        fence=fence,
        epoch=epoch,
        task=task,
        worker=worker,
        is_takeover=is_takeover,
        length_at_begin=length,
        began_at=Now(),
    )
    if fence % TIDIED_EVERY == 0:
        ClaimJournal.objects.filter(artifact=artifact_id, fence__lte=fence - MOST_CLAIMS).delete()
        old = CallPrompt.objects.filter(journal__artifact=artifact_id, journal__fence__lte=fence - CLAIMS_WITH_PROMPTS)
        old.delete()


def save_journals(entries: Sequence[JournalEntry]) -> None:
    """All of them in one transaction; one whose document is gone is left out. The same once more changes nothing."""
    states = {(entry.artifact, entry.fence): entry.state for entry in entries}
    # Before the transaction, for whose end every flush waits.
    texts = {claim: [_as_text(prompt.messages) for prompt in state.prompts] for claim, state in states.items()}
    with transaction.atomic():
        rows = ClaimJournal.objects.select_for_update().order_by("pk")
        for row in rows.filter(artifact__in={one for one, _ in states}, fence__in={fence for _, fence in states}):
            if (state := states.get(claim := (row.artifact_id, row.fence))) is not None:
                _save(row, state)
                if state.prompts:
                    _keep_prompts(row, state.prompts, texts[claim])


def _save(row: ClaimJournal, state: JournalState) -> None:
    changed = {
        "events": state.events,
        "left_out": state.left_out,
        "endpoint": clean(state.endpoint)[:100],
        "model": clean(state.model)[:MODEL_NAME_CHARS],
        "ending": state.ending[:60],
        "ended_at": None if state.ended_ms is None else row.began_at + timedelta(milliseconds=state.ended_ms),
        **asdict(state.sums),
    }
    changed = {name: value for name, value in changed.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    if changed:
        row.save(update_fields=changed)


def _keep_prompts(journal: ClaimJournal, prompts: Sequence[KeptPrompt], texts: Sequence[bytes]) -> None:
    """The claim's first prompt, and the newest ones."""
    kept = CallPrompt.objects.filter(journal=journal).order_by("number")
    is_begin = prompts[0].number == 1
    first = None if is_begin else kept.first()
    base = b"" if first is None else _unpacked(bytes(first.packed), b"")
    rows = []
    for prompt, text in zip(prompts, texts, strict=True):
        rows.append(
            CallPrompt(
                journal=journal,
                number=prompt.number,
                at=journal.began_at + timedelta(milliseconds=prompt.at_ms),
                section=prompt.section[:SECTION_NAME_CHARS],
                model=clean(prompt.model)[:MODEL_NAME_CHARS],
                chars=sum(len(message["content"]) for message in prompt.messages),
                packed=_packed(text, base),
            )
        )
        base = base or text
    CallPrompt.objects.bulk_create(rows, ignore_conflicts=True)
    if is_begin and len(prompts) <= settings.STREAMGEN_KEPT_PROMPTS:
        return
    numbers = list(kept.values_list("number", flat=True))
    surplus = numbers[1 : len(numbers) - settings.STREAMGEN_KEPT_PROMPTS + 1]
    if surplus:
        kept.filter(number__in=surplus).delete()


def messages_of(prompt: CallPrompt) -> list[Message]:
    """What the call asked, as far as it is kept."""
    first = CallPrompt.objects.filter(journal=prompt.journal_id).order_by("number").first()
    base = b"" if first is None or first.pk == prompt.pk else _unpacked(bytes(first.packed), b"")
    messages: list[Message] = json.loads(_unpacked(bytes(prompt.packed), base))
    return messages


def installation_secrets() -> list[str]:
    """What must stand in nothing that is kept or shown: every setting that is a secret, in each form it has."""
    found = [settings.SECRET_KEY, settings.OPENAI_API_KEY, settings.STREAMGEN_METRICS_TOKEN]
    found += [str(database.get("PASSWORD") or "") for database in settings.DATABASES.values()]
    for address in (settings.REDIS_URL, settings.OPENAI_BASE_URL):
        if password := urlsplit(address).password:
            found += [address, password, unquote(password)]
    return [secret for secret in found if secret]


def old_journals(before: datetime, finished: QuerySet[Artifact]) -> QuerySet[ClaimJournal]:
    """Of claims that ended before then, and of documents that are finished."""
    return ClaimJournal.objects.filter(Q(ended_at__lt=before) | Q(artifact__in=finished.values("pk"))).order_by()


def _as_text(messages: Sequence[Message]) -> bytes:
    secrets = installation_secrets()
    kept = [
        {"role": message["role"], "content": _ends_of(redacted(clean(message["content"]), secrets))}
        for message in messages
    ]
    return json.dumps(kept, ensure_ascii=False).encode()


def _ends_of(text: str) -> str:
    if len(text) <= 2 * END_CHARS:
        return text
    return f"{text[:END_CHARS]}\n[{len(text) - 2 * END_CHARS} characters of this are not kept]\n{text[-END_CHARS:]}"


def _packed(text: bytes, base: bytes) -> bytes:
    if not base:
        return _ALONE + zlib.compress(text)
    packer = zlib.compressobj(zdict=base[:_WINDOW])
    return _AFTER_FIRST + packer.compress(text) + packer.flush()


def _unpacked(packed: bytes, base: bytes) -> bytes:
    if packed[:1] == _ALONE:
        return zlib.decompress(packed[1:])
    return zlib.decompressobj(zdict=base[:_WINDOW]).decompress(packed[1:])
