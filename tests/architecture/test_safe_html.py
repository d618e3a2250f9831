"""HTML that is shown as it is comes from two places, which have it from the sanitiser or from files of ours."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAY_SO = {"artifacts/pages/html.py", "artifacts/pages/export.py"}


def test_html_is_called_safe_in_two_files_only() -> None:
    sources = [path for app in ("artifacts", "generation", "streamgen") for path in (ROOT / app).rglob("*.py")]
    found = {path for path in sources if re.search(r"\b(mark_safe|SafeString)\(|__html__", path.read_text())}
    assert {path.relative_to(ROOT).as_posix() for path in found} == SAY_SO
