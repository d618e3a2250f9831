"""Which elements are open in the page that a browser makes of HTML, tag by tag: HTML's own rules, as far as they say
what stays open. Knows no Markdown.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Generic, TypeVar

Origin = TypeVar("Origin")

_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
FORMATTING = frozenset(
    ("a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u")
)
"""A browser opens these again in whatever follows, until they are closed."""
RAW_TEXT = frozenset(
    ("script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes", "noscript", "plaintext")
)
"""They hold nothing but text. GitHub shows their tags instead, and reads on in them."""

_VOID = frozenset(
    (
        *("area", "base", "basefont", "bgsound", "br", "embed", "hr", "image", "img", "input", "keygen", "link"),
        *("meta", "param", "source", "track", "wbr", "col", "frame", "frameset", "html", "head", "body"),
    )
)
_BLOCKS = frozenset(
    (
        *("address", "article", "aside", "blockquote", "center", "details", "dialog", "dir", "div", "dl", "fieldset"),
        *("figcaption", "figure", "footer", "header", "hgroup", "listing", "main", "menu", "nav", "ol", "pre"),
        *("search", "section", "summary", "ul"),
    )
)
_CLOSING_P = _BLOCKS | _HEADINGS | {"p", "form", "li", "dd", "dt", "xmp", "table", "hr"}
_MARKED = frozenset(("applet", "marquee", "object", "template", "td", "th", "caption"))  # formatting ends with these
_FOREIGN_ROOTS = frozenset(("svg", "math"))
HTML_IN_FOREIGN = frozenset(("mi", "mo", "mn", "ms", "mtext", "annotation-xml", "foreignobject", "desc", "title"))
"""What is in these, in SVG and MathML, is HTML again."""
_BOUNDS = _MARKED | HTML_IN_FOREIGN | {"table", "select"}
_LIST_BOUNDS = _BOUNDS | {"ol", "ul"}
_P_BOUNDS = _BOUNDS | {"button"}
_TABLE_BOUNDS = frozenset(("table", "template"))
_CELLS = frozenset(("td", "th"))
_GROUPS = frozenset(("tbody", "thead", "tfoot"))
_ONLY_PARTS = _GROUPS | {"table", "tr", "colgroup"}
_TABLE_PARTS = _CELLS | _GROUPS | {"tr", "caption", "colgroup"}
_SPECIAL = (_CLOSING_P - {"dialog"}) | _BOUNDS | _TABLE_PARTS | RAW_TEXT | {"button"}
KNOWN = (
    FORMATTING
    | (_CLOSING_P - {"hr"})
    | _MARKED
    | _FOREIGN_ROOTS
    | {
        "abbr",
        "acronym",
        "audio",
        "bdi",
        "bdo",
        "button",
        "canvas",
        "cite",
        "data",
        "datalist",
        "del",
        "dfn",
        "ins",
        "kbd",
    }
    | {
        "label",
        "legend",
        "map",
        "mark",
        "meter",
        "optgroup",
        "option",
        "output",
        "picture",
        "progress",
        "q",
        "rb",
        "rp",
    }
    | {"rt", "rtc", "ruby", "samp", "select", "slot", "span", "sub", "sup", "time", "var", "video"}
)
"""The elements of HTML that hold anything; a browser shows nothing of others, such as `<your name>`."""
ENDED_ANYWHERE = (FORMATTING | RAW_TEXT | _BLOCKS | _HEADINGS | _BOUNDS | {"form", "li", "dd", "dt", "button"}) - {
    *("search", "dialog", "template", "select")  # but for an older reader of HTML
}
"""Their end tags work in a paragraph, whatever was begun before it."""
_BREAKING_OUT = (
    FORMATTING - {"a"}
    | _HEADINGS
    | {"blockquote", "br", "center", "dd", "div", "dl", "dt", "embed", "hr", "img", "li", "listing", "menu", "meta"}
    | {"ol", "p", "pre", "ruby", "span", "sub", "sup", "table", "ul", "var"}
)
_SAME_FORMATTING = 3  # more of a kind are not opened again


@dataclass(eq=False, kw_only=True, slots=True)
class OpenElement(Generic[Origin]):
    """`origin` is whatever the one who opens it wants to know of it."""

    name: str
    origin: Origin
    is_foreign: bool = False
    is_open: bool = False


class OpenElements(Generic[Origin]):
    """The elements that are open, outermost first."""

    def __init__(self) -> None:
        self.stack: list[OpenElement[Origin]] = []
        self._number: dict[str, int] = {}  # open, of each name
        self._formatting: list[
            OpenElement[Origin] | None
        ] = []  # to be opened again; None where a marked element begins
        self._form: OpenElement[Origin] | None = None

    @property
    def in_foreign(self) -> bool:
        """Is what comes next SVG or MathML, by whose rules alone it is read?"""
        return bool(self.stack) and self.stack[-1].is_foreign and self.stack[-1].name not in HTML_IN_FOREIGN

    def start(self, name: str, origin: Origin, *, is_closed: bool = False) -> None:
        """A start tag; `is_closed` where it ends with a slash."""
        is_foreign = self.in_foreign
        if is_foreign and name in _BREAKING_OUT:
            while self.in_foreign:
                self._pop()
            is_foreign = False
        if is_foreign or name in _FOREIGN_ROOTS:
            if not is_closed:
                self._push(name, origin, is_foreign=True)
            return
        if name in _CLOSING_P:
            self.close_p()
        if name in _VOID or (name in _TABLE_PARTS and not self._begin_part(name)) or not self._make_room(name):
            return
        self._push(name, origin)

    def end(self, name: str) -> None:
        """An end tag."""
        if name in FORMATTING:
            self._end_formatting(name)
        elif name == "form":
            if self._form is not None and self._form.is_open:
                self._take_out(self._form)
            self._form = None
        elif name in _HEADINGS:
            self._pop_to(_HEADINGS, _BOUNDS)
        elif name == "template":
            self._pop_to((name,), ())
        elif name in _TABLE_PARTS or name == "table":
            self._pop_to((name,), _TABLE_BOUNDS)
        elif name == "p":
            self.close_p()
        elif name == "li":
            self._pop_to((name,), _LIST_BOUNDS)
        elif name in _BLOCKS or name in _BOUNDS or name in ("button", "dd", "dt"):
            self._pop_to((name,), _BOUNDS)
        else:
            self._end_other(name)

    def close_p(self) -> OpenElement[Origin] | None:
        """As each block does that begins; the paragraph that was open."""
        return self._pop_to(("p",), _P_BOUNDS)

    def begin_block(self, name: str) -> OpenElement[Origin] | None:
        """A block that begins, and ends before anything else does; the paragraph that was open."""
        paragraph = self.close_p()
        if name in _HEADINGS and self.stack and self.stack[-1].name in _HEADINGS:
            self._pop()
        return paragraph

    def text(self) -> None:
        """As text does, white space too: formatting that nothing ended is opened again."""
        if not self._formatting or (self.stack and self.stack[-1].name in _ONLY_PARTS):
            return
        for place, one in enumerate(self._formatting):
            if one is not None and not one.is_open and None not in self._formatting[place:]:
                again = OpenElement(name=one.name, origin=one.origin)
                self._formatting[place] = again
                self._put(again)

    def is_ended_anywhere(self, element: OpenElement[Origin]) -> bool:
        """Does its end tag work in a paragraph? Not that of formatting which others of its kind have followed so often
        that it is not opened again.
        """
        return element.name in ENDED_ANYWHERE and (element.name not in FORMATTING or element in self._formatting)

    # -- what a start tag ends

    def _make_room(self, name: str) -> bool:
        """Ends what cannot hold this element; may it be opened at all?"""
        top = self.stack[-1].name if self.stack else ""
        if name in _HEADINGS and top in _HEADINGS:
            self._pop()
        elif name == "form":
            return self._form is None
        elif name == "li":
            self._end_item(("li",))
        elif name in ("dd", "dt"):
            self._end_item(("dd", "dt"))
        elif name in ("button", "nobr"):
            self._pop_to((name,), _BOUNDS)
        elif name == "select" and self._number.get(name):
            self._pop_to((name,), _BOUNDS - {"select"})
            return False
        elif name == "a":
            if any(one is not None and one.name == "a" for one in self._since_mark()):
                self._end_formatting("a")
        elif name in ("option", "optgroup") and top == "option":
            self._pop()
        elif name == "table":
            inner = next((one.name for one in reversed(self.stack) if one.name in _BOUNDS), "")
            if inner == "table":  # not in a cell of it: it ends there
                self._pop_to(("table",), _TABLE_BOUNDS)
        return True

    def _end_item(self, names: Collection[str]) -> None:
        if not self._has(names):
            return
        for one in reversed(self.stack):
            if one.name in names:
                self._pop_through(one)
                return
            if one.name in _SPECIAL and one.name not in ("address", "div", "p"):
                return

    def _begin_part(self, name: str) -> bool:
        """Ends what is open in the table up to where this part belongs; is there a table?"""
        table = next((one for one in reversed(self.stack) if one.name in _TABLE_BOUNDS), None)
        if table is None or table.name == "template":
            return table is not None
        holders = {"tr": _GROUPS | {"table"}, "td": {"tr", *_GROUPS, "table"}, "th": {"tr", *_GROUPS, "table"}}
        while self.stack[-1].name not in holders.get(name, {"table"}):
            self._pop()
        if name in _CELLS or name == "tr":
            if self.stack[-1] is table:
                self._push("tbody", table.origin)
            if name in _CELLS and self.stack[-1].name != "tr":
                self._push("tr", table.origin)
        return True

    # -- what an end tag ends

    def _pop_to(self, names: Collection[str], bounds: Collection[str]) -> OpenElement[Origin] | None:
        """Ends the innermost of these, and what is open in it, unless a bound stands between."""
        if not self._has(names):
            return None
        for one in reversed(self.stack):
            if one.name in names:
                self._pop_through(one)
                return one
            if one.name in bounds:
                break
        return None

    def _end_other(self, name: str) -> None:
        if not self._number.get(name):
            return
        for one in reversed(self.stack):
            if one.name == name:
                self._pop_through(one)
                return
            if one.name in _SPECIAL and not (one.is_foreign and one.name not in HTML_IN_FOREIGN):
                return

    def _end_formatting(self, name: str) -> None:
        found = next((one for one in reversed(self._since_mark()) if one is not None and one.name == name), None)
        if found is None:
            self._end_other(name)
            return
        if found.is_open:
            above = self.stack[self.stack.index(found) + 1 :]
            if any(one.name in _BOUNDS for one in above):
                return
            # Blocks in it stay open, without it.
            while above and above[-1].name not in _SPECIAL:
                above.pop()
                self._pop()
            self._take_out(found)
        self._formatting.remove(found)

    # -- the stack

    def _push(self, name: str, origin: Origin, *, is_foreign: bool = False) -> None:
        element = OpenElement(name=name, origin=origin, is_foreign=is_foreign)
        self._put(element)
        if is_foreign:
            return
        if name in _MARKED:
            self._formatting.append(None)
        elif name in FORMATTING:
            same = [one for one in self._since_mark() if one is not None and one.name == name]
            if len(same) >= _SAME_FORMATTING:
                self._formatting.remove(same[0])
            self._formatting.append(element)
        elif name == "form":
            self._form = element

    def _has(self, names: Collection[str]) -> bool:
        return any(self._number.get(name) for name in names)

    def _put(self, element: OpenElement[Origin]) -> None:
        self.stack.append(element)
        element.is_open = True
        self._number[element.name] = self._number.get(element.name, 0) + 1

    def _take_out(self, element: OpenElement[Origin]) -> None:
        if self.stack[-1] is element:
            self.stack.pop()
        else:
            self.stack.remove(element)
        element.is_open = False
        self._number[element.name] -= 1

    def _pop(self) -> None:
        element = self.stack[-1]
        self._take_out(element)
        if element.name in _MARKED and not element.is_foreign:
            while self._formatting and self._formatting.pop() is not None:
                pass

    def _pop_through(self, element: OpenElement[Origin]) -> None:
        while self.stack[-1] is not element:
            self._pop()
        self._pop()

    def _since_mark(self) -> list[OpenElement[Origin] | None]:
        place = len(self._formatting)
        while place and self._formatting[place - 1] is not None:
            place -= 1
        return self._formatting[place:]
