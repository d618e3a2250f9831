"""What tests of the line between page and server share: a proxy on it, and a visitor behind that."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.conftest import Author, House, Visit, signed_in
from tests.faults.system.proxy import Proxy


@pytest_asyncio.fixture(loop_scope="session")
async def proxy(house: House, browser: Browser) -> AsyncIterator[Proxy]:
    proxy = Proxy(house.port)
    await proxy.start()
    yield proxy
    await proxy.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def far(proxy: Proxy, browser: Browser, author: Author, request: pytest.FixtureRequest) -> AsyncIterator[Visit]:
    """A visitor behind the proxy."""
    origin = f"http://127.0.0.1:{proxy.port}"
    async with signed_in(browser, origin, author, f"far-{request.node.name}"[:140]) as visit:
        yield visit
        assert not visit.faults
