"""Code to highlighted HTML: text in, escaped text in spans with Pygments' classes out. No style, no other markup.

Pygments' lexers are regular expressions, and many take a time that grows with the square of what they may look at. So
none looks further than a window here, of a long text the beginning is read, and what is no code is soon left alone.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from html import escape
from typing import Any, cast

from pygments.lexer import Lexer, RegexLexer
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES, Error, _TokenType
from pygments.util import ClassNotFound

from artifacts.preview import limits

# Measured with texts made to be dear for each of them; what is not here is shown plain.
LANGUAGES = frozenset(
    (
        *("c", "cpp", "dart", "elixir", "go", "java", "javascript", "jsx", "kotlin", "lua", "objective-c", "perl"),
        *("php", "powershell", "python", "r", "ruby", "rust", "scala", "swift", "tsx", "typescript"),
        *("css", "diff", "gherkin", "graphql", "hcl", "html", "http", "ini", "json", "less", "markdown", "protobuf"),
        *("scss", "toml", "xml", "yaml", "basemake", "bash", "console", "docker", "nginx", "postgresql", "sql"),
    )
)
# These have a lexer that cannot be bounded; another one reads them well enough.
_STAND_INS = {"make": "basemake", "makefile": "basemake", "csharp": "java", "cs": "java", "c#": "java"}

_NOT_CODE = re.compile(rf"^[^\n]{{{limits.CODE_LINE_CHARS}}}|(?:^[ \t]*\n){{{limits.CODE_BLANK_LINES}}}", re.MULTILINE)
_PLAIN = frozenset(("", "n", "p", "w", "x", "g", "esc"))  # no colour in any of our styles
_SAFE = re.compile(r"(?:[^<>]|<span class=\"[a-z0-9]{1,4}\">|</span>)*+")

_Match = Callable[..., re.Match[str] | None]


def code_block(text: str, language: str) -> str:
    """A whole code block."""
    name = re.sub(r"[^a-z0-9+#.-]", "", language)
    attribute = f' class="language-{name}"' if name else ""
    return f'<pre class="highlight"><code{attribute}>{highlighted(text, language)}</code></pre>'


def highlighted(text: str, language: str) -> str:
    """The code as HTML; only its beginning is coloured when it is long, so that the rest may grow cheaply."""
    lexer = _lexer(language) if language else None
    end = _code_end(text) if lexer else 0
    html, read = _coloured(lexer, text[:end]) if lexer and end else ("", 0)
    return html + escape(text[read:], quote=False)


def _coloured(lexer: Lexer, text: str) -> tuple[str, int]:
    """The beginning of the text in colour, and where it ends; nothing, if the text is not of that language."""
    pieces: list[str] = []
    errors = read = 0
    for _, kind, value in lexer.get_tokens_unprocessed(text):
        errors += kind is Error
        if errors > limits.CODE_ERRORS:
            return "", 0
        name, shown = _class(kind), escape(value, quote=False)
        pieces.append(shown if name in _PLAIN else f'<span class="{name}">{shown}</span>')
        read += len(value)
        if len(pieces) == limits.HIGHLIGHT_TOKENS:
            break
    html = "".join(pieces)
    return (html, read) if _SAFE.fullmatch(html) else ("", 0)


def _code_end(text: str) -> int:
    """How far the text is read as code; always the end of a line."""
    end = len(text)
    if end > limits.HIGHLIGHT_CHARS:
        end = text.rfind("\n", 0, limits.HIGHLIGHT_CHARS) + 1
    odd = _NOT_CODE.search(text, 0, end)
    return odd.start() if odd else end


@lru_cache(maxsize=128)
def _lexer(language: str) -> Lexer | None:
    try:
        lexer = get_lexer_by_name(_STAND_INS.get(language, language), stripnl=False)
    except ClassNotFound:
        return None
    if LANGUAGES.isdisjoint(lexer.aliases):
        return None
    return _bounded(type(lexer)) if isinstance(lexer, RegexLexer) else lexer


def _bounded(kind: type[RegexLexer]) -> Lexer:
    """A lexer of this kind whose expressions see no further than a window."""
    ours = cast("Any", type(kind.__name__, (kind,), {}))
    ours()  # the first instance compiles the expressions of its class
    ours._tokens = {
        state: [(_windowed(match), *rest) for match, *rest in rules] for state, rules in ours._tokens.items()
    }
    return cast("Lexer", ours(stripnl=False))


def _windowed(match: _Match) -> _Match:
    def windowed(text: str, position: int, end: int | None = None) -> re.Match[str] | None:
        limit = position + limits.CODE_WINDOW_CHARS
        return match(text, position, limit if end is None else min(end, limit))

    return windowed


@lru_cache(maxsize=512)
def _class(kind: _TokenType) -> str:
    """The class of a token's kind, or of the nearest kind above it that has one."""
    while kind not in STANDARD_TYPES and kind.parent is not None:
        kind = kind.parent
    return STANDARD_TYPES.get(kind, "")
