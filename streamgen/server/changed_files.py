"""Static files as they are now: one that is replaced while the server runs goes out whole, and under its own tag."""

from __future__ import annotations

import os
import time
from typing import Any

from django.http import HttpRequest
from servestatic.middleware import ServeStaticMiddleware
from servestatic.responders import StaticFile


class ChangedFilesMiddleware(ServeStaticMiddleware):  # type: ignore[misc]  # it has no types
    """The list of files, with their sizes, is made at the start; each is looked at again when it is sent."""

    async def __call__(self, request: HttpRequest) -> Any:
        known = self.files.get(request.path_info)
        if isinstance(known, StaticFile) and not self.autorefresh:
            path, size = _as_listed(known)
            try:
                present = os.stat(path)
                if present.st_size != size or time.gmtime(present.st_mtime)[:6] != (known.last_modified or ())[:6]:
                    self.files[request.path_info] = self.get_static_file(path, request.path_info)
            except FileNotFoundError:  # for now: whoever replaces it may remove it first
                return await self.get_response(request)
        return await super().__call__(request)


def _as_listed(file: StaticFile) -> tuple[str, int]:
    """Where it stands, and the size that it was listed with."""
    (found,) = [(path, dict(headers)) for encoding, path, headers in file.alternatives if encoding is None]
    return found[0], int(found[1]["Content-Length"] or 0)
