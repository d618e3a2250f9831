"""Hostile titles and texts, and what comes of them: file names that name a file, pages that run and load nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from unicodedata import category
from urllib.parse import unquote

from tests.hostile.target import Target

if TYPE_CHECKING:
    from artifacts.models import Project

HOSTILE_TITLES = {
    "a way up": "../../../etc/passwd",
    "a way up, of Windows": "..\\..\\boot.ini",
    "a device": "CON",
    "dots": "...",
    "quotes": 'x"; filename="evil.exe',
    "a star": "x; filename*=UTF-8''evil.exe",
    "another extension": "report.html.exe",
    "turned around": "report‮fdp.exe",
    "no letter of ASCII": "ไม่มีวันดับ 永不熄灭",
    "pictures": "\U0001f6a8" * 100,
    "a command": "$(reboot) `reboot` | reboot &",
    "a page": "<script>alert(1)</script>",
    "long": "Long " * 40,
}
HOSTILE_TEXTS = {
    "scripts": "<script>alert(1)</script>\n\n<img src=x onerror=alert(1)>\n\n<svg/onload=alert(1)>\n\n"
    "<iframe srcdoc='<p>'>",
    "links": "[a](javascript:alert(1)) [b](JaVaScRiPt:alert(1)) [c](data:text/html,x) [d](vbscript:x) "
    "[e](javascript&colon;x) <javascript:alert(1)> [f](\x01javascript:alert(1)) [g](java\nscript:x)",
    "pictures": "![x](https://tracker.example/x.png) ![y](javascript:alert(1)) ![z](//tracker.example)",
    "styles": "<style>*{background:url(//tracker.example)}</style>\n\n<p style='background:url(//t.example)'>x</p>\n\n"
    "<link rel=stylesheet href=//t.example>\n\n<meta http-equiv=refresh content='0;url=//t.example'>",
    "attributes": '[x](https://a.example "onmouseover=alert(1) x=")\n\n# Title {onclick=alert(1)}\n\n'
    '```"><script>\nx\n```',
    "brackets": "[" * 5_000 + "](" * 5_000 + "*" * 5_000 + "`" * 4_999,
    "depth": ">" * 3_000 + " x\n" + "  " * 500 + "- y\n" + "- " * 2_000,
    "letters": "\u202e\u2066\ufeff\u0085\u2028 a\u0300" * 500 + "\ud7ff\ufffd",
    "tables": "|" * 20_000 + "\n" + "|-" * 10_000 + "|\n" + "|x" * 10_000,
    "long": "A lamp that never goes out. " * 4_000,
    "notes": "".join(f"[^{number}] [^{number}]: [^{number}]\n" for number in range(500)),
}
MAY_LEAD = {"http", "https", "mailto"}


def furnish(project: Project) -> dict[str, int]:
    """A document for each of them, written and complete."""
    from artifacts.models import Artifact  # noqa: PLC0415  Django may not be set up when this file is imported
    from tests.support import documents  # noqa: PLC0415  the same

    made = {}
    for name, title in HOSTILE_TITLES.items():
        artifact = documents.complete("A lamp.")
        Artifact.objects.filter(pk=artifact.pk).update(project=project, title=title[:200], phase=f"n-{artifact.pk}")
        made[name] = artifact.pk
    for name, text in HOSTILE_TEXTS.items():
        artifact = documents.complete(text)
        Artifact.objects.filter(pk=artifact.pk).update(project=project, phase=f"t-{artifact.pk}")
        made[f"text: {name}"] = artifact.pk
    return made


class ExportedPage(HTMLParser):
    """What a page would run, load or lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "iframe", "object", "embed", "link", "base", "form", "img", "svg", "video", "audio"}:
            self.faults.append(f"<{tag}>")
        if tag == "meta" and any(name == "http-equiv" and value != "Content-Security-Policy" for name, value in attrs):
            self.faults.append("<meta http-equiv>")
        for name, value in attrs:
            if name.startswith("on") or name in {"style", "src", "srcdoc", "action", "formaction", "background"}:
                self.faults.append(f"{tag} {name}={(value or '')[:40]!r}")
            if name == "href" and (scheme := re.match(r"\s*([^/?#]*):", value or "")) and scheme[1] not in MAY_LEAD:
                self.faults.append(f"{tag} href={(value or '')[:40]!r}")


def exports(target: Target) -> list[str]:
    broken = []
    for name, pk in target.hostile.items():
        for extension in ("md", "html"):
            told = target.told(f"/api/artifacts/{pk}/export?format={extension}", headers=target.login)
            disposition = told.headers.get("Content-Disposition", "")
            if told.status != 200 or not _names_a_file(disposition, extension):
                broken.append(f"{name}: {told.status} {disposition!r}")
            if told.headers.get("X-Content-Type-Options") != "nosniff":
                broken.append(f"{name}: its type may be guessed")
            if extension == "html":
                page = ExportedPage()
                page.feed(told.body.decode())
                broken += [f"{name}: {fault}" for fault in page.faults]
    return broken


def _names_a_file(disposition: str, extension: str) -> bool:
    """Letters of any script, digits, hyphens and the one dot of the extension; nothing that leads elsewhere."""
    parts = re.fullmatch(
        r"""attachment; filename="([\w.-]+)"(?:; filename\*=UTF-8''([\w.%~-]+))?""", disposition, re.ASCII
    )
    names = [unquote(part) for part in parts.groups() if part] if parts else [""]
    stems = [name.removesuffix(f".{extension}") for name in names if name.endswith(f".{extension}")]
    letters = [character for stem in stems for character in stem]
    return len(stems) == len(names) and all(c in "-_" or category(c)[0] in "LMN" for c in letters)
