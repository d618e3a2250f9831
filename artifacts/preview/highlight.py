"""Code to highlighted HTML: text in, escaped text in spans with Pygments' classes out. No style, no other markup.

Pygments' lexers are regular expressions, and some take a time that grows with the square of what they read. So only
languages that were measured are read, and of a text only the beginning that looks like code.
"""

import re
from functools import lru_cache
from html import escape

from pygments.lexer import Lexer, default, include
from pygments.lexers import get_lexer_by_name
from pygments.lexers.c_cpp import CLexer, CppLexer
from pygments.token import STANDARD_TYPES
from pygments.util import ClassNotFound

from artifacts.preview import limits

LANGUAGES = frozenset(
    "bash c cpp css diff docker go html http ini java javascript json kotlin lua make nginx php python ruby rust scss "
    "sql swift toml typescript xml yaml".split()
)
_NOT_CODE = re.compile(rf"^[^\n]{{{limits.CODE_LINE_CHARS}}}|(?:^[ \t]*\n){{{limits.CODE_BLANK_LINES}}}", re.MULTILINE)
_SAFE = re.compile(r"(?:[^<>]|<span class=\"[a-z0-9]{1,4}\">|</span>)*+")

# Without the expressions that tell functions from other names: those read ahead from every name.
_ROOT = [include("whitespace"), include("keywords"), include("types"), default("statement")]


class _C(CLexer):
    tokens = {"root": _ROOT}


class _Cpp(CppLexer):
    tokens = {"root": [include("whitespace"), include("keywords"), include("types"), default("statement")]}


@lru_cache(maxsize=128)
def _lexer(language: str) -> Lexer | None:
    try:
        lexer = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        return None
    if isinstance(lexer, CppLexer):
        return _Cpp(stripnl=False)
    if isinstance(lexer, CLexer):
        return _C(stripnl=False)
    return lexer if LANGUAGES.intersection(lexer.aliases) else None


def highlighted(text: str, language: str) -> str:
    """The code as HTML; only its beginning is coloured when it is long, so that the rest may grow cheaply."""
    lexer = _lexer(language) if language else None
    end = _code_end(text) if lexer else 0
    if lexer is None or not end:
        return escape(text, quote=False)
    pieces = []
    for kind, value in lexer.get_tokens(text[:end]):
        while kind not in STANDARD_TYPES:
            kind = kind.parent
        name, shown = STANDARD_TYPES[kind], escape(value, quote=False)
        pieces.append(f'<span class="{name}">{shown}</span>' if name and value.strip() else shown)
    html = "".join(pieces)
    if not _SAFE.fullmatch(html):
        html = escape(text[:end], quote=False)
    return html + escape(text[end:], quote=False)


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
