"""What scripts add to a text once it is settled: pictures, a button on code; and the notice for who does not look."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import CHROMIUM, Desk, Visit

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH"),
    pytest.mark.asyncio(loop_scope="session"),
]

DIAGRAM = "graph TD\n  A[Früh 中文] --> B[Spät]\n"
HOSTILE = (
    '```mermaid\n%%{init: {"securityLevel": "loose", "htmlLabels": true, "themeCSS": "*{background:url(http://evil.example/a)}"}}%%\n'
    'graph TD\n  A["<img src=http://evil.example/b onerror=parent.postMessage(1)>"] --> B\n'
    '  click A "javascript:parent.stolen=1"\n  click B call alert(1)\n```\n\n'
    "$\\href{javascript:alert(1)}{x}\\require{html}$ and $\\def\\a{\\a\\a}\\a$\n\n"
    "```mermaid\nno diagram at all\n```\n"
)
WATCHING = "window.ran = []; for (const act of ['alert', 'open', 'stop']) window[act] = () => window.ran.push(act);"


async def test_settled_formulas_and_diagrams_are_drawn_and_their_source_stays(visit: Visit, desk: Desk) -> None:
    visit.forgives.append("MathJax")
    await desk.start_claimed(names=["Purpose"])
    await desk.write(text=f"## Purpose\n\nA formula $a^2 + b^2$ here.\n\n```mermaid\n{DIAGRAM}")
    page = await visit.open(desk.address)
    await expect(page.locator(".math-picture img")).to_have_count(1)
    assert await page.locator(".mermaid-picture").count() == 0, "the fence is still open"
    await desk.write(text="```\n\n```python\nprint('ü')\n```\n\nEnd.\n")
    diagram = page.locator("figure.mermaid-picture img")
    await expect(diagram).to_be_visible()
    assert await diagram.evaluate("(image) => image.complete && image.naturalWidth > 50")
    await page.get_by_text("Source of the diagram").click()
    await expect(page.locator("pre:visible", has_text="A[Früh 中文] --> B[Spät]")).to_have_count(1)
    assert await page.locator(".math").evaluate("(source) => source.textContent") == "$a^2 + b^2$"
    await visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    code = page.locator("pre", has_text="print")
    await code.hover()
    await code.get_by_role("button", name="Copy this code").click()
    await expect(code.locator("[data-done]")).to_have_count(1)
    assert await page.evaluate("navigator.clipboard.readText()") == "print('ü')\n"


LABELLED = r"""## Purpose

\begin{align}
  速度 &= \frac{a}{b} \label{eq:one}
\end{align}

\[ x^2 \label{eq:one} \] and one that is broken: $\frac{a$
"""


async def test_formulas_with_labels_are_drawn_again_in_other_colours(visit: Visit, desk: Desk) -> None:
    visit.forgives.append("MathJax")
    await desk.start_claimed(names=["Purpose"])
    await desk.end_section(position=0, text=LABELLED)
    await desk.finish()
    page = await visit.open(desk.address)
    pictures = page.locator(".math-picture img")
    await expect(pictures).to_have_count(2)
    before = await pictures.evaluate_all("(images) => images.map((image) => image.src)")
    await page.emulate_media(color_scheme="dark")
    await page.wait_for_function(
        "(before) => [...document.querySelectorAll('.math-picture img')].every((one, at) => one.src !== before[at])",
        arg=before,
    )


async def test_hostile_diagrams_and_formulas_run_nothing_and_reach_nobody(visit: Visit, desk: Desk) -> None:
    visit.forgives += ["MathJax", "Content Security Policy"]  # the frame's own policy speaks up
    await desk.start_claimed(names=["Purpose"])
    await desk.end_section(position=0, text=f"## Purpose\n\n{HOSTILE}\n```mermaid\n{DIAGRAM}```\n")
    await desk.finish()
    await visit.context.add_init_script(WATCHING)
    asked: list[str] = []
    visit.context.on("requestfinished", lambda request: asked.append(request.url))
    page = await visit.open(desk.address)
    await expect(page.locator("figure.mermaid-picture img")).to_have_count(2)
    await expect(page.locator("pre:visible", has_text="no diagram at all")).to_have_count(1)
    assert await page.evaluate("[window.ran, window.stolen]") == [[], None]
    assert [await frame.evaluate("window.ran") for frame in page.frames if frame != page.main_frame] == [[]]
    assert not [url for url in asked if "evil" in url]
    frame = page.locator(".picture-frame")
    assert await frame.evaluate("(frame) => frame.contentDocument") is None, "the frame has our origin"


NOTICES = """
window.told = [];
window.Notification = class extends EventTarget {
    static permission = sessionStorage.getItem("allowed") ?? "default";
    static asked = 0;
    static async requestPermission() {
        this.asked += 1;
        sessionStorage.setItem("allowed", "granted");
        return (this.permission = "granted");
    }
    constructor(title, { body }) { super(); window.told.push(title); }
};
window.away = false;
Object.defineProperty(document, "hidden", { get: () => window.away });
"""


async def test_notice_is_asked_for_by_a_press_alone_and_comes_where_nobody_looks(visit: Visit, desk: Desk) -> None:
    await visit.context.add_init_script(f"if (origin !== 'null') {{ {NOTICES} }}")
    await desk.start_claimed(names=["Purpose"])
    await desk.write(text="## Purpose\n\nText.")
    page = await visit.open(desk.address)
    await page.get_by_label("More").click()
    box = page.get_by_label("Tell me when writing ends")
    await expect(box).to_be_visible()
    assert await page.evaluate("Notification.asked") == 0
    await box.check()
    await expect(page.get_by_text("You are told when writing ends")).to_be_visible()
    await page.evaluate("window.away = true")
    await desk.stop(reason="user")
    await page.wait_for_function("() => window.told.length === 1")
    assert await page.evaluate("window.told") == ["“\u2068Project brief\u2069” has paused"]
    await page.reload()
    await page.get_by_label("More").click()
    await expect(box).to_be_checked()
    assert await page.evaluate("Notification.asked") == 0, "it asks at load"
    await box.uncheck()
    await page.reload()
    await page.get_by_label("More").click()
    await expect(box).to_be_visible()
    await expect(box).not_to_be_checked()
