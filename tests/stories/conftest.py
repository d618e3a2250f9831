"""Every story is told twice: with a short text, and (marked `large`) with 1 MB, which an audience on both servers
follows. It says what is written; how it is written is the story's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from django.contrib.auth.models import User
from django.db import connection

from artifacts.models import Artifact
from generation.models import GenerationTask
from tests.stories.audience import Audience
from tests.support import large
from tests.support.endpoint.openai_script import Behaviour, Script, tokens
from tests.support.servers import Server, serving_product, up
from tests.support.workbench import start, text_of_sections

SUMMARY = (
    "One light for the whole coast.\n\nIt stands on a rock and is seen for twenty miles, in fog and in storm alike.\n"
)
PEOPLE = (
    "- **Sailors** look for it at night.\n- **Keepers** climb the stairs every evening.\n\n"
    "1. Light it.\n2. Keep it lit.\n\n"
    "Nobody counts the ships that come home because of it. The lamp wants oil, and a wick that is trimmed.\n\n"
    "```\nlamp --oil full --wick trimmed\n```\n\nThe stairs are steep, and the oil is heavy.\n"
)
PIECE_TOKENS = 60
TOKEN_CHARS = 16
"""So that a section of 500 KB stays within the tokens that one may have."""
SECTION_TOKENS = 32_000


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the endpoint has to say, in two sections, and how finely."""

    summary: str
    people: str
    piece_tokens: int = 1
    token_chars: int = 0
    pause_s: float = 0.04
    section_tokens: int = 4_000
    on_the_wire: int = 12
    """Characters that were sent and may not have arrived when the call is closed."""
    servers: list[Server] = field(default_factory=list)
    audiences: list[Audience] = field(default_factory=list)

    @property
    def is_large(self) -> bool:
        return bool(self.servers)

    @property
    def texts(self) -> dict[str, str]:
        return {"Summary": self.summary, "People": self.people}

    @property
    def whole(self) -> str:
        return text_of_sections([(name, text.strip("\n")) for name, text in self.texts.items()])

    def tokens(self, text: str) -> list[str]:
        return tokens(text, self.token_chars)

    @property
    def turn_tokens(self) -> int:
        """What makes a few turns of each section."""
        return max(48, len(self.tokens(self.summary + self.people)) // 4)

    def script(self, **fields: object) -> Script:
        return Script(**{"texts": self.texts, "default": self.behaviour(), **fields})  # type: ignore[arg-type]

    def behaviour(self, **fields: object) -> Behaviour:
        return Behaviour(**{"piece_tokens": self.piece_tokens, "token_chars": self.token_chars, **fields})  # type: ignore[arg-type]

    @property
    def slowly(self) -> Behaviour:
        return self.behaviour(pause_s=self.pause_s)

    def part(self, length: int) -> int:
        """As far into this text as `length` is into the short one."""
        return length * len(self.summary + self.people) // len(SUMMARY + PEOPLE)

    async def start(self, artifact: Artifact, owner: User, *names: str, **options: object) -> GenerationTask:
        return await start(artifact, owner, *names, max_tokens=self.section_tokens, **options)

    async def watch(self, artifact: Artifact) -> None:
        """Nobody watches a short text."""
        if self.is_large:
            self.audiences.append(audience := Audience(self.servers, artifact, length=len(self.whole)))
            await audience.come()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The short text, and one kind of a large one: the next kind for the next story."""
    if "size" in metafunc.fixturenames:
        place = list(vars(metafunc.module)).index(metafunc.function.__name__)
        kind = list(large.KINDS)[place % len(large.KINDS)]
        metafunc.parametrize("size", ["short", pytest.param(kind, marks=[pytest.mark.large, pytest.mark.timeout(400)])])


@pytest.fixture(scope="session")
def both_servers(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """Daphne and uvicorn with the tests' own database, and no worker."""
    database, folder = Path(connection.settings_dict["NAME"]), tmp_path_factory.mktemp("servers")
    with ExitStack() as stack:
        settings = {"STREAMGEN_SOCKETS_PER_USER": "1000", "STREAMGEN_CONCURRENCY": "0"}
        daphne = stack.enter_context(up(database=database, folder=folder, **settings))
        yield [daphne, stack.enter_context(serving_product("uvicorn", database=database, folder=folder, **settings))]
    logs = "".join(log.read_text() for log in folder.glob("*.log"))
    assert not any(word in logs for word in ("Traceback", "WARNING", "ERROR")), logs


@pytest_asyncio.fixture
async def told(size: str, request: pytest.FixtureRequest, artifact: Artifact) -> AsyncIterator[Told]:
    """The text of a story; where it is large, all who watch the document must agree with the database in the end."""
    if size == "short":
        yield Told(summary=SUMMARY, people=PEOPLE)
        return
    summary = large.KINDS[size](large.SIZE // 2)
    told = Told(
        summary=summary,
        people=large.ascii_text(large.SIZE // 2, first=2 * large.FAR),
        piece_tokens=PIECE_TOKENS,
        token_chars=TOKEN_CHARS,
        pause_s=0.01,
        section_tokens=SECTION_TOKENS,
        on_the_wire=large.SIZE,
        servers=request.getfixturevalue("both_servers"),
    )
    await told.watch(artifact)
    yield told
    for audience in told.audiences:
        await audience.agrees()
