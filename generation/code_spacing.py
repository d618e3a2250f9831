"""Decides which white space got lost inside a code block: a blank, or a line break and how deep the next line stands; pure."""

from __future__ import annotations

import re

from generation.endings import FENCE_LINE, Ending

_GOES_ON_AFTER = re.compile(
    r"(?:[=+\-*/%&|<>?~^(\[]|=>|->|\\|\b(?:return|if|in|and|or|not|import|from|def|class|new|const|let|var|for|while|elif"
    r"|function|public|private|protected|static|void|type|struct|enum|fn|pub|mut|async|await|with|as|is|lambda|yield|raise"
    r"|throw|throws|use|impl|trait|extends|implements|interface|package|namespace|func|select|insert|into|update|set|where"
    r"|order|group|by|create|table|values|join|on|primary|foreign|references|sudo|cd|echo|export|apt-get|pip|npm|git|the"
    r"|a|an|of|to))$",
    re.IGNORECASE,
)
_BEGINS_LINE = re.compile(
    r"(?:def|class|return|while|import|from|const|let|var|function|try|except|else|elif|finally|print|public|private"
    r"|protected|static|switch|case|break|continue|pass|raise|throw|with|export|fn|pub|impl|use|struct|enum|trait|type"
    r"|package|func|SELECT|INSERT|CREATE|UPDATE|DELETE|DROP|ALTER|echo|sudo|cd|fi|done|esac|end|then|do|if|for|async"
    r"|assert|del|global|yield|match|mod|extern|unsafe|static|void|int|let)\b"
    r"|[@}\])#$]|//|/\*|--|<[/!\w]|[\w.\[\]\"']+\s*(?:[-+*/|]?=|:=|\+=)(?!=)|[\w.]+\(.*|\"[^\"]*\"\s*:|[\w.-]+:(?=\s|$)|-\s"
)
_GOES_ON_WITH = re.compile(r"[=+*/%&|?,;.:)]|<=|>=|!=|->|=>|(?:and|or|in|is|not|as|else|if|for|from|into|values)\b")
_OPENER = re.compile(r"[:{(\[]\s*(?:#.*|//.*)?$")
_DEDENT = re.compile(r"[}\])]|(?:else|elif|except|finally|end|fi|done|esac|case)\b|</")
_LEAVES = re.compile(r"\s*(?:return|break|continue|pass|raise|throw)\b")
_DEFINES = re.compile(r"(?:async\s+)?(?:def|class|function|fn|func|struct|enum|impl|trait|interface|CREATE|type)\b|@|pub\s")
_SHELLS = ("bash", "sh", "shell", "console", "zsh")
_COMMAND = re.compile(
    r"(?:docker|git|npm|npx|yarn|pip|pip3|python|python3|cargo|go|make|cmake|kubectl|helm|curl|wget|mkdir|cp|mv|rm|cat|ls|tar|chmod"
    r"|chown|source|open|ssh|scp|apt|apt-get|brew|sudo|cd|echo|export|node|java|mvn|terraform|systemctl|grep|sed|awk|find|touch)\s|\./|#|\$ "
)
_CLAUSE = re.compile(r"(?:FROM|WHERE|ORDER BY|GROUP BY|HAVING|LIMIT|LEFT JOIN|INNER JOIN|JOIN|UNION|RETURNING)\b")
_COMMENT = re.compile(r"\s*(?:#|//|--|\*|/\*)")


def lost_code_space(ending: Ending, answer: str) -> str:
    """The white space between the open code block and the answer."""
    first = answer.split("\n", 1)[0]
    line = ending.tail[ending.tail.rfind("\n") + 1 :]
    if answer[0].isspace():
        return "\n"  # it kept its indentation, so it begins a line
    if FENCE_LINE.match(first) or FENCE_LINE.match(line):
        return "\n" + _fence_indent(ending)
    if first.strip() == "{" or (_info(ending) == "sql" and _CLAUSE.match(first)):
        return " " if first[0] == "{" else "\n" + line[: len(line) - len(line.lstrip())]
    if _info(ending) == "diff":
        return "\n" if first[0] in "+-@" else " "
    if _info(ending) in _SHELLS and _COMMAND.match(first) and not _GOES_ON_AFTER.search(line):
        return "\n"
    if not _is_line_over(line, first, ending):
        return " "
    return _line_breaks(ending, first) + _indent(ending, line, answer)


def _info(ending: Ending) -> str:
    """The word after the open fence."""
    found = [match for line in ending.tail.split("\n") if (match := FENCE_LINE.match(line))]
    return found[-1][2].strip().lower() if found else ""


