"""One read of a stream brings all that has come, in the clear and over TLS, and the connection serves the next call."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from generation.providers.openai_compatible import network

PIECES = [b"data: %d\n\n" % number for number in range(50)]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> str:
    """A file with a key and a certificate for 127.0.0.1 that nobody signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return str(path)


@asynccontextmanager
async def serving(context: ssl.SSLContext | None) -> AsyncIterator[tuple[int, asyncio.Event, asyncio.Event]]:
    """A server that answers each request with one piece, and with all the others once it may go on."""
    go_on, written, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():  # the connection is kept
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            for number, piece in enumerate(PIECES):
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                if not number:
                    await go_on.wait()
            writer.write(b"0\r\n\r\n")
            go_on.clear()
            written.set()
        writer.close()
        await writer.wait_closed()
        ended.set()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1], go_on, written
        await ended.wait()


@asynccontextmanager
async def reading(
    scheme: str, certificate: str
) -> AsyncIterator[tuple[httpx2.AsyncClient, int, asyncio.Event, asyncio.Event]]:
    """A client that reads whole, and what `serving` gives."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    async with (
        serving(context if scheme == "https" else None) as (port, go_on, written),
        httpx2.AsyncClient(verify=ssl.create_default_context(cafile=certificate)) as client,
    ):
        network.read_whole(client)
        yield client, port, go_on, written


@pytest.mark.asyncio
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_pieces_that_gathered_come_as_one(scheme: str, certificate: str):
    async with reading(scheme, certificate) as (client, port, go_on, written):
        for _ in range(2):
            async with client.stream("GET", f"{scheme}://127.0.0.1:{port}/") as response:
                portions = response.aiter_raw()
                first = await anext(portions)
                go_on.set()
                await written.wait()  # and nobody reads meanwhile
                written.clear()
                rest = [portion async for portion in portions]

            assert first + b"".join(rest) == b"".join(PIECES)
            assert len(rest) < 10


@pytest.mark.asyncio
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_what_gathered_is_read_past_the_client_which_sees_the_end(scheme: str, certificate: str):
    async with reading(scheme, certificate) as (client, port, go_on, written):
        for _ in range(2):  # on one connection, which the client could not use again without having seen the end
            async with client.stream("GET", f"{scheme}://127.0.0.1:{port}/") as response:
                portions = response.aiter_raw()
                first = await anext(portions)
                stream = network.connection_of(response)
                assert stream is not None
                assert stream.ready() == b""
                go_on.set()
                await written.wait()
                written.clear()
                gathered = []
                while len(b"".join([first, *gathered])) < len(b"".join(PIECES)):
                    gathered.append(stream.ready())
                    await asyncio.sleep(0.001)
                assert first + b"".join(gathered) == b"".join(PIECES)
                assert stream.ready() == b""
                assert [portion async for portion in portions] == []
                assert stream.ready() == b""
        assert len(client._transport._pool.connections) == 1  # type: ignore[attr-defined]


@pytest.mark.asyncio
async def test_body_that_is_packed_is_left_to_the_client():
    response = httpx2.Response(200, headers={"content-encoding": "gzip"}, extensions={"network_stream": None})
    assert network.connection_of(response) is None
