"""Caddy with `deploy/Caddyfile`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.proxies.running import DEPLOY, NAME, changed, free_port

CADDY_OPTIONS = "{{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\thttps_port {port}\n\thttp_port {other}\n}}\n"
CADDY_PLACES = {
    "\t@ours path /metrics /readyz": "\t@ours path /path/metrics /path/readyz",
    "\t# on a path: redir ": "\tredir ",
    "\treverse_proxy ": "\treverse_proxy /path/* ",
}
CADDY_SERVERS = "127.0.0.1:8000 127.0.0.1:8001"


def caddy(
    folder: Path, port: int, upstreams: Sequence[int], *, host: str = NAME, changes: Mapping[str, str] | None = None
) -> list[str]:
    """The command that runs it in that folder."""
    behind = " ".join(f"127.0.0.1:{upstream}" for upstream in upstreams)
    example = changed(
        (DEPLOY / "Caddyfile").read_text(), {f"{NAME} {{": f"{host} {{", CADDY_SERVERS: behind, **(changes or {})}
    )
    (folder / "Caddyfile").write_text(CADDY_OPTIONS.format(port=port, other=free_port()) + example)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


def caddy_on_path(folder: Path, port: int, upstreams: Sequence[int], *, host: str = NAME) -> list[str]:
    """The same for a PUBLIC_URL that ends in /path/: what the example says about a path is done."""
    return caddy(folder, port, upstreams, host=host, changes=CADDY_PLACES)