def _fence_indent(ending: Ending) -> str:
    for line in reversed(ending.tail.split("\n")):
        if FENCE_LINE.match(line):
            return line[: len(line) - len(line.lstrip())]
    return ""


def _is_line_over(line: str, first: str, ending: Ending) -> bool:
    code = line.rstrip()
    if _COMMENT.match(code):
        return not first[0].islower() and not first[0].isdigit() and _BEGINS_LINE.match(first) is not None
    if re.fullmatch(r"\s*[\"']?[\w.-]+[\"']?:", code):
        is_key = re.match(r"[\"']?[\w.-]+[\"']?:(?:\s|$)|-\s", first) is not None
        return is_key or code.lstrip().split(":")[0] in ("else", "try", "finally")
    is_balanced = _unclosed(code) <= 0
    if code.endswith(":") and not is_balanced:
        return False
    if re.match(r"\.\w+\(", first):
        return is_balanced
    if code.endswith((";", "{", "}")) or (code.endswith(":") and not code.lstrip().startswith(("-", '"'))):
        return True
    if code.endswith(","):
        return is_balanced or _unclosed(code) > 1
    if _GOES_ON_AFTER.search(code):
        return code.endswith(("(", "[")) and _BEGINS_LINE.match(first) is not None
    if not is_balanced:
        return first[0] in "}])" and first.rstrip(",;")[1:] == ""
    if _GOES_ON_WITH.match(first) and not re.match(r"(?:else|if|for|from)\b|//|/\*", first):
        return first[0] == ")" or first.startswith("//")
    if re.match(r"(?:if|for|from|else)\b", first):
        return first.rstrip().endswith((":", "{", "then", "do")) or bool(re.search(r"[;)}]$", code))
    if _BEGINS_LINE.match(first):
        return True
    return code.endswith(")") and not first[0].islower()


def _unclosed(code: str) -> int:
    return sum(code.count(opener) - code.count(closer) for opener, closer in ("()", "[]"))


def _line_breaks(ending: Ending, first: str) -> str:
    """A blank line before a definition, where the block has one before the others."""
    if not _DEFINES.match(first):
        return "\n"
    lines = ending.tail.split("\n")
    gaps = [not before.strip() for before, line in zip(lines, lines[1:], strict=False) if _DEFINES.match(line)]
    return "\n\n" if (gaps and gaps[-1]) or _LEAVES.match(ending.line) else "\n"


def _indent(ending: Ending, line: str, answer: str) -> str:
    """How deep the answer's first line stands: its next line knows best, else the line before and what both say."""
    first = answer.split("\n", 1)[0]
    own = line[: len(line) - len(line.lstrip())]
    unit = "\t" if "\t" in own else " " * _unit(ending, answer)
    opens = _OPENER.search(first) is not None
    closes = _DEDENT.match(first) is not None
    following = _depth_of_next(answer)
    has_following = len([part for part in answer.split("\n") if part.strip()]) > 1
    if first.startswith("- ") and has_following and not following.startswith("- "):
        below = next(part for part in answer.split("\n")[1:] if part.strip()).lstrip()
        return following if below.startswith("- ") else following[:-2]
    if _OPENER.search(line.rstrip()):
        if not closes and not opens and has_following and len(following) > len(own):
            return following
        return own if closes else own + unit
    if closes:
        return own[: -len(unit)] if own else ""
    if has_following:
        below = answer.split("\n")[1:]
        next_line = next(part for part in below if part.strip())
        if FENCE_LINE.match(next_line):
            return own
        if opens:
            return following[: -len(unit)] if len(following) >= len(unit) else ""
        if not _DEDENT.match(next_line.lstrip()) and not _DEFINES.match(next_line.lstrip()):
            return following if len(following) <= len(own) else own
    if _LEAVES.match(line) and _DEFINES.match(first):
        return ""
    return own


def _unit(ending: Ending, answer: str) -> int:
    """By how many blanks this block goes deeper."""
    block = ending.tail[ending.tail.rfind(ending.fence) :] + "\n" + answer.split(ending.fence)[0]
    depths = {len(line) - len(line.lstrip(" ")) for line in block.split("\n")[1:] if line.strip()}
    return min((depth for depth in depths if depth > 1), default=4)


def _depth_of_next(answer: str) -> str:
    for line in answer.split("\n")[1:]:
        if line.strip():
            return line[: len(line) - len(line.lstrip())]
    return ""
