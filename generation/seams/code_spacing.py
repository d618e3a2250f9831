"""Decides which white space got lost inside a code block: a blank, or a line break and the next line's depth; pure.

Brackets, quotes and the lines around the cut decide where they can; where they leave two readings, `UnsureSpace`.
"""

from __future__ import annotations

import re
from itertools import pairwise, takewhile

from generation.seams.endings import FENCE_LINE, HEADING, ITEM, Ending, is_unspaced
from generation.seams.errors import UnsureSpace

_UNFINISHED = re.compile(
    r"""(?: [=+\-*/%&|<>?~^(\[] | => | -> | \\ | \.
    | \b(?:return|if|in|and|or|not|import|from|def|class|new|const|let|var|for|while|elif|except|function|public|private
    |protected|static|void|type|struct|enum|fn|pub|mut|async|await|with|as|is|lambda|yield|raise|throws?|use|impl|trait
    |extends|implements|interface|package|namespace|func|select|insert|into|update|set|where|order|group|by|create|table
    |values|join|on|primary|foreign|references|default|check|case|switch|match|an?|of|the|to)
    | (?:^|\s)(?:sudo|cd|echo|export|apt-get|pip3?|npm|git|--?\w[\w-]*) )$""",
    re.IGNORECASE | re.VERBOSE,
)
"""The end of a line of code that goes on."""
_BEGINS_LINE = re.compile(
    r"""(?: (?:def|class|return|while|import|from|const|let|var|function|try|except|elif|finally|print|public
    |private|protected|static|switch|case|break|continue|pass|raise|throw|with|export|fn|pub|impl|use|struct|enum|trait
    |package|func|SELECT|INSERT|CREATE|UPDATE|DELETE|DROP|ALTER|echo|sudo|cd|fi|done|esac|then|for
    |async|assert|del|global|yield|match|mod|extern|unsafe|void|message)\b
    | [@}] | \#\[ | <[/!\w] | [\w.\[\]"']+\s*(?:[-+*/|:]?=)(?!=) | "[^"]*"\s*: | [\w.-]+:(?=\s|$) | -\s )""",
    re.VERBOSE,
)
_CONTINUES = re.compile(
    r"[=+*/%&|?,;:<>]|\.(?!/)|!=|->|--?[\w ]|(?:and|or|in|is|not|as|else|if|for|from|into|values)\b"
)
_BRANCH = re.compile(r"(?:if|for|from|else)\b")
_OPENER = re.compile(r"[:{(\[]\s*(?:#.*|//.*)?$")
_CLOSER = re.compile(r"[}\])]|</|(?:end|fi|done|esac)\b")
_DEDENT = re.compile(r"(?:else|elif|except|finally|catch|case)\b")
_STATEMENT = re.compile(r"(?:return|break|continue|pass|raise|throw|def|class|try|import|from|const|let|fn|pub)\b")
_IMPORTS = re.compile(r"\s*(?:import|from|use|#include|require|using)\b")
_CHAINED = re.compile(r"\s*(?:\??\.\w|\+|&&|\|)")
_LEAVES = re.compile(r"\s*(?:return|break|continue|pass|raise|throw)\b")
_DEFINES = re.compile(
    r"(?:async\s+)?(?:def|class|function|fn|func|struct|enum|impl|trait|interface|CREATE|type|message)\b|@|#\[|pub\s|export\s"
)
_COMMENT = re.compile(r"\s*(?:#(?!\[)|//|--\s|\*|/\*)")
_BESIDE = re.compile(r"\S\s+(?:# |// |-- ).*\S$")
"""A comment behind code, in the same line."""
_KEY = re.compile(r"[\"']?[\w.<>/-]+[\"']?:(?:\s|$)|-\s|\.\.\.$")
_LONE_KEY = re.compile(r"\s*(?:- )?[\"']?([\w.<>/-]+)[\"']?:")
_DATA = ("yaml", "yml")
_TEXTS = ("markdown", "md")
_SHELLS = ("bash", "sh", "shell", "console", "zsh")
_PLAIN = ("", "text", "txt", "console", "output", "log", "plaintext", "mermaid")
_INDENTED = ("yaml", "yml", "python", "py", "python3", "nim", "coffee", "haml", "pug", "sass")
_COMMAND = re.compile(
    r"(?:docker|git|npm|npx|yarn|pip3?|python3?|cargo|go|make|cmake|kubectl|helm|curl|wget|mkdir|cp|mv|rm|cat|ls|tar|chmod"
    r"|chown|source|open|ssh|scp|apt|apt-get|brew|sudo|cd|echo|export|node|java|mvn|terraform|systemctl|grep|sed|awk|find"
    r"|touch)\s|\./|#|\$ "
)
_CLAUSE = re.compile(r"(?:FROM|WHERE|ORDER BY|GROUP BY|HAVING|LIMIT|LEFT JOIN|INNER JOIN|JOIN|UNION|RETURNING)\b")
_BRACKETED = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}")
_ALIGNED = re.compile(r"\S(?: {2,}|\t+)\S")


