"""The real documents that some tests read. They lie beside the project, not in it; without them the tests skip."""

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[5] / "shared" / "corpus"
FOLDER = Path(os.environ.get("STREAMGEN_CORPUS", _BESIDE))
DOCUMENTS = sorted(FOLDER.glob("*.md"))

needs_corpus = pytest.mark.skipif(not DOCUMENTS, reason=f"no documents in {FOLDER} (STREAMGEN_CORPUS)")


def read_document(path: Path) -> str:
    """A document as it is, line ends included."""
    return path.read_bytes().decode("utf-8")
