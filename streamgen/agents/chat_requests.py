"""What a client of the OpenAI API asks for, read from its body: which model, and what was said. Pure.

Only what means something for a document is read: temperature, tools and the like are passed over.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, ValidationError

from artifacts.planned_section import SECTION_TOKENS, PlannedSection
from streamgen.agents.openai_errors import ApiRefused
from streamgen.api_calls.json_bodies import TooManyValues, read_json

R = TypeVar("R", bound="DocumentRequest")
_SHAPE = re.compile(r"str|list\[\w+\]")
"""How pydantic calls one of several types that a field may have: no name that a caller knows."""
TEXT_PARTS = ("text", "input_text", "output_text")
MOST_MESSAGES, MOST_FIELDS = 2_000, 1_000
"""Of a conversation, or parts of a message; and of what a client notes beside them, or sections of a plan."""


def _few(noted: object) -> object:
    """Before each of them is looked at."""
    if isinstance(noted, dict) and len(noted) > MOST_FIELDS:
        raise ValueError(f"it may have {MOST_FIELDS} members at most")
    return noted


class Lenient(BaseModel):
    """Whatever else a client sends is none of our business."""

    model_config = ConfigDict(extra="ignore")


class ContentPart(Lenient):
    type: str = "text"
    text: str | None = None


class ChatMessage(Lenient):
    """One message of a conversation; items of other types (calls of tools, reasoning) have no role."""

    role: str = ""
    content: str | Annotated[list[ContentPart], Field(max_length=MOST_MESSAGES)] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        return "\n\n".join(part.text for part in self.content or () if part.type in TEXT_PARTS and part.text)


class SectionWish(Lenient):
    name: str
    instructions: str = ""
    max_tokens: StrictInt = SECTION_TOKENS

    @property
    def planned(self) -> PlannedSection:
        return PlannedSection(name=self.name, instructions=self.instructions, max_tokens=self.max_tokens)


class DocumentRequest(Lenient):
    """What both ways to ask have in common; `plan` and `parallel` are ours, as a start by the API has them."""

    model: str
    stream: bool | None = None
    seed: int | None = None
    metadata: Annotated[dict[str, str], BeforeValidator(_few)] | None = None
    plan: Annotated[list[SectionWish], Field(max_length=MOST_FIELDS)] | None = None
    parallel: StrictInt | None = None

    @property
    def said(self) -> list[ChatMessage]:
        """What was said before; each way to ask has its own field for it."""
        raise NotImplementedError

    @property
    def instructions_said(self) -> str:
        """The last message of the user. Raises `ApiRefused` where there is none with text."""
        asked = [said.text for said in self.said if said.role == "user"]
        if not asked or not asked[-1].strip():
            raise ApiRefused(
                400, "The last message of the user must have a text: it says what to write.", param=self.where
            )
        return asked[-1].strip()

    @property
    def where(self) -> str:
        """The field of what was said, which is each way's own."""
        raise NotImplementedError

    @property
    def wishes_said(self) -> str:
        """All that the user said, of which the last says what should be different."""
        return "\n\n".join(said.text.strip() for said in self.said if said.role == "user" and said.text.strip())

    @property
    def earlier(self) -> str:
        """The id of a response that this one follows; "" for none."""
        return ""

    @property
    def digest(self) -> str:
        """The same for whoever asks the same once more, as a client does that lost its answer."""
        return self._digests([len(self.said)])[0]

    @property
    def followed(self) -> list[str]:
        """The digests of the requests whose answers stand before the last message of the user, the latest first."""
        last = max((place for place, said in enumerate(self.said) if said.role == "user"), default=0)
        answers = [
            place for place, said in enumerate(self.said[:last]) if said.role == "assistant" and said.text.strip()
        ]
        return self._digests(answers)[::-1]

    def _digests(self, ends: Sequence[int]) -> list[str]:
        """Those of the requests that say no more than the first so many messages, in order: each message is read once,
        however many they are.
        """
        plan = [wish.model_dump() for wish in self.plan] if self.plan else None
        beside = [self.seed, self.metadata or {}, plan, *([self.earlier] if self.earlier else [])]
        end = f"], {json.dumps(beside, sort_keys=True)[1:]}".encode()
        begun, between, digests, wanted = hashlib.sha256(b"[["), b"", list[str](), set(ends)
        for place in range(max(ends, default=-1) + 1):
            if place in wanted:
                whole = begun.copy()
                whole.update(end)
                digests.append(whole.hexdigest())
            if place < len(self.said) and (said := self.said[place]).role:
                begun.update(between + json.dumps([said.role, said.text]).encode())
                between = b", "
        return digests


class StreamOptions(Lenient):
    include_usage: bool | None = None


class ChatRequest(DocumentRequest):
    """POST /v1/chat/completions."""

    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MOST_MESSAGES)]
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None

    @property
    def said(self) -> list[ChatMessage]:
        return self.messages

    @property
    def where(self) -> str:
        return "messages"

    @property
    def wants_usage(self) -> bool:
        return self.stream_options is not None and bool(self.stream_options.include_usage)


class ResponseRequest(DocumentRequest):
    """POST /v1/responses."""

    input: str | Annotated[list[ChatMessage], Field(max_length=MOST_MESSAGES)]
    background: bool | None = None
    previous_response_id: str | None = None

    @property
    def earlier(self) -> str:
        return self.previous_response_id or ""

    @property
    def said(self) -> list[ChatMessage]:
        return [ChatMessage(role="user", content=self.input)] if isinstance(self.input, str) else self.input

    @property
    def where(self) -> str:
        return "input"


def read_request(kind: type[R], body: bytes) -> R:
    """Raises `ApiRefused`."""
    try:
        return kind.model_validate(read_json(body))
    except (ValueError, RecursionError) as error:
        if isinstance(error, TooManyValues):
            raise ApiRefused(413, str(error), code="too_large") from None
        if isinstance(error, ValidationError):
            errors: Any = error.errors(include_url=False, include_input=False)
            first = errors[0]
            of_its_field = [one for one in errors if one["loc"][:1] == first["loc"][:1]]
            first = max(of_its_field, key=lambda one: len(one["loc"]))  # of two shapes the one that fits further
            place = ".".join(str(part) for part in first["loc"] if not _SHAPE.fullmatch(str(part)))[:100]
            raise ApiRefused(400, f"{place or 'The body'}: {first['msg']}.", param=place or None) from None
        raise ApiRefused(400, "We could not parse the JSON body of your request.") from None
