"""The pictures of docs/, taken on the way of the tutorial in a real browser: `python -m tests.docs.pictures [FOLDER]`.

The endpoint writes the same words each time and falls silent at the same place, so pictures differ in times alone.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS
from tests.docs.place import PagePlace, copied
from tests.support.endpoint.openai_script import tokens
from tests.support.servers import ROOT

VIEW = {"width": 1240, "height": 600}
SCALE = 1.5
SEEN_MS = 30_000
BRIEF_TEXTS = {
    "Summary": (
        "Drills, tents, sewing machines and a projector stand unused in the cupboards of one neighbourhood. "
        "**A library of things** lets its people share them: they see on a phone what there is, reserve it, "
        "fetch it from a locker with a code, and bring it back.\n\n"
        "- It serves the people of the neighbourhood and nobody beyond.\n"
        "- Volunteers look after the things; nobody is employed.\n"
        "- There is little money and no warehouse, so it begins with one row of lockers.\n"
    ),
    "Problem and people": (
        "**Who needs a thing once a year** buys it, uses it for an hour, and keeps it for ten years. Hiring "
        "one costs an afternoon and a deposit; asking the neighbours takes courage.\n\n"
        "**Who owns a thing** would lend it, and has been let down: it came back late, broken, or not at all, "
        "and there was nobody to talk to.\n\n"
        "**Who would look after it all** has two evenings a month, and does not want to spend them on a list "
        "in a spreadsheet.\n"
    ),
    "Goals and non-goals": (
        "Each goal is something that somebody can check.\n\n"
        "1. **A thing is fetched within a day.** Nine of ten reservations are in somebody's hands a day "
        "later; the codes of the lockers say so.\n"
        "2. **Things come back.** Of a hundred loans ninety-eight return within a week of their date, without "
        "a call.\n"
        "3. **Two evenings are enough.** The volunteers write down the hours that they spend, and stay below "
        "eight a month.\n"
        "4. **Anybody finds their way.** Nine of ten people reserve their first thing without asking anybody.\n\n"
        "What it leaves out: delivery, payment, and things that could hurt somebody.\n"
    ),
}
GOALS = BRIEF_TEXTS["Goals and non-goals"]
SILENT_BEFORE = " their first thing"
SEEN_LAST = re.compile(r"Nine of ten people")
BEHAVIOURS = {
    "by_section": {
        "Goals and non-goals": [
            {
                "stall": "pieces",
                "stall_after": len(tokens(BRIEF_TEXTS["Goals and non-goals"].partition(SILENT_BEFORE)[0])),
            }
        ]
    },
    "default": {"pause_s": 0.002},
}


@contextmanager
def telling_endpoint(folder: Path) -> Iterator[str]:
    script = folder / "endpoint.json"
    script.write_text(json.dumps({"texts": BRIEF_TEXTS, "software": "example", "models": ["your-model"], **BEHAVIOURS}))
    command = [sys.executable, "-m", "tests.support.endpoint.openai_server", "--port", "0", "--script", str(script)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.terminate()


def walk(browser: Browser, place: PagePlace, folder: Path) -> None:
    """The tutorial, from its printed address to what somebody sees who has the link."""
    place.serve()
    link = re.search(r"http://localhost:\d+/sign-in/\S+/", place.said)
    assert link, place.said
    owner = _page(browser)
    owner.goto(link[0])
    owner.get_by_role("button", name="Sign in", exact=True).click()
    owner.get_by_role("link", name="A library of things").click()
    project = owner.url
    owner.get_by_role("link", name="Project brief").click()
    owner.get_by_role("button", name="Start writing").click()
    expect(owner.locator("[data-document]")).to_contain_text(SEEN_LAST)
    _take(owner, folder / "live.png")

    owner.goto(project)
    owner.get_by_role("link", name="Share and settings").click()
    owner.get_by_label("To", exact=True).select_option(label="Project brief")
    owner.get_by_role("button", name="Make a link").click()
    address = owner.locator(".secret code").inner_text()
    reader = _page(browser)
    reader.goto(address)
    expect(reader.locator("[data-document]")).to_contain_text(SEEN_LAST)
    _take(reader, folder / "shared.png")


def _page(browser: Browser) -> Page:
    page = browser.new_context(
        viewport=VIEW, device_scale_factor=SCALE, reduced_motion="reduce", locale="en"
    ).new_page()
    page.set_default_timeout(SEEN_MS)
    return page


def _take(page: Page, path: Path) -> None:
    page.screenshot(path=path, animations="disabled", caret="hide")


def take(folder: Path) -> None:
    """All pictures, into this folder."""
    expect.set_options(timeout=SEEN_MS)
    with tempfile.TemporaryDirectory() as scratch, telling_endpoint(Path(scratch)) as endpoint:
        place = PagePlace(folder=Path(scratch), clone=copied(Path(scratch)), endpoint=endpoint)
        with closing(place), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
            walk(browser, place, folder)
            browser.close()


if __name__ == "__main__":
    take(Path(sys.argv[1]) if sys.argv[1:] else ROOT / "docs")
