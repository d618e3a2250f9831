"""Static files that are replaced under a running server."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.test import AsyncRequestFactory

from streamgen.server.changed_files import ChangedFilesMiddleware


async def nothing_else(request: HttpRequest) -> HttpResponseBase:
    return HttpResponse(status=404)


async def asked(served: ChangedFilesMiddleware, **headers: str) -> tuple[int, bytes, HttpResponseBase]:
    answer = await served(AsyncRequestFactory().get("/static/lamp.js", headers=headers))
    content = b"".join([part async for part in answer]) if answer.streaming else answer.content
    return answer.status_code, content, answer


@pytest.mark.asyncio
async def test_file_that_grew_or_shrank_goes_out_whole_under_a_tag_of_its_own(settings, tmp_path: Path):
    settings.STATICFILES_DIRS = [tmp_path]
    file = tmp_path / "lamp.js"
    file.write_text("burn()")
    served = ChangedFilesMiddleware(nothing_else)
    assert (await asked(served))[:2] == (200, b"burn()")

    for text in (b"burn() // the whole night", b"out()"):
        tag = (await asked(served))[2]["ETag"]
        file.write_bytes(text)
        status, content, answer = await asked(served, if_none_match=tag)
        assert (status, content, answer["Content-Length"]) == (200, text, str(len(text)))
        assert (await asked(served, if_none_match=answer["ETag"]))[0] == 304


@pytest.mark.asyncio
async def test_file_that_is_away_for_a_moment_is_not_found_and_then_there_again(settings, tmp_path: Path):
    settings.STATICFILES_DIRS = [tmp_path]
    file = tmp_path / "lamp.js"
    file.write_text("burn()")
    served = ChangedFilesMiddleware(nothing_else)

    file.unlink()
    assert (await asked(served))[0] == 404
    file.write_text("burn() again")
    assert (await asked(served))[:2] == (200, b"burn() again")
