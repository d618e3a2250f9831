"""Python-Markdown as configured here: our blocks in the place of its block parser, our inline step in the place of its
inline patterns, then its tree processors and its serializer. An engine serves one thread at a time.
"""

import re
from dataclasses import dataclass
from typing import Protocol
from xml.etree.ElementTree import Element, SubElement

import markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor
from pymdownx.slugs import slugify

from artifacts.preview import limits
from artifacts.preview.block.block import Block
from artifacts.preview.block.tree import Builder, Source, literal
from artifacts.preview.inline import inline, tokens
from artifacts.preview.serializer import HEADING_ID, TokenWriter

HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
SLUG_CHARS = 120

_slug = slugify(case="lower")
_LABEL = re.compile(r"\]\[[^\[\]]*+\]")


class RenderScope(tokens.ReferenceScope, Protocol):
    """What a piece of a document may refer to, and what gives its headings their names."""

    def heading_id(self, slug: str) -> str: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """HTML that is not yet sanitised, and the code blocks whose places it holds, each with its language."""

    html: str
    code: list[tuple[str, str]]


class Engine:
    """Blocks to HTML."""

    def __init__(self) -> None:
        self._steps = (_InlineStep(), _HeadingIds())
        self._markdown = markdown.Markdown(extensions=[_OurSteps(self._steps)], output_format="html")

    def render(self, blocks: list[Block], scope: RenderScope) -> Rendered:
        """The blocks as HTML; a piece too dense with markup is shown as it was typed."""
        root, builder = Element("div"), Builder()
        builder.build_all(root, blocks)
        for step in self._steps:
            step.scope = scope
        for processor in self._markdown.treeprocessors:
            processor.run(root)
        if _too_dense(root, blocks):
            root = Element("div")
            SubElement(root, "pre", {"class": "plain"}).text = literal("\n".join(_all_lines(blocks)))
            builder.code.clear()
        html = self._markdown.serializer(root)
        return Rendered(html=html.removeprefix("<div>").removesuffix("</div>"), code=builder.code)


class _ScopedStep(Treeprocessor):
    scope: RenderScope


class _InlineStep(_ScopedStep):
    """Reads the inline markup of every text that is marked as source."""

    def run(self, root: Element) -> None:
        for element in list(root.iter()):
            children = list(element)
            if isinstance(element.text, Source):
                text, element.text = element.text, None
                self._read(text, TokenWriter(element, 0), last=not children)
            for child in children:
                if isinstance(child.tail, Source):
                    text, child.tail = child.tail, None
                    writer = TokenWriter(element, list(element).index(child) + 1)
                    self._read(text, writer, last=child is children[-1])
                elif child.tag != "input":
                    child.tail = "\n"

    def _read(self, text: Source, writer: TokenWriter, *, last: bool) -> None:
        read = inline.tokens(str(text), self.scope, growing=text.growing)
        writer.write(read if last else [*read, "\n"])
        inline.let_go(read)


class _HeadingIds(_ScopedStep):
    """Gives every heading an id that is its own in the whole document, and the same whatever is defined behind it."""

    def run(self, root: Element) -> None:
        for element in root.iter():
            if element.tag in HEADINGS and isinstance(element.text, Source):
                slug = _slug(_said(element.text)[:SLUG_CHARS], "-") or "section"
                element.set("id", HEADING_ID + self.scope.heading_id(slug))


def _said(text: str) -> str:
    """What a heading says, whether its labels are defined or not."""
    if text.replace(" ", "a").isalnum():
        return text
    said = Element("p")
    TokenWriter(said, 0).write(inline.tokens(_LABEL.sub("]", text), tokens.NOTHING_DEFINED))
    return "".join(said.itertext()).replace("&amp;", "&")


class _OurSteps(Extension):
    """Takes out of Python-Markdown what reads text with regular expressions, puts in what reads the tree."""

    def __init__(self, steps: tuple[_InlineStep, _HeadingIds]) -> None:
        super().__init__()
        self._steps = steps

    def extendMarkdown(self, md: markdown.Markdown) -> None:
        for name in ("inline", "prettify", "unescape"):
            md.treeprocessors.deregister(name)
        md.treeprocessors.register(self._steps[0], "inline", 20)
        md.treeprocessors.register(self._steps[1], "heading-ids", 30)  # before the step that reads the text


def _too_dense(root: Element, blocks: list[Block]) -> bool:
    elements = sum(1 for _ in root.iter())
    if elements <= limits.LINK_ALLOWANCE:
        return False
    characters = sum(len(line) + 1 for line in _all_lines(blocks))
    links = sum(1 for _ in root.iter("a"))
    return (
        elements > limits.ELEMENT_ALLOWANCE + characters / limits.ELEMENT_CHARS
        or links > limits.LINK_ALLOWANCE + characters / limits.LINK_CHARS
    )


def _all_lines(blocks: list[Block]) -> list[str]:
    lines: list[str] = []
    for block in blocks:
        lines += block.lines
        lines += _all_lines(block.children)
    return lines
