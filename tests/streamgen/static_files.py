"""Static files of the tests' own process: the folders are read once, not once for each client that asks something."""

from __future__ import annotations

from typing import Any

from streamgen.server.changed_files import ChangedFilesMiddleware

PRODUCT = "streamgen.server.changed_files.ChangedFilesMiddleware"
SCANNED = "tests.streamgen.static_files.ScannedOnce"


class ScannedOnce(ChangedFilesMiddleware):
    """As it is in the product, but for where the list of files comes from."""

    _found: dict[tuple[Any, ...], tuple[dict[str, Any], list[tuple[str, str]]]] = {}

    def add_files_from_finders(self) -> None:
        key = (self.static_prefix, self.max_age, self.autorefresh)
        if key not in self._found:
            super().add_files_from_finders()
            self._found[key] = (dict(self.files), list(self.directories))
        files, directories = self._found[key]
        self.files.update(files)
        self.directories[:] = directories
