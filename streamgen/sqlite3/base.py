"""A database backend: a thread that begins a transaction waits for those before it in this process, not for a poll; and
who searches finds a word however its letters are written, in any script.

SQLite has one writer; whoever finds it taken looks again after rests of up to 100 ms, in no order. Beside a busy writer
a transaction waited for 4 s like that, while others came and went.
Its own LIKE knows the two cases of A to Z alone.
"""

from __future__ import annotations

import os
import re
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.db.backends.sqlite3 import base

from streamgen.private_files import make_private

_Sqlite: Any = base.DatabaseWrapper  # its types leave out how a transaction begins and ends
_turns: dict[str, threading.Lock] = {}  # of each database file


def _forget() -> None:
    """A child has none of its parent's other threads, which would give their turns back."""
    _turns.clear()


os.register_at_fork(after_in_child=_forget)


def like(pattern: str | None, text: object, escape: str = "") -> bool | None:
    """SQL's LIKE, for letters of any script in either case."""
    if pattern is None or text is None:
        return None
    return _pattern(str(pattern), escape).match(str(text)) is not None


@lru_cache(maxsize=256)
def _pattern(pattern: str, escape: str) -> re.Pattern[str]:
    parts, letters = list[str](), iter(pattern)
    for letter in letters:
        if letter == escape:
            parts.append(re.escape(next(letters, "")))
        elif letter == "%":
            parts.append("" if parts and parts[-1] == ".*" else ".*")
        else:
            parts.append("." if letter == "_" else re.escape(letter))
    return re.compile(f"{''.join(parts)}\\Z", re.IGNORECASE | re.DOTALL)


class DatabaseWrapper(_Sqlite):  # type: ignore[misc]
    """The file is asked all the same: other processes write too, and so may this one, if a turn is never given back."""

    _held: threading.Lock | None = None

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if not self.is_in_memory_db():
            make_private(Path(self.settings_dict["NAME"]))
        connection = super().get_new_connection(conn_params)
        for arguments in (2, 3):  # the third one is what ESCAPE names
            connection.create_function("like", arguments, like, deterministic=True)
        return connection

    def _start_transaction_under_autocommit(self) -> None:
        if self.transaction_mode == "IMMEDIATE":
            turn = _turns.setdefault(str(self.settings_dict["NAME"]), threading.Lock())
            if turn.acquire(timeout=self.settings_dict["OPTIONS"].get("timeout", 5.0)):
                self._held = turn
        try:
            super()._start_transaction_under_autocommit()
        except BaseException:
            self._give_back()
            raise

    def _commit(self) -> Any:
        done = super()._commit()  # where it fails Django rolls back
        self._give_back()
        return done

    def _rollback(self) -> Any:
        try:
            return super()._rollback()
        finally:
            self._give_back()

    def _close(self) -> Any:
        try:
            return super()._close()
        finally:
            self._give_back()

    def _give_back(self) -> None:
        turn, self._held = self._held, None
        if turn is not None:
            turn.release()
