"""What a crowd costs that reads through a cache: the answers that it shares, and not its number."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection

from tests.artifacts.streams.cache import NGINX, measure

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


@pytest.mark.skipif(NGINX is None, reason="nginx is not here: apt install nginx-light")
async def test_crowd_reads_through_nginx_as_documented_and_costs_a_fraction_of_its_requests(tmp_path: Path) -> None:
    found = await measure(50, 2, tmp_path, Path(connection.settings_dict["NAME"]))
    assert found.requests > 2 * 50
    assert len(found.upstream) < found.requests / 5
