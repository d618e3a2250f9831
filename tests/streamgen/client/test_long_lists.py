"""Lists that are longer than one answer of the API: both clients tell all of them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from streamgen.client import BlockingClient
from tests.streamgen.agents.installation import ServedProduct
from tests.support.servers import ROOT

MODULE = ROOT / "artifacts" / "static" / "artifacts" / "js" / "client.js"
SOMEBODY_WITH_MUCH = """
from django.contrib.auth.models import User
from django.core.management import call_command
from artifacts.models import Artifact, ArtifactVersion, Project
many = User.objects.create_user("many")
made = Project.objects.bulk_create(Project(owner=many, title=f"Number {number}") for number in range(401))
document = Artifact.objects.create(project=made[0], phase="brief", title="Brief", epoch=402)
ArtifactVersion.objects.bulk_create(
    ArtifactVersion(artifact=document, epoch=epoch, content="", length=0) for epoch in range(1, 402)
)
print(document.pk)
call_command("token", "many")
"""
PROGRAM = """
const {{ Client }} = await import({module});
const client = new Client({server}, {{ token: {token} }});
console.log(JSON.stringify([await client.projects(), await client.versions({document})]));
"""

Lists = tuple[list[dict[str, Any]], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def much(product: ServedProduct) -> tuple[int, str]:
    """A document with many versions of somebody with many projects, and their token."""
    document, token = product.manage("shell", "-v0", "-c", SOMEBODY_WITH_MUCH).split()[-2:]
    return int(document), token


def in_python(address: str, document: int, token: str) -> Lists:
    with BlockingClient(address, token=token) as client:
        return client.projects(), client.versions(document)


def in_node(address: str, document: int, token: str) -> Lists:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on PATH")
    words = {"module": MODULE.as_uri(), "server": address, "token": token, "document": document}
    program = PROGRAM.format(**{name: json.dumps(word) for name, word in words.items()})
    command = [node, "--input-type=module", "-e", program]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    projects, versions = json.loads(ran.stdout)
    return projects, versions


@pytest.mark.parametrize("lists", [in_python, in_node])
def test_every_row_is_told_once_the_newest_first(
    product: ServedProduct, much: tuple[int, str], lists: Callable[[str, int, str], Lists]
) -> None:
    projects, versions = lists(product.address, *much)
    assert [one["title"] for one in projects] == [f"Number {number}" for number in range(400, -1, -1)]
    assert [one["number"] for one in versions] == list(range(401, 0, -1))
