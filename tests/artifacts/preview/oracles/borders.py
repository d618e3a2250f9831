"""What a browser shows of a section that has others before it, in the pages that readers of Markdown make."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import cmarkgfm
from bleach._vendor.html5lib import HTMLParser, treebuilders
from cmarkgfm.cmark import Options
from markdown_it import MarkdownIt

from artifacts.preview.ending.open_elements import KNOWN

HEADING = "The second"  # of the section that is looked at

_COMMONMARK = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_GITHUB = ["table", "autolink", "strikethrough", "tasklist"]
_UNSAFE = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_FOOTNOTES
_SPACE = re.compile(r"\s+")
# The numbers and names of footnotes are the document's; who knows none shows their labels, which an export tells apart.
_NUMBERED = re.compile(r"fn(?:ref)?[-:\w]*|(?<=\[\^\d)-\d(?=\])")


def _github(text: str) -> str:
    return str(cmarkgfm.markdown_to_html_with_extensions(text, options=_UNSAFE, extensions=[*_GITHUB, "tagfilter"]))


def _github_unfiltered(text: str) -> str:
    return str(cmarkgfm.markdown_to_html_with_extensions(text, options=_UNSAFE, extensions=_GITHUB))


def _commonmark(text: str) -> str:
    return str(_COMMONMARK.render(text))


# Who reads the Markdown, and whether the browser then runs scripts: it reads `<noscript>` otherwise.
READERS: dict[str, tuple[Callable[[str], str], bool]] = {
    "GitHub": (_github, False),
    "cmark-gfm": (_github_unfiltered, False),
    "cmark-gfm, with scripts": (_github_unfiltered, True),
    "markdown-it-py": (_commonmark, False),
    "markdown-it-py, with scripts": (_commonmark, True),
}


def shown_after_heading(text: str, reader: str) -> str:
    """All that follows the heading in the page, in one form to compare; where the heading is if it is in anything."""
    make, runs_scripts = READERS[reader]
    parser = HTMLParser(tree=treebuilders.getTreeBuilder("etree"), namespaceHTMLElements=False)
    body = parser.parse(f"<!DOCTYPE html>{make(text)}", scripting=runs_scripts).find("body")
    if body is None:
        return "no body"
    parents = {child: parent for parent in body.iter() for child in parent}
    heading = next((one for one in body.iter("h2") if (one.text or "").strip() == HEADING), None)
    if heading is None:
        return "no heading"
    holder, around = parents[heading], list[str]()
    outer = holder
    while outer is not body:
        around.append(str(outer.tag))
        outer = parents[outer]
    if any(name in KNOWN or not name.isalnum() for name in around):  # <your name> shows nothing
        return f"in {around}"
    siblings = list(holder)
    pieces = [heading.tail or ""]
    for one in siblings[siblings.index(heading) + 1 :]:
        pieces += [*_written(one), one.tail or ""]
    return _SPACE.sub(" ", _NUMBERED.sub("", "".join(pieces))).strip()


def _written(node: Any) -> Iterator[str]:
    if not isinstance(node.tag, str) or node.attrib.get("class") == "footnotes":
        return
    if node.attrib.get("class") == "footnote-ref":
        yield "[note]"
        return
    yield f"<{node.tag}{''.join(f' {name}={value}' for name, value in sorted(node.attrib.items(), key=str))}>"
    yield node.text or ""
    for child in node:
        yield from _written(child)
        yield child.tail or ""
    yield f"</{node.tag}>"
