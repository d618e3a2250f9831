"""Code to highlighted HTML: text in, escaped text in spans with Pygments' classes out. No style, no other markup.

Pygments' lexers are regular expressions, and some take a time that grows with the square of what they read. So only
languages that were measured are read, and of a text only the beginning that looks like code.
"""

import re
from functools import lru_cache
from html import escape
from typing import ClassVar

from pygments.lexer import Lexer, default, include
from pygments.lexers import get_lexer_by_name
from pygments.lexers.c_cpp import CLexer, CppLexer
from pygments.token import STANDARD_TYPES, _TokenType
from pygments.util import ClassNotFound

from artifacts.preview import limits

_PROGRAMS = (
    "c",
    "cpp",
    "go",
    "java",
    "javascript",
    "kotlin",
    "lua",
    "php",
    "python",
    "ruby",
    "rust",
    "swift",
    "typescript",
)
_DATA = ("css", "diff", "html", "http", "ini", "json", "scss", "toml", "xml", "yaml")
_TOOLS = ("bash", "docker", "make", "nginx", "sql")
LANGUAGES = frozenset((*_PROGRAMS, *_DATA, *_TOOLS))
_NOT_CODE = re.compile(rf"^[^\n]{{{limits.CODE_LINE_CHARS}}}|(?:^[ \t]*\n){{{limits.CODE_BLANK_LINES}}}", re.MULTILINE)
_SAFE = re.compile(r"(?:[^<>]|<span class=\"[a-z0-9]{1,4}\">|</span>)*+")

# Without the expressions that tell functions from other names: those read ahead from every name.
_ROOT = [include("whitespace"), include("keywords"), include("types"), default("statement")]


class _C(CLexer):
    tokens: ClassVar = {"root": _ROOT}


class _Cpp(CppLexer):
    tokens: ClassVar = {"root": _ROOT}


@lru_cache(maxsize=128)
def _lexer(language: str) -> Lexer | None:
    try:
        lexer = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        return None
    for family, ours in ((CppLexer, _Cpp), (CLexer, _C)):
        if isinstance(lexer, family):
            return ours(stripnl=False)
    return lexer if LANGUAGES.intersection(lexer.aliases) else None


def highlighted(text: str, language: str) -> str:
    """The code as HTML; only its beginning is coloured when it is long, so that the rest may grow cheaply."""
    lexer = _lexer(language) if language else None
    end = _code_end(text) if lexer else 0
    if lexer is None or not end:
        return escape(text, quote=False)
    pieces = []
    for kind, value in lexer.get_tokens(text[:end]):
        name, shown = _class(kind), escape(value, quote=False)
        pieces.append(f'<span class="{name}">{shown}</span>' if name and value.strip() else shown)
    html = "".join(pieces)
    if not _SAFE.fullmatch(html):
        html = escape(text[:end], quote=False)
    return html + escape(text[end:], quote=False)


@lru_cache(maxsize=512)
def _class(kind: _TokenType) -> str:
    """The class of a token's kind, or of the nearest kind above it that has one."""
    while kind not in STANDARD_TYPES and kind.parent is not None:
        kind = kind.parent
    return STANDARD_TYPES.get(kind, "")


def _code_end(text: str) -> int:
    """How far the text is read as code; always the end of a line."""
    end = len(text)
    if end > limits.HIGHLIGHT_CHARS:
        end = text.rfind("\n", 0, limits.HIGHLIGHT_CHARS) + 1
    odd = _NOT_CODE.search(text, 0, end)
    return odd.start() if odd else end


def code_block(text: str, language: str) -> str:
    """A whole code block."""
    name = re.sub(r"[^a-z0-9+#.-]", "", language)
    attribute = f' class="language-{name}"' if name else ""
    return f'<pre class="highlight"><code{attribute}>{highlighted(text, language)}</code></pre>'
