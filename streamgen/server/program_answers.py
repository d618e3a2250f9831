"""Who asks below `api/` or `streams/` is a program: a refusal that would be a page is told as a problem there.

Pages come from Django and from a host. It decides nothing, and leaves alone what is no refusal, or no page.
"""

from __future__ import annotations

from typing import Any

from django.core.handlers.asgi import get_script_prefix
from django.urls import Resolver404, resolve, set_script_prefix

from streamgen.contract.codes import CODES, OF_STATUS
from streamgen.embedding.place import kind_of_path
from streamgen.problems import Problem
from streamgen.refusals import WRONG_HOST
from streamgen.server.site_names import is_site_name, names_asked_by

OUR_PACKAGES = ("artifacts", "generation", "streamgen", "ninja")
"""Where the views of documents and of their calls are from."""
KEPT_HEADERS = (b"allow", b"retry-after", b"set-cookie", b"vary")


class ProgramAnswers:
    """The given ASGI application for HTTP, whose pages of refusals become problems."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        prefix = get_script_prefix(scope)
        path = scope["path"].removeprefix(prefix)
        if kind_of_path(path) not in ("api", "streams"):
            await self._app(scope, receive, send)
            return
        refused: dict[str, Any] = {}

        async def told(message: Any) -> None:
            if message["type"] == "http.response.start" and _is_page_of_refusal(message) and not _is_of_a_host(path):
                refused.update(message)
            elif not refused:
                await send(message)
            elif not message.get("more_body"):
                set_script_prefix(prefix)  # of this task; a problem names a page of ours
                await _tell(scope, refused, send)

        await self._app(scope, receive, told)


def _is_page_of_refusal(start: Any) -> bool:
    kinds = [value for name, value in start["headers"] if name.lower() == b"content-type"]
    return start["status"] >= 400 and any(kind.startswith(b"text/html") for kind in kinds)


def _is_of_a_host(path: str) -> bool:
    """Whether a host has something of its own there, as it may where documents have no prefix."""
    try:
        view: Any = resolve(path).func
    except Resolver404:
        return False
    return view.__module__.partition(".")[0] not in OUR_PACKAGES


async def _tell(scope: Any, refused: Any, send: Any) -> None:
    status: int = refused["status"]
    code = "wrong_host" if status == 400 and _is_under_another_name(scope) else OF_STATUS.get(status, "")
    known = CODES.get(code)
    detail = WRONG_HOST if code == "wrong_host" else known.meaning if known else "The request is refused."
    answer = Problem(status=status, detail=detail, code=code).response()
    kept = [(name, value) for name, value in refused["headers"] if name.lower() in KEPT_HEADERS]
    own = [(b"content-type", answer["Content-Type"].encode()), (b"content-length", b"%d" % len(answer.content))]
    await send({"type": "http.response.start", "status": status, "headers": [*kept, *own]})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.content})


def _is_under_another_name(scope: Any) -> bool:
    hosts = names_asked_by(scope)
    return not hosts or not is_site_name(hosts)
