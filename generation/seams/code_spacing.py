"""Decides which white space got lost inside a code block: a blank, or a line break and the next line's depth; pure."""

from __future__ import annotations

import re
from itertools import pairwise

from generation.seams.endings import FENCE_LINE, Ending

_UNFINISHED = re.compile(
    r"""(?: [=+\-*/%&|<>?~^(\[] | => | -> | \\
    | \b(?:return|if|in|and|or|not|import|from|def|class|new|const|let|var|for|while|elif|function|public|private
    |protected|static|void|type|struct|enum|fn|pub|mut|async|await|with|as|is|lambda|yield|raise|throws?|use|impl|trait|extends
    |implements|interface|package|namespace|func|select|insert|into|update|set|where|order|group|by|create|table|values
    |join|on|primary|foreign|references|sudo|cd|echo|export|apt-get|pip|npm|git|the|an?|of|to) )$""",
    re.IGNORECASE | re.VERBOSE,
)
"""The end of a line of code that goes on."""
_BEGINS_LINE = re.compile(
    r"""(?: (?:def|class|return|while|import|from|const|let|var|function|try|except|else|elif|finally|print|public
    |private|protected|static|switch|case|break|continue|pass|raise|throw|with|export|fn|pub|impl|use|struct|enum|trait
    |type|package|func|SELECT|INSERT|CREATE|UPDATE|DELETE|DROP|ALTER|echo|sudo|cd|fi|done|esac|end|then|do|if|for
    |async|assert|del|global|yield|match|mod|extern|unsafe|void|int)\b
    | [@}\])\#$] | // | /\* | -- | <[/!\w] | [\w.\[\]"']+\s*(?:[-+*/|:]?=)(?!=) | [\w.]+\(.* | "[^"]*"\s*:
    | [\w.-]+:(?=\s|$) | -\s )""",
    re.VERBOSE,
)
_CONTINUES = re.compile(r"[=+*/%&|?,;.:)]|<=|>=|!=|->|=>|(?:and|or|in|is|not|as|else|if|for|from|into|values)\b")
_BRANCH = re.compile(r"(?:if|for|from|else)\b")
_OPENER = re.compile(r"[:{(\[]\s*(?:#.*|//.*)?$")
_DEDENT = re.compile(r"[}\])]|(?:else|elif|except|finally|end|fi|done|esac|case)\b|</")
_LEAVES = re.compile(r"\s*(?:return|break|continue|pass|raise|throw)\b")
_DEFINES = re.compile(
    r"(?:async\s+)?(?:def|class|function|fn|func|struct|enum|impl|trait|interface|CREATE|type)\b|@|pub\s"
)
_COMMENT = re.compile(r"\s*(?:#|//|--|\*|/\*)")
_KEY = re.compile(r"[\"']?[\w.-]+[\"']?:(?:\s|$)|-\s")
_LONE_KEY = re.compile(r"\s*[\"']?([\w.-]+)[\"']?:")
_SHELLS = ("bash", "sh", "shell", "console", "zsh")
_COMMAND = re.compile(
    r"(?:docker|git|npm|npx|yarn|pip3?|python3?|cargo|go|make|cmake|kubectl|helm|curl|wget|mkdir|cp|mv|rm|cat|ls|tar|chmod"
    r"|chown|source|open|ssh|scp|apt|apt-get|brew|sudo|cd|echo|export|node|java|mvn|terraform|systemctl|grep|sed|awk|find"
    r"|touch)\s|\./|#|\$ "
)
_CLAUSE = re.compile(r"(?:FROM|WHERE|ORDER BY|GROUP BY|HAVING|LIMIT|LEFT JOIN|INNER JOIN|JOIN|UNION|RETURNING)\b")


def lost_code_space(ending: Ending, answer: str) -> str:
    """The white space between the open code block and the answer; indentation that the answer kept stays."""
    first = answer.split("\n", 1)[0]
    line = ending.tail[ending.tail.rfind("\n") + 1 :]
    if answer[0].isspace():
        return "\n"
    if FENCE_LINE.match(first) or FENCE_LINE.match(line):
        return "\n" + _fence_indent(ending)
    if first.strip() == "{":
        return " "
    if ending.info == "diff":
        return "\n" if first[0] in "+-@" else " "
    if ending.info == "sql" and _CLAUSE.match(first):
        return "\n" + _own_indent(line)
    if ending.info in _SHELLS and _COMMAND.match(first) and not _UNFINISHED.search(line):
        return "\n"
    return _line_breaks(ending, first) + _indent(ending, line, answer) if _is_line_over(line.rstrip(), first) else " "


