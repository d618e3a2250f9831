"""Fences of code: which one is open at the end of a text, and answers that stand in a fence as a whole; pure.

What is inside such a fence is given out piece by piece, the fence is not.
"""

from __future__ import annotations

import re

from generation.markdown.afterword import AFTERWORD_CHARS, says_afterword
from generation.markdown.preamble import OPENERS

WRAPPED_CHARS = 2_000
"""An answer that begins with a Markdown fence is wrapped, unless that closes within so much and more follows."""
EXAMPLE_CHARS = 8_000
"""The same where what stands in the fence is evidently to be filled in: an example of a page."""
BEYOND_CHARS = 2_000
"""So much behind a line that may close the fence around an answer is waited for: whether it is prose, or a block."""
TALK_CHARS = 400
"""So much behind the closing line of an answer that goes on is said to the person."""
FENCE_PREFACE_CHARS = 200

LOOK_CHARS = 400
"""Behind a fence without a language it shows within so much whether prose stands in it; what is code flows on."""

_LANGUAGES = ("markdown", "md", "text", "txt", "plaintext", "plain")
_WRAP = re.compile(
    rf"\s*(`{{3,}}|~{{3,}})[ \t]*(?:(markdown|md)|{'|'.join(_LANGUAGES[2:])})?[ \t]*\r?\n", re.IGNORECASE
)
_WRAP_BEGUN = re.compile(r"\s*(?:(?:``?|~~?)|(?:`{3,}|~{3,})[ \t]*(\w*)[ \t]*\r?)?\Z")
_SHOWS = re.compile(
    r"exampl|templat|sampl|snippet|format|beispiel|vorlage|muster|ejempl|plantill|exempl|modèl|modell|esempi|пример|шаблон"
    r"|示例|范例|模板|例|テンプレート|예시|예제|템플릿|مثال|उदाहरण|ตัวอย่าง|örnek|şablon",
    re.IGNORECASE,
)
"""What the line before a fence says when the fence belongs to the document."""

_EXAMPLE = re.compile(
    r"\A---[ \t]*\n\w|\{\{ ?\w|\[[A-Z][^\]\n]* [^\]\n]*\](?![(\[:])|\[[A-Z_]{3,}\](?![(\[:])"
    r"|<(?:your|name|title|date|yyyy)\b"
    r"|\b(?:YYYY-MM|TODO\b|TBD\b)|_{4,}"
)
"""Front matter, and places to fill in: so begins an example of a page, hardly ever a page."""

_CODE = re.compile(
    r"[;{}\\]\s*$|^(?:\t| {4,})\S|^\s*(?:\$|>>>|//|#include|#!|</?\w)|\w\([^)]*\)\s*$|^\s*[\w.-]+ ?(?:[:+]?=|:(?=\S))"
    r"|^\s*(?:def|class|import|from|return|function|const|let|var|public|if|for|while|select)\b[^.]*$|[=!<>]=|->|=>"
    r"|^\s*[a-z][\w.-]*:(?: \S+)?\s*$|[\u2500-\u259f]|\+--|^\[[^\]\n]+ [^\]\n]+\]\s*$",
    re.MULTILINE,
)
_MARKUP = re.compile(
    r"^#{1,6} \S[^\n]*\Z|^(?:[-*+]|\d{1,3}[.)]) \S|^\|.+\|\s*$|\*\*\S[^*]*\*\*|\]\(\S+\)|^> ", re.MULTILINE
)
_UNMARKED = "\u0e00-\u109f\u1780-\u17ff"
"""Thai, Lao, Tibetan, Burmese and Khmer mark no end of a sentence as others do."""
_UNMARKED_RUN = rf"(?:[^{_UNMARKED}]{{0,9}}[{_UNMARKED}]){{40}}"
_PROSE = re.compile(
    r"(?:[-*+>] |\d{1,3}[.)] )?[*_`\"“]*(?![a-z])[^\W\d_]"
    rf"(?=(?:\S*\s+){{7}}|{_UNMARKED_RUN}|(?:[^\u2e80-\uffff]{{0,9}}[\u2e80-\uffff]){{16}})"
    rf"(?:{_UNMARKED_RUN}|.*?(?:[.!?][*_`)\"”]*(?=\s|\Z)|:[*_]*(?=[ \t]*(?:\n|\Z))|[。！？：।॥؟۔።]))",
    re.DOTALL,
)
"""The beginning of a paragraph, up to the end of a sentence in it."""

