"""Code in colour: classes only, and the letters stay what they were."""

import html
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.preview import limits, render
from artifacts.preview.highlight import LANGUAGES, highlighted
from artifacts.preview.stylesheet import style_sheet

STYLE_SHEET = Path(__file__).resolve().parents[3] / "artifacts/static/artifacts/css/pygments.css"
PYTHON = 'def f(a):\n    """Doc."""\n    return "<b>" if a & 1 else None  # a comment\n'


def letters(coloured: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", coloured))


def test_code_has_classes_and_no_style() -> None:
    page = render(f"```python\n{PYTHON}```\n")
    assert page.startswith(
        '<pre class="highlight"><code class="language-python"><span class="k">def</span> <span class="nf">f'
    )
    assert "style" not in page
    assert letters(page) == PYTHON


@given(
    st.text(alphabet="abc(){}[]<>&\"'#/*=:;.,- \n\t\\$@!%|`~^+01\r\x00é", max_size=80),
    st.sampled_from(sorted(LANGUAGES)),
)
@settings(max_examples=200)
def test_colouring_never_changes_a_letter(code: str, language: str) -> None:
    code = code.replace("\r", "") + "\n"
    assert letters(highlighted(code, language)) == code


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_of_the_list_is_known(language: str) -> None:
    own = {
        "basemake": "a: b\n\tc\n",
        "console": "$ ls -l\n",
        "diff": "-a\n+b\n",
        "gherkin": "Feature: a\n",
        "graphql": "type A { b: C! }\n",
        "hcl": 'resource "a" "b" {\n  c = 1\n}\n',
        "http": "GET / HTTP/1.1\nHost: a\n\n",
        "json": '{"a": [1, true]}\n',
        "markdown": "# a\n\n*b*\n",
        "php": "<?php echo 1;\n",
    }
    usual = 'a = "b" # c\nif (a) { return 1; } // d\n<b c="d">e</b>\nkey: [1, "x"]\nselect * from t\n'
    assert "<span" in highlighted(own.get(language, usual), language)


@pytest.mark.parametrize("info", ["py title", "Python", "python,ignore", "python {.x}", "c#", "makefile", "csharp"])
def test_first_word_behind_the_fence_is_the_language(info: str) -> None:
    assert "<span" in render(f'```{info}\nif a: return "b" # c\nint x = 1;\n\tls\n```\n')


def test_unknown_language_is_plain() -> None:
    assert (
        render("```nosuch\na < b\n```")
        == '<pre class="highlight"><code class="language-nosuch">a &lt; b\n</code></pre>'
    )
    assert render("```\na\n```") == '<pre class="highlight"><code>a\n</code></pre>'


def test_only_the_beginning_of_long_code_is_coloured() -> None:
    line = "x = 1\n"
    coloured = highlighted(line * 3000, "python")
    plain = coloured.rsplit("</span>", 1)[1]
    assert letters(coloured) == line * 3000
    assert limits.HIGHLIGHT_TOKENS - 6 < 18_000 - len(plain) <= limits.HIGHLIGHT_TOKENS  # each is one character
    line = "some_name = another_name\n"
    coloured = highlighted(line * 1000, "python")
    plain = coloured.rsplit("</span>", 1)[1]
    assert limits.HIGHLIGHT_CHARS - len(line) < 1000 * len(line) - len(plain) <= limits.HIGHLIGHT_CHARS


def test_code_ends_where_no_code_begins() -> None:
    assert highlighted("a = 1\n" + "b" * limits.CODE_LINE_CHARS + "\nc = 1\n", "python").count("<span") == 2
    assert highlighted('"\\' * 100 + "\n", "css").count("<span") == 0


def test_style_sheet_is_the_one_that_the_code_writes() -> None:
    assert STYLE_SHEET.read_text("utf-8") == style_sheet()
    assert "prefers-color-scheme: dark" in style_sheet()
