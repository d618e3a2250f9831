"""Scenario: every way in which an endpoint fails, one document each, all at once against one worker."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.faults.environment import LARGE, Database, Document, Rig, rigged
from tests.faults.result import Result
from tests.support.endpoint.openai_script import ABSENT, Behaviour

SLOWLY = 0.001


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Behaviours for the document's calls in order, and how it must end. `calls` bounds how often it may ask."""

    name: str
    behaviours: list[Behaviour] = field(default_factory=list)
    status: str = "complete"
    reasons: tuple[str, ...] = ("",)
    calls: int = 4
    free_text: bool = False


def _always(behaviour: Behaviour) -> list[Behaviour]:
    return [behaviour] * 40


def endpoint_faults(cuts: int) -> list[Fault]:
    """All of them; `cuts` says at how many byte positions from 1 to 200 a stream is cut."""
    step = max(1, 200 // max(1, cuts))
    garbage = {3: "data: {broken\n\n"}
    wrong_type = {3: 'data: {"choices": [{"index": 0, "delta": {"content": 7}}]}\n\n'}
    return [
        Fault(name="429 once", behaviours=[Behaviour(status=429)], calls=2),
        Fault(name="429 with Retry-After", behaviours=[Behaviour(status=429, headers={"Retry-After": "1"})], calls=2),
        Fault(name="500 once", behaviours=[Behaviour(status=500)], calls=2),
        Fault(name="hung up once", behaviours=[Behaviour(hang_up=True)], calls=2),
        Fault(name="no headers", behaviours=[Behaviour(stall="headers")], calls=2),
        Fault(name="no first piece", behaviours=[Behaviour(stall="first_piece")], calls=2),
        Fault(name="stall between pieces", behaviours=[Behaviour(stall="pieces", stall_after=12)], calls=2),
        Fault(name="malformed event", behaviours=[Behaviour(insert=garbage)], calls=2),
        Fault(name="wrong type", behaviours=[Behaviour(insert=wrong_type)], calls=2, free_text=True),
        Fault(name="bad UTF-8", behaviours=[Behaviour(insert={3: "data: \xff\xfe\n\n"})], calls=2),
        Fault(name="no end", behaviours=[Behaviour(cut_after_pieces=9, cut="end", finish=ABSENT, done=False)], calls=2),
        Fault(name="reset", behaviours=[Behaviour(cut_after_pieces=9, cut="reset")], calls=2),
        Fault(
            name="429 for ever", behaviours=_always(Behaviour(status=429)), status="paused", reasons=("rate_limited",)
        ),
        Fault(
            name="500 for ever", behaviours=_always(Behaviour(status=500)), status="paused", reasons=("provider_error",)
        ),
        Fault(name="empty for ever", behaviours=_always(Behaviour(text="")), status="paused", reasons=("no_progress",)),
        Fault(
            name="length for ever",
            behaviours=_always(Behaviour(text="", finish="length")),
            status="paused",
            reasons=("no_progress", "tokens_exhausted", "turns_exhausted"),
        ),
        Fault(name="401", behaviours=_always(Behaviour(status=401)), status="paused", reasons=("auth",), calls=1),
        *(
            Fault(name=f"cut after byte {at}", behaviours=[Behaviour(cut_after_bytes=at)], calls=2)
            for at in range(1, 201, step)
        ),
    ]


async def endpoint_fails(database: Database, seed: int, runs: int) -> Result:
    """`runs` is the number of byte positions at which a stream is cut."""
    async with rigged(
        database,
        seed=seed,
        redis=database == "postgres",
        pause_s=SLOWLY,
        lease_s=5,
        STREAMGEN_STALL_SECONDS="2",
        STREAMGEN_FIRST_PIECE_SECONDS="4",
        STREAMGEN_CONNECT_SECONDS="4",
        STREAMGEN_RETRIES="4",
        STREAMGEN_CONCURRENCY="4" if LARGE else "300",  # the patience above is for small documents
    ) as rig:
        rig.calls_may_fail = True
        await rig.web()
        await rig.worker()
        tried: list[tuple[Fault, Document]] = []
        for fault in endpoint_faults(runs):
            document = await rig.make(sections=1, chars=500)
            rig.endpoint.script.by_section[document.names[0]] = fault.behaviours  # type: ignore[index]
            if fault.free_text:
                rig.free_text.add(document.artifact)
            await rig.start(document)
            tried.append((fault, document))
        await rig.until([document for _, document in tried], within_s=180)
        broken = [sentence for fault, document in tried for sentence in _judge(rig, fault, document)]
        verdict = await rig.verdict()
        return Result(runs=len(tried), figures="each ends as it must, calls bounded", broken=[*verdict.broken, *broken])


def _judge(rig: Rig, fault: Fault, document: Document) -> list[str]:
    sql = f"SELECT stream_status, reason, last_error FROM artifacts_artifact WHERE id = {document.artifact}"
    status, reason, detail = rig.store.query(sql)[0]
    calls = sum(one.section == document.names[0] for one in rig.endpoint.requests)
    broken = []
    if status != fault.status or reason not in fault.reasons:
        broken.append(f"{fault.name}: {status} {reason!r} {detail!r}")
    if status == "paused" and not detail:
        broken.append(f"{fault.name}: no sentence says why")
    if fault.behaviours[0].status in {429, 500}:
        sql = f"SELECT count(*) FROM fault_writes WHERE reason = 'waiting_retry' AND artifact = {document.artifact}"
        if not rig.store.query(sql)[0][0]:
            broken.append(f"{fault.name}: its wait was not shown")
    if calls > fault.calls:
        broken.append(f"{fault.name}: {calls} calls")
    return broken
