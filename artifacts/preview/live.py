"""The live preview of one growing document (first version: every update renders the whole text)."""

from dataclasses import dataclass

import bleach
import markdown

_TAGS = set("p br hr h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code em strong del a table thead tbody tr th td".split())


@dataclass(frozen=True, kw_only=True)
class Update:
    """What changed: a viewer does `shown[first:] = fragments` and replaces the tail."""

    first: int
    fragments: list[str]
    tail: str


def render(text: str) -> str:
    """The whole document as sanitised HTML."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd").replace("<", "&lt;")
    html = markdown.markdown(text, extensions=["tables", "fenced_code", "sane_lists"])
    return str(bleach.clean(html, tags=_TAGS, attributes={"a": ["href", "title"]}, protocols={"http", "https", "mailto"}))


class LivePreview:
    """Takes text in any chunks, gives settled fragments and a tail."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._finished = False
        self.fragments: list[str] = []
        self.tail = ""

    def append(self, text: str) -> None:
        self._text.append(text)

    def update(self) -> Update:
        html = render("".join(self._text))
        self.fragments, self.tail = ([html], "") if self._finished else ([], html)
        return Update(first=0, fragments=list(self.fragments), tail=self.tail)

    def finish(self) -> str:
        self._finished = True
        return render("".join(self._text))
