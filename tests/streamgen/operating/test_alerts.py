"""The files for Prometheus in `deploy`, read by its own program."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.support.servers import ROOT

PROMTOOL = shutil.which("promtool")
DEPLOY = ROOT / "deploy"


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
@pytest.mark.parametrize(
    "asked",
    [
        ("check", "rules", "alerts.yaml"),
        ("check", "config", "--syntax-only", "prometheus.yaml"),
        ("test", "rules", "alerts-test.yaml"),
    ],
    ids=" ".join,
)
def test_prometheus_understands_the_files_and_each_alert_speaks_when_it_should(asked: tuple[str, ...]) -> None:
    assert PROMTOOL
    told = subprocess.run([PROMTOOL, *asked], cwd=DEPLOY, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr


def test_each_alert_has_a_case_in_which_it_speaks() -> None:
    alerts = re.findall(r"- alert: (\w+)", (DEPLOY / "alerts.yaml").read_text(encoding="utf-8"))
    cases = re.findall(r'alertname="(\w+)"', (DEPLOY / "alerts-test.yaml").read_text(encoding="utf-8"))
    assert set(alerts) == set(cases)