def _fence_indent(ending: Ending) -> str:
    return next((_own_indent(line) for line in reversed(ending.tail.split("\n")) if FENCE_LINE.match(line)), "")


def _own_indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _is_line_over(code: str, first: str) -> bool:
    """Whether the line of code ends there and `first` is the next one."""
    begins = _BEGINS_LINE.match(first) is not None
    is_balanced = _unclosed(code) <= 0
    if _COMMENT.match(code):
        return begins and not first[0].islower() and not first[0].isdigit()
    key = _LONE_KEY.fullmatch(code)
    if key:
        return _KEY.match(first) is not None or key[1] in ("else", "try", "finally")
    if code.endswith(":"):
        return is_balanced and not code.lstrip().startswith(("-", '"'))
    if code.endswith((";", "{", "}")):
        return True
    if re.match(r"\.\w+\(", first):
        return is_balanced
    if code.endswith(","):
        return is_balanced or _unclosed(code) > 1
    if _UNFINISHED.search(code):
        return begins and code.endswith(("(", "["))
    if not is_balanced:
        return first[0] in "}])" and not first.rstrip(",;")[1:]
    if _BRANCH.match(first):
        return first.rstrip().endswith((":", "{", "then", "do")) or code[-1] in ";)}"
    if _CONTINUES.match(first) and not first.startswith(("//", "/*")):
        return first[0] == ")"
    return begins or (code.endswith(")") and not first[0].islower())


def _unclosed(code: str) -> int:
    return sum(code.count(opener) - code.count(closer) for opener, closer in ("()", "[]"))


def _line_breaks(ending: Ending, first: str) -> str:
    """A blank line before a definition, where the block has one before the others."""
    if not _DEFINES.match(first):
        return "\n"
    gaps = [not before.strip() for before, line in pairwise(ending.tail.split("\n")) if _DEFINES.match(line)]
    return "\n\n" if (gaps and gaps[-1]) or _LEAVES.match(ending.line) else "\n"


def _indent(ending: Ending, line: str, answer: str) -> str:
    """How deep the answer's first line stands: its next line knows best, else what both it and the line before say."""
    first = answer.split("\n", 1)[0]
    own = _own_indent(line)
    unit = "\t" if "\t" in own else " " * _unit(ending, answer)
    closes = _DEDENT.match(first) is not None
    below = next((part for part in answer.split("\n")[1:] if part.strip()), "")
    if not below or FENCE_LINE.match(below):
        return _indent_alone(line, first, own, unit)
    following = _own_indent(below)
    if first.startswith("- ") and not below.startswith("- "):
        return following if below.lstrip().startswith("- ") else following[:-2]
    if _OPENER.search(line) or closes:
        deeper = not closes and not _OPENER.search(first) and len(following) > len(own)
        return following if deeper else _indent_alone(line, first, own, unit)
    if _OPENER.search(first):
        return following[: -len(unit)] if len(following) >= len(unit) else ""
    if not _DEDENT.match(below.lstrip()) and not _DEFINES.match(below.lstrip()):
        return following if len(following) <= len(own) else own
    return _indent_alone(line, first, own, unit)


def _indent_alone(line: str, first: str, own: str, unit: str) -> str:
    """The depth of `first` after `line`, where nothing follows that would show it."""
    closes = _DEDENT.match(first) is not None
    if _OPENER.search(line):
        return own if closes else own + unit
    if closes:
        return own[: -len(unit)] if own else ""
    return "" if _LEAVES.match(line) and _DEFINES.match(first) else own


def _unit(ending: Ending, answer: str) -> int:
    """By how many blanks this block goes deeper."""
    block = ending.tail[ending.tail.rfind(ending.fence) :] + "\n" + answer.partition(ending.fence)[0]
    depths = {len(line) - len(line.lstrip(" ")) for line in block.split("\n")[1:] if line.strip()}
    return min((depth for depth in depths if depth > 1), default=4)