_NO_PARAGRAPH = re.compile(
    r"^\s*(?:[^\w\s\"'“„«‘(¿¡「『]|\[|\d+\S*[:/-]\d)|[<{\[]\w[^\]}>\n]*[\]}>]|[|=<>{}\\^]|[$~](?!\d)|\S[ \t]{3,}\S"
    r"|\w\(\)|\d:\d\d:\d|\b(?:INFO|WARN(?:ING)?|ERROR|DEBUG|FATAL|TRACE|panic:|[Ee]rror:|Traceback|Exception)(?!\w)"
    r"|^\s*at \S+\.",
    re.MULTILINE,
)
"""What no prose holds: lines that begin with a mark or a date, places to fill in, operators, columns, words of logs."""
_ADDRESS = re.compile(r"https?://[^\s<>]+")
_SPEAKER = re.compile(r"^\s*[^\W\d_][\w ]{0,24}[:：]\s", re.MULTILINE)
_SENTENCE = re.compile(r"[\"'“„«‘(¿¡「『]*(?![a-z])\w")
_PARAGRAPH_END = re.compile(rf"(?:[{_UNMARKED}]|[.!?…][\"'*_`)\]”’»]*|[。！？।॥؟۔။៕…][”’」』）]*)\Z")
_WRAPPED_LINE_CHARS = 50
"""Shorter lines within a paragraph are not broken by width: a verse, a log, a list without marks."""

