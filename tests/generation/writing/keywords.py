"""`write_section` with keywords for what the app carries in objects, for tests that vary one of them at a time."""

from __future__ import annotations

import asyncio
import random as random_module
import time
from collections.abc import Awaitable, Callable

from generation.providers.base import Provider
from generation.seams import Mode
from generation.writing.callbacks import FunctionCallbacks, OnCall, OnThinking, OnTurn, OnWait, ignore
from generation.writing.kept_text import KeptText
from generation.writing.patience import Limits
from generation.writing.policy import Timing, WritingPolicy
from generation.writing.prompts import Assignment
from generation.writing.retries import RetryPolicy
from generation.writing.sections import SectionWork
from generation.writing.sections import write_section as write_work
from generation.writing.turns import Continuation, Delivery, TakeText


async def write_section(
    provider: Provider,
    assignment: Assignment,
    index: int,
    *,
    earlier: str,
    on_chunk: TakeText,
    held: str = "",
    model: str = "",
    mode: Mode = "prefill",
    budget_tokens: int | None = None,
    more_tokens: int = 0,
    on_turn: OnTurn = ignore,
    on_wait: OnWait = ignore,
    on_thinking: OnThinking = ignore,
    on_call: OnCall = ignore,
    on_kept: OnCall = ignore,
    kept: KeptText | None = None,
    delivery: Delivery = "auto",
    turn_tokens: int = 300,
    max_turns: int = 20,
    policy: RetryPolicy | None = None,
    limits: Limits | None = None,
    stop: asyncio.Event | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    random: Callable[[], float] = random_module.random,
) -> Continuation:
    return await write_work(
        provider,
        SectionWork(
            assignment=assignment,
            index=index,
            earlier=earlier,
            held=held,
            model=model,
            mode=mode,
            budget_tokens=budget_tokens,
            more_tokens=more_tokens,
        ),
        on_chunk,
        callbacks=FunctionCallbacks(on_turn, on_wait, on_thinking, on_call, on_kept),
        policy=WritingPolicy(
            delivery=delivery,
            turn_tokens=turn_tokens,
            max_turns=max_turns,
            retry=policy or RetryPolicy(),
            limits=limits or Limits(),
        ),
        timing=Timing(clock=clock, sleep=sleep, random=random),
        kept=kept,
        stop=stop,
    )
