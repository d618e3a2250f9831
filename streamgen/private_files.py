"""Files that nobody but their owner reads: the database with its logs, and the secret key. It knows no setting."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def keep_private(*files: Path) -> None:
    """Those that are there are from now on for their owner alone. One of somebody else's stays as it is."""
    for file in files:
        with suppress(FileNotFoundError, PermissionError):
            if file.stat().st_mode & 0o077:
                file.chmod(0o600)


def private_database(file: Path) -> None:
    """Make its folder, and keep what is there of it private. Whoever asks nothing of it leaves no file."""
    with suppress(OSError):  # where it cannot be made, the first connection says why
        file.parent.mkdir(parents=True, exist_ok=True)
    keep_private(file, *(file.with_name(file.name + end) for end in ("-wal", "-shm", "-journal")))


def make_private(file: Path) -> None:
    """Make the file before SQLite does, which would let everybody read it; its logs get the mode of the file."""
    with suppress(OSError):  # it is there; or the connection says why it cannot be
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
