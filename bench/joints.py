"""How a real model that is asked anew goes on, and how it is joined: `python -m bench.joints [joints]`.

The bundled small model writes sections, the text is cut where a turn would end, and the model is asked to go on from
there as a reprompt asks it. The table says how often it copied the last words, and how often it was joined or refused;
each joint made without a copy is printed, to be read by a person: only a person can say whether it is right.
"""

from __future__ import annotations

import asyncio
import random
import re
import sys
from collections import Counter

from generation.providers.base import Message, Piece
from generation.providers.local.provider import LocalServer
from generation.providers.openai_compatible.client import OpenAICompatible
from generation.seams import BadSeam, certain, join
from generation.writing.phases import BRIEF
from generation.writing.prompts import Assignment, last_words, section_prompt

TOPICS = ("a lending library for tools", "a lamp of a harbour", "a school garden", "a workshop", "an archive")


async def main(joints: int) -> None:
    server = LocalServer()
    address = await asyncio.to_thread(server.start)
    model = OpenAICompatible(base_url=address, api_key=server.key, model="local")
    table: Counter[str] = Counter()
    try:
        for number in range(joints):
            await measure(model, number, table)
    finally:
        await model.aclose()
        server.stop()
    for name, count in sorted(table.items()):
        print(f"{name:28}{count:5}")


async def measure(model: OpenAICompatible, number: int, table: Counter[str]) -> None:
    dice = random.Random(number)
    assignment = Assignment(project_title=TOPICS[number % len(TOPICS)], document_title="Brief", plan=BRIEF.plan)
    prompt = section_prompt(assignment, number % len(BRIEF.plan), earlier="", mode="reprompt")
    text = await answer(model, prompt.messages(""), dice.randrange(60, 160))
    text = text[: certain(text)]
    if not text.strip():
        return
    words = last_words(text)
    for is_repeated in (False, True):
        said = await answer(model, prompt.messages(text, is_repeated=is_repeated), 90)
        has_copy = _letters(words) in _letters(said[: len(words) * 2 + 400])
        kind = "copied" if has_copy else "no copy"
        try:
            rest = join(text, said, mode="reprompt", copied=words)
        except BadSeam as why:
            table[f"{kind}, refused"] += 1
            if has_copy:
                print(f"refused a copy ({why}): {said!r}")
            continue
        table[f"{kind}, joined"] += 1
        if not has_copy:
            print(f"...{text[-80:]!r} + {rest[:80]!r}")
        return
    table["paused as bad_seam"] += 1


async def answer(model: OpenAICompatible, messages: list[Message], max_tokens: int) -> str:
    async with model.stream(messages, model="local", max_tokens=max_tokens) as items:
        return "".join([item.text async for item in items if isinstance(item, Piece)])


def _letters(text: str) -> str:
    return re.sub(r"\W+", "", text).casefold()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 40))
