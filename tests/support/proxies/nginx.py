"""nginx with `deploy/nginx.conf`."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.proxies.running import DEPLOY, NAME, changed

NGINX_AROUND = "{user}error_log stderr;\npid nginx.pid;\nevents {{}}\nhttp {{\naccess_log off;\n{temps}{server}\n}}\n"
NGINX_TLS = f"""    listen 443 ssl;
    server_name {NAME};
    ssl_certificate     /etc/ssl/{NAME}.pem;
    ssl_certificate_key /etc/ssl/{NAME}.key;
"""
NGINX_PLACES = ("/ {", "= /metrics", "= /readyz ")
NGINX_SERVER = "    server 127.0.0.1:{port} max_fails=0;"
NGINX_SERVERS = (
    f"{NGINX_SERVER.format(port=8000)}   # one that is restarted is tried again at once, not after 10 s\n"
    f"{NGINX_SERVER.format(port=8001)}\n"
)


def nginx(
    folder: Path, port: int, upstreams: Sequence[int], *, tls: bool = True, changes: Mapping[str, str] | None = None
) -> list[str]:
    """The command that runs it in that folder; `changes` are made in the example beside its ports."""
    listen = f"    listen 127.0.0.1:{port}{' ssl' if tls else ''};\n    server_name {NAME};\n"
    if tls:
        key, certificate = folder / "key.pem", folder / "certificate.pem"
        subject = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
        made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
        subprocess.run([*made, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
        listen += f"    ssl_certificate {certificate};\n    ssl_certificate_key {key};\n"
    behind = "".join(f"{NGINX_SERVER.format(port=upstream)}\n" for upstream in upstreams)
    example = changed(
        (DEPLOY / "nginx.conf").read_text(), {NGINX_TLS: listen, NGINX_SERVERS: behind, **(changes or {})}
    )
    temps = "".join(
        f"{kind}_temp_path {folder / kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""  # else its workers may not look into a test's folder
    (folder / "nginx.conf").write_text(NGINX_AROUND.format(user=user, temps=temps, server=example))
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    return [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]


def nginx_on_path(
    folder: Path, port: int, upstreams: Sequence[int], *, changes: Mapping[str, str] | None = None
) -> list[str]:
    """The same for a PUBLIC_URL that ends in /path/: what the example says about a path is done."""
    places = {f"location {place}": f"location {place.replace('/', '/path/', 1)}" for place in NGINX_PLACES}
    return nginx(folder, port, upstreams, changes=places | dict(changes or {}))