FENCE_LINE = re.compile(r"^[ \t]*(?:>[ \t]?|(?:[-*+]|\d{1,9}[.)])[ \t]+){0,100}(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)
_MAY_CLOSE = re.compile(r"\r?\n[ \t]*+(?:`++|~++)?+[ \t]*+(?:\r?\n\s*+)?+\Z")


def opened_fence(line: str, fence: str) -> str:
    """The fence that is open after the line, "" for none; `fence` is the one that was open before it."""
    found = FENCE_LINE.match(line)
    if found is None:
        return fence
    run, info = found[1], found[2]
    if fence:
        return "" if run.startswith(fence) and not info.strip() else fence
    return "" if run[0] == "`" and "`" in info else run


def open_fence(text: str) -> str:
    """The fence that is open at the end of the text, "" for none. One linear scan."""
    fence = ""
    for found in FENCE_LINE.finditer(text):
        fence = opened_fence(found[0], fence)
    return fence


class Unfenced:
    """Passes on what stands in a fence around an answer, without the line that closes it.

    `run` is the fence around the answer, "" for none, `fence` the one that the document is in where the answer goes on.
    A last line that closes a block of the document is kept where `keeps_blocks`; elsewhere the end of the section
    closes the block. Of what follows the fence around the answer, a little is not passed on where it `drops_talk`.
    """

    def __init__(self, run: str, fence: str = "", *, keeps_blocks: bool = True, drops_talk: bool = False) -> None:
        self._run = run
        self.is_past = not run
        """No fence is around what follows: it passes as it is."""
        self._fence = fence
        self._keeps_blocks = keeps_blocks
        self._drops_talk = drops_talk
        self._line = ""
        self._held = ""
        self._again: str | None = None  # what follows the line that opens a block, to be passed on anew
        self._beyond: str | None = None  # from a line on that closes the fence around the answer, or opens a block

    def feed(self, text: str) -> str:
        """What cannot be the closing line any more."""
        given = self._passed(text)
        while self._again is not None:  # any number of blocks may come at once
            again, self._again = self._again, None
            given += self._passed(again)
        return given

    def _passed(self, text: str) -> str:
        if not self._run:
            return text
        if self._beyond is not None:
            self._beyond += text
            return self._decided()
        self._held += text
        # Sought from the last line on, or each line break in a row of them would be followed by all the others.
        last = self._held.rfind("\n", 0, len(self._held.rstrip()))
        closing = _MAY_CLOSE.search(self._held, max(0, last - 1))
        end = closing.start() if closing else len(self._held)
        given, self._held = self._held[:end], self._held[end:]
        begun, at = len(self._line), 0
        seen = self._line + given
        while (end := seen.find("\n", at)) >= 0:
            line = seen[at:end]
            if not self._fence and self._closes(line):
                self._beyond, self._held, self._line = seen[max(at, begun) :] + self._held, "", ""
                return seen[begun : max(at, begun)] + self._decided()
            self._fence = opened_fence(line, self._fence)
            at = end + 1
        self._line = seen[at:]
        return given

    def _closes(self, line: str) -> bool:
        return line.strip().startswith(self._run) and not line.strip().strip(self._run[0])

    def _decided(self, *, is_whole: bool = False) -> str:
        """What is certain of what stands behind that line: with another fence below, the line opens a block."""
        beyond = self._beyond or ""
        line, _, rest = beyond.partition("\n")
        is_block = FENCE_LINE.search(rest, 0, len(rest) if is_whole else max(0, rest.rfind("\n"))) is not None
        if not is_block and len(rest) <= BEYOND_CHARS and not is_whole:
            return ""
        self._beyond = None
        if is_block or not (is_whole or _is_prose(rest[:BEYOND_CHARS])):
            self._fence = opened_fence(line, "")
            self._again = rest
            return f"{line}\n"
        self._run, self.is_past = "", True
        is_talk = self._drops_talk and len(rest.strip()) <= TALK_CHARS
        return "" if is_talk or (is_whole and says_afterword(rest)) else rest

    def end(self) -> str:
        """The rest."""
        given = ""
        while self._beyond is not None:
            given += self._decided(is_whole=True)
            again, self._again = self._again, None
            given += "" if again is None else self.feed(again)
        return given + self._last()

    def _last(self) -> str:
        held, self._held = self._held, ""
        last = held.strip()
        if not self._run or not last.startswith(self._run):
            return held
        fence = opened_fence(self._line, self._fence)
        return held if self._keeps_blocks and fence and not opened_fence(last, fence) else ""


class FirstFence:
    """The first answer of a section: without a Markdown fence that stands around all of it, and a line announcing that.

    It holds back only an answer that begins so. An example in a fence, with text after it, stays as it is.
    """

    def __init__(self) -> None:
        self._head = ""
        self._unfenced: Unfenced | None = None
        self.is_past = False
        """As that of `Unfenced`, where no fence was around it from the beginning."""

    def feed(self, text: str) -> str:
        if self.is_past:
            return text
        if self._unfenced is not None:
            return self._unfenced.feed(text)
        self._head += text
        wrap = _wrap_of(self._head)
        if wrap is None:
            return "" if _may_be_wrapped(self._head) else self._as_it_is()
        # What is decided here never depends on how the text came: the same characters are looked at.
        inner = self._head[wrap.end() :]
        most = EXAMPLE_CHARS if wrap[2] and _EXAMPLE.search(inner[:WRAPPED_CHARS]) else WRAPPED_CHARS
        seen = inner[:most]
        if wrap[1] in seen and _after_block(seen, wrap[1]).strip():
            # An example with text after it, unless that is all that follows, and said to the person.
            return self._as_it_is() if len(_after_block(inner, wrap[1]).strip()) > AFTERWORD_CHARS else ""
        if not wrap[2] and len(inner) >= LOOK_CHARS and not _is_text(inner[:LOOK_CHARS], wrap[1], is_whole=False):
            return self._as_it_is()
        if len(inner) < most:
            return ""
        if not wrap[2] and not _is_text(seen, wrap[1], is_whole=False):
            return self._as_it_is()
        self._unfenced = Unfenced(wrap[1])
        return self._unfenced.feed(inner)

    def end(self, *, is_whole: bool = True) -> str:
        """The rest, when the answer has ended; one that was cut off or broke off is not whole."""
        wrap = _wrap_of(self._head) if self._unfenced is None else None
        if wrap is not None and self._is_around(self._head[wrap.end() :], wrap, is_whole=is_whole):
            self._unfenced = Unfenced(wrap[1])
            head, self._head = self._head[wrap.end() :], ""
            return self._unfenced.feed(head) + self._unfenced.end()
        return self._unfenced.end() if self._unfenced is not None else self._as_it_is()

    def _is_around(self, inner: str, wrap: re.Match[str], *, is_whole: bool) -> bool:
        after = _after_block(inner, wrap[1]) if wrap[1] in inner else ""
        if after.strip():
            inner, is_whole = inner.removesuffix(after), True
            if not says_afterword(after) or (wrap[2] and _EXAMPLE.search(inner)):
                return False
        return bool(wrap[2]) or _is_text(inner, wrap[1], is_whole=is_whole)

    def _as_it_is(self) -> str:
        head, self._head, self.is_past = self._head, "", True
        return head


def _wrap_of(head: str) -> re.Match[str] | None:
    """The line that opens the fence around the answer."""
    wrap = _WRAP.match(head)
    if wrap is not None:
        return wrap
    line = _first_line(head)
    return _WRAP.match(head, line.end()) if line is not None and _announces(line[0]) else None


def _may_be_wrapped(head: str) -> bool:
    if _is_wrap_begun(head, 0):
        return True
    line = _first_line(head)
    if line is not None:
        return _announces(line[0]) and _is_wrap_begun(head, line.end())
    begun = head.lstrip(" \t\r\n*_#>")
    return (
        len(begun) <= FENCE_PREFACE_CHARS
        and ("\n" not in begun)
        and any(begun.startswith(words[: len(begun)]) for words in OPENERS)
    )


def _is_wrap_begun(head: str, at: int) -> bool:
    begun = _WRAP_BEGUN.match(head, at)
    return begun is not None and any(word.startswith((begun[1] or "").lower()) for word in _LANGUAGES)


def _first_line(head: str) -> re.Match[str] | None:
    return re.compile(r"\s*\S[^\n]*\n").match(head)


def _announces(line: str) -> bool:
    text = line.strip(" \t\r\n*_#>")
    return len(text) <= FENCE_PREFACE_CHARS and text.startswith(OPENERS) and not _SHOWS.search(text)


def _is_prose(inner: str) -> bool:
    """Whether what stands behind a fence without a language is evidently no code: paragraphs in Markdown."""
    lines, fence = [], ""
    for line in inner.splitlines():
        was_open, fence = fence, opened_fence(line, fence)
        lines.append("" if was_open or fence else line)
    blocks = [block.strip("\n") for block in re.split(r"\n[ \t]*\n", "\n".join(lines)) if block.strip()]
    prose = sum(_PROSE.match(block) is not None for block in blocks)
    is_marked = any(_MARKUP.search(block) for block in blocks)
    return not any(map(_CODE.search, blocks)) and prose >= (1 if is_marked else 3)


def _is_text(inner: str, run: str, *, is_whole: bool) -> bool:
    return _is_prose(inner) or _is_plain(inner, run, is_whole=is_whole)


def _is_plain(inner: str, run: str, *, is_whole: bool) -> bool:
    """Whether what stands behind the fence is nothing but paragraphs without a mark; the last one may be open."""
    text = inner.rstrip().removesuffix(run).rstrip() if is_whole or inner.rstrip().endswith(f"\n{run}") else inner
    is_closed = text != inner
    blocks = [block.strip("\n") for block in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")) if block.strip()]
    ended = blocks if is_whole or is_closed else blocks[:-1]
    if not blocks or _NO_PARAGRAPH.search(_ADDRESS.sub("", text)) or any(map(_CODE.search, blocks)):
        return False
    return all(map(_is_paragraph, ended)) and any(map(_PROSE.match, blocks)) and _SENTENCE.match(blocks[-1]) is not None


def _is_paragraph(block: str) -> bool:
    lines = block.split("\n")
    is_spoken = len(lines) > 1 and len(_SPEAKER.findall(block)) > 1
    is_filled = all(len(line) >= _WRAPPED_LINE_CHARS for line in lines[:-1])
    is_sentence = _SENTENCE.match(block) is not None and _PARAGRAPH_END.search(block) is not None
    return is_filled and not is_spoken and is_sentence


def _after_block(inner: str, run: str) -> str:
    """What follows the line that closes the fence; "" while it is open. Blocks inside it begin with their language."""
    nested, at = "", 0
    for line in inner.splitlines(keepends=True):
        at += len(line)
        if nested:
            nested = opened_fence(line.rstrip("\r\n"), nested)
        elif not opened_fence(line.rstrip("\r\n"), run):
            return inner[at:]
        else:
            nested = opened_fence(line.rstrip("\r\n"), "")
    return ""