def lost_code_space(ending: Ending, answer: str) -> str:
    """The white space between the open code block and the answer; indentation that the answer kept stays."""
    first = answer.split("\n", 1)[0]
    line = ending.tail[ending.tail.rfind("\n") + 1 :]
    if answer[0].isspace() or FENCE_LINE.match(line):
        return "\n" if answer[0].isspace() else "\n" + _fence_indent(ending)
    if FENCE_LINE.match(first):
        return "\n" + _fence_indent(ending)
    if is_unspaced(ending.previous[-1], answer[0]):
        return ""
    if first.strip() == "{":
        return " "
    block = _Block(ending, answer, line)
    is_over = block.is_line_over(first)
    if is_over is None:
        raise UnsureSpace(" ")
    if not is_over:
        if block.is_aligned:
            raise UnsureSpace(" ")
        return " "
    return block.line_breaks(first) + block.indent(first)


def _fence_indent(ending: Ending) -> str:
    return next((_own_indent(line) for line in reversed(ending.tail.split("\n")) if FENCE_LINE.match(line)), "")


def _own_indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


class _Block:
    """The open block: its lines above the cut, the line of the cut, and those below it in the answer."""

    def __init__(self, ending: Ending, answer: str, line: str) -> None:
        opened = ending.tail.rfind("\n" + _fence_indent(ending) + ending.fence) + 1
        self.info = ending.info.split(",")[0].split()[0] if ending.info.split() else ""
        self.above = ending.tail[opened:].split("\n")[1:-1]
        self.line = line
        self.code = line.rstrip()
        self.below = list(takewhile(lambda part: not FENCE_LINE.match(part), answer.split("\n")[1:]))
        self.is_indented = self.info in _INDENTED

    @property
    def others(self) -> list[str]:
        return [part for part in (*self.above, *self.below) if part.strip()]

    @property
    def is_aligned(self) -> bool:
        """Whether columns stand under one another in this block, so that a blank may have been several."""
        near = [part.strip() for part in (*self.above[-6:], *self.below[:6]) if part.strip()]
        gaps = [len(part[: found.end()].split()) - 1 for part in near if (found := _ALIGNED.search(part))]
        return len(gaps) * 4 > len(near) and len(self.code.split()) in gaps

    def is_line_over(self, first: str) -> bool | None:
        """Whether the line of code ends there and `first` is the next one; None where that cannot be told."""
        code, is_plain = self.code, self.info in _PLAIN
        begins = not is_plain and (_KEY if self.info in _DATA else _BEGINS_LINE).match(first) is not None
        if self.info == "diff":
            return first[0] in "+-@"
        if _CHAINED.match(first) and self.below and _CHAINED.match(self.below[0]):
            return True
        if re.match(r"\??\.\w", first):
            return None
        if self.info in _TEXTS:
            return True if ITEM.match(first) or HEADING.match(first) else None
        if self.info == "sql" and _CLAUSE.match(first):
            return True
        if self.info in _SHELLS and _COMMAND.match(first) and not _UNFINISHED.search(code):
            return True
        if _BESIDE.search(code) or _COMMENT.match(code):
            if _COMMENT.match(first) and _COMMENT.match(code):
                return True
            is_sentence = not re.search(r"[.!?]$", code) and not re.search(r"\w\(|[=;{]", first)
            return False if is_sentence and first[0].islower() and not begins else None
        if code.count('"""') % 2 or code.count("'''") % 2:
            return False if '"""' in first or "'''" in first else None
        if code.replace('\\"', "").count('"') % 2 and self.info not in _PLAIN:
            return False
        key = _LONE_KEY.fullmatch(code)
        if key and self.info not in ("python", "py"):
            if key[1] in ("else", "try", "finally", "default"):
                return True
            if first.startswith("#"):
                return None
            return _KEY.match(first) is not None
        if self._continues(first, begins=begins):
            return False
        if _COMMENT.match(first) and any(map(_BESIDE.search, self.others)):
            return None  # beside this line, or below it
        share = self._share_of_breaks()
        if code.endswith((";", "{", "}")):
            return True if not is_plain else None
        if code.endswith(":"):
            return not code.lstrip().startswith(("-", '"'))
        if self.info in _DATA and not begins and not first.startswith("#"):
            return False
        if code.endswith(","):
            return True if not is_plain and (begins if share is None else share > 0.8) else None
        if first[0] in "}])":
            return True
        if begins or self._begins_like_others(first):
            return True if share is None or share > 0.1 else None
        if share is None:
            return False if first[0].islower() and not is_plain and self.info not in _SHELLS else None
        return False if share < 0.1 else True if share > 0.9 else None

    def _continues(self, first: str, *, begins: bool) -> bool:
        """Whether brackets, operators or words say that the statement goes on in the same line."""
        code = self.code
        if code.endswith(("(", "[", "{")):
            return False
        if _unclosed(code) > 0 and not (code.endswith(("(", "[", "{", ",")) and _unclosed(code) == _open_ends(code)):
            return not (first[0] in "}])" and not first.rstrip(",;")[1:]) or _unclosed_inline(code)
        if code.endswith(("{", "}", ";", ",", "(", "[")):
            return first.startswith("else") or (code.endswith("}") and first[0] in ",;).")
        if _UNFINISHED.search(code):
            return not (_STATEMENT.match(first) and _LEAVES.match(code))
        if _BRANCH.match(first):
            return code.endswith("else") or (
                not first.rstrip().endswith((":", "{", "then", "do")) and not code.endswith(")")
            )
        is_mark = _CONTINUES.match(first) is not None and not first.startswith(("//", "/*"))
        return is_mark and not begins

    def _share_of_breaks(self) -> float | None:
        """How often a line of this block ends after such a character, of all the white space there; None: unknown."""
        kind = r"\w" if _kind(self.code[-1]) == "word" else re.escape(self.code[-1])
        others = [_BRACKETED.sub("()", part.rstrip()) for part in self.others]
        breaks = sum(re.search(kind + "$", part) is not None for part in others)
        blanks = sum(len(re.findall(kind + r"[ \t]+\S", part)) for part in [*others, self.code])
        return breaks / (breaks + blanks) if breaks + blanks >= 4 else None

    def _begins_like_others(self, first: str) -> bool:
        own = first[:5]
        return len(own) == 5 and any(part.lstrip().startswith(own) for part in self.others)

    def line_breaks(self, first: str) -> str:
        """A blank line where the block has one at such places."""
        if _CLOSER.match(first) or _DEDENT.match(first) or _OPENER.search(self.line) or self.code.endswith(","):
            return "\n"
        if _IMPORTS.match(self.line) and not _IMPORTS.match(first):
            return "\n\n"
        pairs = [*_gaps([*self.above, self.line]), *_gaps(self.below)]
        if _DEFINES.match(first):
            gaps = [gap for gap, _, after in pairs if _DEFINES.match(after.lstrip())]
            if not gaps and _own_indent(self.line) and not self.code.lstrip().startswith("}"):
                gaps = [_LEAVES.match(self.line) is not None]
            gaps = gaps or [True, False]
        else:
            gaps = [gap for gap, before, after in pairs if _is_alike(before, self.line) and not _DEFINES.match(after)]
        blank = sum(gaps)
        if gaps and len(gaps) * 0.2 < blank < len(gaps) * 0.8:
            raise UnsureSpace("\n")
        return "\n\n" if gaps and blank * 2 > len(gaps) else "\n"

    def indent(self, first: str) -> str:
        """How deep `first` stands: brackets say it, else the line above and the one below together."""
        own, unit = _own_indent(self.line), self._unit()
        below = next((_own_indent(part) for part in self.below if part.strip()), None)
        if _CLOSER.match(first):
            return self._indent_of_closer(own, unit)
        deeper = own + unit
        if self.info == "diff" or self.info in _SHELLS:
            return own
        if _CHAINED.match(first) and below is not None:
            return below
        if _OPENER.search(self.code):
            if first.startswith("- ") and self.code.endswith(":"):
                return self._indent_of_first_item(own, unit)
            return below if below is not None and len(below) > len(own) and not _OPENER.search(first) else deeper
        if not self.is_indented:
            if _CHAINED.match(self.code) or self.info in _PLAIN:
                return own if below == own else _unsure(own)
            return own
        return self._indent_by_depth(first, own, unit, below)

    def _indent_of_first_item(self, own: str, unit: str) -> str:
        """Lists of YAML stand below their key as deep as it or deeper, in one document always the same way."""
        steps = {
            len(_own_indent(after)) - len(_own_indent(before))
            for _, before, after in [*_gaps(self.above), *_gaps(self.below)]
            if before.rstrip().endswith(":") and after.lstrip().startswith("- ")
        }
        return own + " " * steps.pop() if len(steps) == 1 and min(steps) >= 0 else _unsure(own + unit)

    def _indent_by_depth(self, first: str, own: str, unit: str, below: str | None) -> str:
        """Where depth is the only bracket: the depths that are open here and agree with the line below."""
        depths = [depth for depth in self._open_depths(own) if not _DEDENT.match(first) or depth != own]
        if _OPENER.search(first) and below is not None:
            is_list = next((part for part in self.below if part.strip()), "").lstrip().startswith("- ")
            fitting = [depth for depth in depths if depth + unit == below and not is_list]
        elif below is None:
            fitting = depths
        else:
            fitting = [depth for depth in depths if len(depth) >= len(below)]
        if len(fitting) == 1:
            return fitting[0]
        return _unsure(own if own in fitting or not fitting else fitting[0])

    def _open_depths(self, own: str) -> list[str]:
        """The indentations of the blocks around the line, the deepest first."""
        depths = [own]
        for part in reversed(self.above):
            depth = _own_indent(part)
            if part.strip() and len(depth) < len(depths[-1]):
                depths.append(depth)
        if self.code.lstrip().startswith("- "):
            depths.insert(0, own + "  ")
        return depths

    def _indent_of_closer(self, own: str, unit: str) -> str:
        if _CHAINED.match(self.code):
            return _unsure(own[: -2 * len(unit)])
        if _OPENER.search(self.code):
            return own
        return own.removesuffix(unit)

    def _unit(self) -> str:
        """By how much this block goes deeper."""
        sides = (
            [part for part in (*self.above, self.line) if part.strip()],
            [part for part in self.below if part.strip()],
        )
        depths = [[_own_indent(part) for part in side] for side in sides]
        steps = [
            after[len(before) :]
            for side in depths
            for before, after in pairwise(side)
            if len(after) > len(before) and after.startswith(before)
        ]
        usual = [step for step in steps if len(step) <= 8]
        if usual:
            return max(usual, key=usual.count)
        return "  " if self.info in ("yaml", "yml", "json", "javascript", "js", "ts", "typescript", "html") else "    "


def _unsure(indent: str) -> str:
    raise UnsureSpace("\n" + indent)


def _gaps(lines: list[str]) -> list[tuple[bool, str, str]]:
    """Of each two visible lines that follow one another: whether a blank line is between them, and the two."""
    found, before, is_gap = [], "", False
    for line in lines:
        if line.strip():
            if before:
                found.append((is_gap, before, line))
            before, is_gap = line, False
        else:
            is_gap = True
    return found


def _is_alike(one: str, other: str) -> bool:
    """Whether two lines stand equally deep and end alike."""
    return _own_indent(one) == _own_indent(other) and _kind(one.rstrip()[-1]) == _kind(other.rstrip()[-1])


def _kind(char: str) -> str:
    return "word" if char.isalnum() or char == "_" else char


def _unclosed(code: str) -> int:
    return sum(code.count(opener) - code.count(closer) for opener, closer in ("()", "[]", "{}"))


def _open_ends(code: str) -> int:
    """How many brackets are opened at the very end of the line."""
    bare = code.rstrip(",")
    return len(bare) - len(bare.rstrip("([{"))


def _unclosed_inline(code: str) -> bool:
    return _unclosed(code) > _open_ends(code)
