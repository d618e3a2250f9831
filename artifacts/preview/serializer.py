"""Inline tokens into elements of the tree. Decides what a link, an image and a footnote's reference look like."""

from urllib.parse import quote
from xml.etree.ElementTree import Element

from artifacts.preview import limits
from artifacts.preview.block.tree import literal
from artifacts.preview.inline import tokens

HEADING_ID = "doc-"  # before every heading's id: a document cannot name an element of the page
NOTE_ID = "fn-"
REFERENCE_ID = "fnref-"

_ADDRESS_SAFE = "-_.+!*'(),%#@?=;:/&$~"


class TokenWriter:
    """Writes tokens into `parent` before its child number `place`."""

    def __init__(self, parent: Element, place: int) -> None:
        self._place = place
        self._stack: list[Element | None] = [parent]  # None: a tag that is left out, too deep or inside an image
        self._inner = parent
        self._texts: list[str] = []
        self._in_link = 0  # the depth at which a link began
        self._in_image = 0
        self._image_address = ""
        self._image_is_blank = True

    def write(self, written: list[tokens.Token]) -> None:
        for token in written:
            if isinstance(token, str):
                self._text(token)
            elif isinstance(token, tokens.Marks):
                self._marks(token)
            elif isinstance(token, tokens.Code):
                self._code(token.text)
            elif isinstance(token, tokens.Math):
                self._math(token.text)
            elif isinstance(token, tokens.Break):
                self._break()
            elif isinstance(token, tokens.Link):
                self._link(token)
            elif isinstance(token, tokens.Awaited):
                self._open("span", {"class": "reference"})
            elif isinstance(token, tokens.LinkEnd):
                self._link_end()
            else:
                self._note(token)
        self._flush()

    def _text(self, text: str) -> None:
        if text:
            self._texts.append(text)
            self._image_is_blank = False

    def _flush(self) -> None:
        """Puts the text gathered so far behind what the innermost element holds."""
        if not self._texts:
            return
        text = literal("".join(self._texts))
        self._texts.clear()
        inner = self._inner
        last = self._place if inner is self._stack[0] else len(inner)
        if last:
            inner[last - 1].tail = (inner[last - 1].tail or "") + text
        else:
            inner.text = (inner.text or "") + text

    def _add(self, element: Element) -> Element:
        self._flush()
        if self._inner is self._stack[0]:
            self._inner.insert(self._place, element)
            self._place += 1
        else:
            self._inner.append(element)
        return element

    def _open(self, name: str, attributes: dict[str, str]) -> None:
        if self._in_image or len(self._stack) > limits.INLINE_DEPTH:
            self._stack.append(None)
            return
        self._inner = self._add(Element(name, attributes))
        self._stack.append(self._inner)

    def _close(self) -> None:
        if self._stack.pop() is None:
            return
        self._flush()
        self._inner = next(element for element in reversed(self._stack) if element is not None)

    def _marks(self, marks: tokens.Marks) -> None:
        for _ in marks.closes:
            self._close()
        self._text(marks.character * marks.left)
        for name in reversed(marks.opens):
            self._open(name, {})

    def _code(self, text: str) -> None:
        if self._in_image:
            self._text(text)
        else:
            self._add(Element("code")).text = literal(text)

    def _math(self, text: str) -> None:
        if self._in_image:
            self._text(text)
        else:
            self._add(Element("span", {"class": "math"})).text = literal(text)

    def _break(self) -> None:
        if self._in_image:
            self._text(" ")
        else:
            self._add(Element("br"))
            self._text("\n")

    def _note(self, note: tokens.Note) -> None:
        if self._in_image:
            return
        element = self._add(Element("sup", {"class": "footnote-ref"}))
        if not self._in_link:
            element = _child(element, "a", {"href": f"#{NOTE_ID}{note.number}"})
            if note.first:
                element.set("id", f"{REFERENCE_ID}{note.number}")
        element.text = str(note.number)

    def _link(self, link: tokens.Link) -> None:
        if self._in_link or self._in_image:
            self._stack.append(None)
        else:
            attributes = {"href": literal(_href(link.address))}
            if link.title:
                attributes["title"] = literal(link.title)
            if link.image:
                attributes["class"] = "image"
            self._open("a", attributes)
            self._in_link = len(self._stack)
        if link.image and not self._in_image:
            self._in_image = len(self._stack)
            self._image_address, self._image_is_blank = link.address, True

    def _link_end(self) -> None:
        depth = len(self._stack)
        if self._in_image == depth:
            if self._image_is_blank:
                self._text(self._image_address)
            self._in_image = 0
        if self._in_link == depth:
            self._in_link = 0
        self._close()


def _child(parent: Element, name: str, attributes: dict[str, str]) -> Element:
    element = Element(name, attributes)
    parent.append(element)
    return element


def _href(address: str) -> str:
    if address.startswith("#") and len(address) > 1 and not address.startswith(f"#{HEADING_ID}"):
        address = f"#{HEADING_ID}{address[1:]}"
    return quote(address, safe=_ADDRESS_SAFE)
