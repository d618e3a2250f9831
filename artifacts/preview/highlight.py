"""Code to highlighted HTML: text in, escaped text in spans with Pygments' classes out. No style, no other markup."""

import re
from functools import lru_cache
from html import escape

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES
from pygments.util import ClassNotFound

from artifacts.preview import limits

_LANGUAGES = frozenset(
    "bash c cpp css diff docker go html http ini java javascript json kotlin lua make nginx php python ruby rust scss "
    "sql swift toml typescript xml yaml".split()
)
_SAFE = re.compile(r"(?:[^<>]|<span class=\"[a-z0-9]{1,4}\">|</span>)*+")


@lru_cache(maxsize=128)
def _lexer(language: str) -> Lexer | None:
    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
    return lexer if _LANGUAGES.intersection(lexer.aliases) else None


def highlighted(text: str, language: str) -> str:
    """The code as HTML; only its beginning is coloured when it is long, so that the rest may grow cheaply."""
    lexer = _lexer(language) if language else None
    if lexer is None:
        return escape(text, quote=False)
    end = len(text)
    if end > limits.HIGHLIGHT_CHARS:
        end = text.rfind("\n", 0, limits.HIGHLIGHT_CHARS) + 1
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


def code_block(text: str, language: str) -> str:
    """A whole code block."""
    name = re.sub(r"[^a-z0-9+#.-]", "", language)
    attribute = f' class="language-{name}"' if name else ""
    return f'<pre class="highlight"><code{attribute}>{highlighted(text, language)}</code></pre>'
