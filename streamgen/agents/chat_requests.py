"""What a client of the OpenAI API asks for, read from its body: which model, and what was said. Pure.

Only what means something for a document is read: temperature, tools and the like are passed over.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError

from artifacts.planned_section import SECTION_TOKENS, PlannedSection
from streamgen.agents.openai_errors import ApiRefused

R = TypeVar("R", bound="DocumentRequest")
_SHAPE = re.compile(r"str|list\[\w+\]")
"""How pydantic calls one of several types that a field may have: no name that a caller knows."""
TEXT_PARTS = ("text", "input_text", "output_text")


class Lenient(BaseModel):
    """Whatever else a client sends is none of our business."""

    model_config = ConfigDict(extra="ignore")


class ContentPart(Lenient):
    type: str = "text"
    text: str | None = None


class ChatMessage(Lenient):
    """One message of a conversation; items of other types (calls of tools, reasoning) have no role."""

    role: str = ""
    content: str | list[ContentPart] | None = None

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
    metadata: dict[str, str] | None = None
    plan: list[SectionWish] | None = None
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
        return self._digest_of(self.said)

    @property
    def followed(self) -> list[str]:
        """The digests of the requests whose answers stand before the last message of the user, the latest first."""
        last = max((place for place, said in enumerate(self.said) if said.role == "user"), default=0)
        answers = [
            place for place, said in enumerate(self.said[:last]) if said.role == "assistant" and said.text.strip()
        ]
        return [self._digest_of(self.said[:place]) for place in reversed(answers)]

    def _digest_of(self, messages: list[ChatMessage]) -> str:
        said = [[each.role, each.text] for each in messages if each.role]
        plan = [wish.model_dump() for wish in self.plan] if self.plan else None
        asked = [said, self.seed, self.metadata or {}, plan, *([self.earlier] if self.earlier else [])]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode(errors="replace")).hexdigest()


class StreamOptions(Lenient):
    include_usage: bool | None = None


class ChatRequest(DocumentRequest):
    """POST /v1/chat/completions."""

    messages: Annotated[list[ChatMessage], Field(min_length=1)]
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

    input: str | list[ChatMessage]
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
        return kind.model_validate(json.loads(body))
    except (ValueError, RecursionError) as error:
        if isinstance(error, ValidationError):
            first: Any = error.errors()[0]
            of_its_field = [one for one in error.errors() if one["loc"][:1] == first["loc"][:1]]
            first = max(of_its_field, key=lambda one: len(one["loc"]))  # of two shapes the one that fits further
            place = ".".join(str(part) for part in first["loc"] if not _SHAPE.fullmatch(str(part)))[:100]
            raise ApiRefused(400, f"{place or 'The body'}: {first['msg']}.", param=place or None) from None
        raise ApiRefused(400, "We could not parse the JSON body of your request.") from None
