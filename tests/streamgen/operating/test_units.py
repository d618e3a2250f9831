"""The units for systemd in `deploy`, read by systemd's own program."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.servers import ROOT

ANALYZE = shutil.which("systemd-analyze")
EXPOSURE = 4.0
"""Of 10, by systemd's own reckoning, where a service without any bounds has 9.6."""


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("name", ["streamgen-web@.service", "streamgen-worker@.service"])
def test_unit_is_understood_and_bounded(name: str, tmp_path: Path) -> None:
    unit = tmp_path / name
    unit.write_text((ROOT / "deploy" / name).read_text().replace("/opt/streamgen", str(ROOT)))
    assert ANALYZE
    read = subprocess.run([ANALYZE, "verify", "--man=no", str(unit)], capture_output=True, text=True)
    assert (read.returncode, read.stderr) == (0, "")
    bounded = subprocess.run(
        [ANALYZE, "security", "--offline=true", f"--threshold={EXPOSURE * 10:.0f}", str(unit)],
        capture_output=True,
        text=True,
    )
    assert bounded.returncode == 0, bounded.stdout
