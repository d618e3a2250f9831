"""What several folders ask the same installation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.streamgen.agents.installation import ServedProduct, served_product


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[ServedProduct]:
    """A server, a worker and a model. A test's documents are its own; who kills the worker begins another."""
    with served_product(tmp_path_factory.mktemp("product"), migrated_file) as running:
        yield running
