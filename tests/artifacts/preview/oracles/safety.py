"""Is a piece of HTML safe? A second opinion, by a parser and a list that share nothing with the code they judge."""

import re
from collections.abc import Callable
from html.parser import HTMLParser

_VOID = frozenset(("br", "hr", "input"))
_CLASSES = re.compile(
    r"task-list|task-list-item|footnote-ref|footnote-back|footnotes|reference|raw-html|plain|image|math|highlight"
    r"|language-[a-z0-9+#.-]+|[a-z]{1,3}[0-9]?"
)
_IDS = re.compile(r"(doc|fn|fnref)-[^\s\"'<>&]+")

_Check = Callable[[str], bool]


def leads_nowhere_bad(address: str) -> bool:
    """As the URL standard reads it: control characters and spaces around go, tabs and line ends go everywhere."""
    address = re.sub(r"[\t\n\r]", "", address.strip("".join(map(chr, range(0x21)))))
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", address)
    return scheme is None or scheme[1].lower() in ("http", "https", "mailto")


_ANY: _Check = lambda value: True  # noqa: E731
_ATTRIBUTES: dict[tuple[str, str], _Check] = {
    ("a", "href"): leads_nowhere_bad,
    ("a", "title"): _ANY,
    ("a", "rel"): lambda value: value == "noopener noreferrer nofollow",
    ("a", "aria-label"): lambda value: value == "Back to the text",
    ("input", "type"): lambda value: value == "checkbox",
    ("input", "disabled"): _ANY,
    ("input", "checked"): _ANY,
    ("details", "open"): _ANY,
    ("ol", "start"): str.isdigit,
    ("th", "align"): lambda value: value in ("left", "center", "right"),
    ("td", "align"): lambda value: value in ("left", "center", "right"),
}
_TAGS = frozenset(
    (
        *(
            "p",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "hr",
            "br",
            "blockquote",
            "ul",
            "ol",
            "li",
            "table",
            "thead",
            "tbody",
        ),
        *("tr", "th", "td", "pre", "code", "em", "strong", "del", "a", "span", "sup", "input", "details", "summary"),
        "section",
    )
)


class _Judge(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            self.faults.append(f"<{tag}>")
        for name, value in attrs:
            if not self._allows(tag, name, value or ""):
                self.faults.append(f'<{tag} {name}="{value}">')
        leaves = next((not (value or "").startswith("#") for name, value in attrs if name == "href"), False)
        if leaves and "rel" not in dict(attrs):
            self.faults.append(f"<{tag}> without rel")
        if tag not in _VOID:
            self.open.append(tag)

    @staticmethod
    def _allows(tag: str, name: str, value: str) -> bool:
        if name == "class":
            return all(_CLASSES.fullmatch(part) for part in value.split())
        if name == "id":
            return tag in ("a", "li", "h1", "h2", "h3", "h4", "h5", "h6") and _IDS.fullmatch(value) is not None
        check = _ATTRIBUTES.get((tag, name))
        return check is not None and check(value)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}>")

    def handle_comment(self, data: str) -> None:
        self.faults.append(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self.faults.append(f"<!{decl}>")

    def unknown_decl(self, data: str) -> None:
        self.faults.append(f"<![{data}]>")

    def handle_pi(self, data: str) -> None:
        self.faults.append(f"<?{data}>")


def faults(html: str) -> list[str]:
    """Everything in the HTML that must not be there; tags that are not well nested too."""
    judge = _Judge()
    judge.feed(html)
    judge.close()
    return judge.faults + [f"<{tag}> is open" for tag in judge.open]
