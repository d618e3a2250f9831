"""Formulas are kept as they are written and never read as Markdown; money and escaped brackets are no formulas."""

import html
import re
from itertools import repeat

import pytest

from artifacts.preview import LivePreview, closing, render
from tests.artifacts.preview.oracles.flicker import watch
from tests.artifacts.preview.oracles.safety import faults

FORMULAS = [
    r"$\{x_i\}_{i=1}^n$",
    "$a*b*c$",
    "$x$",
    "$[a](b)$",
    r"$\text{costs \$5}$",
    "$a_1 < b_2 & c$",
    "$$x_1 * y_1 * z$$",
    r"$$ \begin{aligned} a &= b \\ c &= d \end{aligned} $$",
    r"\(x_1 * y_1 * z\)",
    r"\(a\)",
    r"\[ x_1 = y_1 \]",
    r"\[\int_0^1 f(x)\,dx\]",
    r"$\alpha$",
    "$`x_1*a*`$",
    "$2 \\times 3$",
    r"\begin{cases} a_1 & *b* \\ c & \text{if $x$} \end{cases}",
    r"\begin{align*}a_1 &= b * c * d\end{align*}",
    r"\begin{pmatrix} \begin{pmatrix} a_1 \end{pmatrix} & b_1 \end{pmatrix}",
    r"\begin{array}{cc} [a](b) & `c` \end{array}",
]


@pytest.mark.parametrize("formula", FORMULAS)
def test_formula_is_kept_as_it_is_written(formula: str) -> None:
    shown = f'<span class="math">{html.escape(formula, quote=False)}</span>'
    assert render(f"Let *a* {formula} be, {formula}. **b**") == (
        f"<p>Let <em>a</em> {shown} be, {shown}. <strong>b</strong></p>"
    )
    assert f"设{shown}为" in render(f"设{formula}为")
    assert shown in render(f"| a |\n|---|\n| {formula} |") and shown in render(f"# The {formula} case")  # noqa: PT018
    assert shown in render(f"- {formula}") and shown in render(f"> so {formula}")  # noqa: PT018


BLOCKS = [
    "$$\nx\n---\ny\n$$",
    "$$\nx\n===\ny\n$$",
    "$$\n- a\n- b\n$$",
    "$$\n# a\n\n* b *\n$$",
    "$$\n> a\n1. b\n| c |\n|---|\n$$",
    "$$\n```\n<div>\n$$",
    "$$\n\\begin{aligned}\na &= b \\\\\n+ c &= d\n\\end{aligned}\n$$",
    "\\[\nx\n---\ny\n\\]",
    "\\[\n- a_1\n\\\\[2pt]\n- b_1\n\\]",
    "$$ x_1\n---\n- y_1 $$",
    "\\[ x_1\n===\n= y_1 \\]",
    "\\begin{align}\na_1 &= *b* \\\\\n- c &= d_1\n\\end{align}",
    "\\begin{equation*}\nx\n---\ny\n\n\\end{equation*}",
    "\\begin{gather} x_1 \\\\\n+ y_1\n\n\\alpha_1 \\\\\n\n& <div>\n\\end{gather}",
    "\\begin{vmatrix}\n| a |\n\\begin{vmatrix}\n> b\n\\end{vmatrix}\n1. c\n\\end{vmatrix}",
    "\\begin{alignat}{2}\n  x &= 1\n\\end{alignat}",
    "$$\n\\begin{align}\n# a\n\\end{align}\n$$",
]


@pytest.mark.parametrize("formula", BLOCKS)
@pytest.mark.parametrize("before", ["", "Text before it:\n", "## A\n\n"])
def test_formula_over_lines_is_one_block_and_nothing_in_it_is_markdown(formula: str, before: str) -> None:
    shown = render(f"{before}{formula}\n\nafter *it*")
    text = html.escape(formula, quote=False)
    assert f'class="math">{text}<' in shown
    assert shown.endswith("<p>after <em>it</em></p>")
    assert len(re.findall("<(?:h[1-6]|li|ul|table|hr|pre)", shown)) == before.count("##")
    assert not faults(shown)


def test_formula_over_lines_may_stand_in_a_list_and_a_quote() -> None:
    listed = render("1. one\n   $$\n   x\n   ---\n   $$\n2. two")
    assert '<p class="math">$$\nx\n---\n$$</p>' in listed
    assert listed.count("<li>") == 2
    assert '<p class="math">$$\n# a\n$$</p>' in render("> $$\n> # a\n> $$\n\nb")
    assert render("> $$\n> a\n\nb").endswith("</blockquote>\n<p>b</p>")


def test_text_behind_the_end_of_a_formula_is_text() -> None:
    assert render("$$\nx\n$$ (1), *b*") == '<p class="math">$$\nx\n$$</p>\n<p>(1), <em>b</em></p>'
    assert render("We get: $$\nx\n---\ny\n$$ so") == '<p>We get: <span class="math">$$\nx\n---\ny\n$$</span> so</p>'


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        (
            "\\begin{align}\na &= *b*\n\nText *a*.",
            '<p class="math">\\begin{align}\na &amp;= *b*</p>\n<p>Text <em>a</em>.</p>',
        ),
        ("\\begin{align}\n*b*\n# A", '<p class="math">\\begin{align}\n*b*</p>\n<h1 id="doc-a">A</h1>'),
        (
            "\\begin{align}\n*b*\n```\nc\n```",
            '<p class="math">\\begin{align}\n*b*</p>\n<pre class="highlight"><code>c\n</code></pre>',
        ),
        ("so \\begin{align}\n- *b*\n\n*c*", "<p>so \\begin{align}\n- <em>b</em></p>\n<p><em>c</em></p>"),
        (
            "> \\begin{align}\n> *b*\n\n*c*",
            '<blockquote><p class="math">\\begin{align}\n*b*</p>\n</blockquote>\n<p><em>c</em></p>',
        ),
    ],
)
def test_environment_without_an_end_heals(markdown: str, shown: str) -> None:
    assert render(markdown) == shown


def test_environment_ends_with_its_section() -> None:
    text = "\\begin{align}\n\\begin{cases}\na_1"
    ended = text + closing(text)
    assert ended == f"{text}\n\\end{{cases}}\n\\end{{align}}"
    assert render(f"{ended}\n\n*b*", [len(ended)]) == f'<p class="math">{ended}</p>\n<p><em>b</em></p>'


NO_FORMULAS = {
    "$5 and $10": "$5 and $10",
    "$5-$10, US$5 or CA$6": "$5-$10, US$5 or CA$6",
    "$20,000 and 30$": "$20,000 and 30$",
    "$ x $": "$ x $",
    "$x$5": "$x$5",
    r"\$5 *b* \$6": "$5 <em>b</em> $6",
    r"\$x$": "$x$",
    "`$x$` *b*": "<code>$x$</code> <em>b</em>",
    "$x `$` y": "$x <code>$</code> y",
    "$x `a$` y$ z": "$x <code>a$</code> y$ z",
    "$HOME/*x*/$USER": "$HOME/<em>x</em>/$USER",
    "$5 to $x$": '$5 to <span class="math">$x$</span>',
    "$$$ *a* $$$$": "$$$ <em>a</em> $$$$",
    "cheap ($$) or *not*": "cheap ($$) or <em>not</em>",
    r"\[1\] \[ \] \(optional\) *b*": "[1] [ ] (optional) <em>b</em>",
    r"\[a *b*": "[a <em>b</em>",
    r"\begin{align} is used for *it*": r"\begin{align} is used for <em>it</em>",
    r"Write \begin{align}, *then* this": r"Write \begin{align}, <em>then</em> this",
    r"`\begin{align} *a*` *b* `\end{align}`": r"<code>\begin{align} *a*</code> <em>b</em> <code>\end{align}</code>",
    r"\\begin{align} *a* \\end{align}": r"\begin{align} <em>a</em> \end{align}",
    r"\begin{itemize} *a* \end{itemize}": r"\begin{itemize} <em>a</em> \end{itemize}",
}


@pytest.mark.parametrize("markdown", NO_FORMULAS)
def test_money_variables_code_and_escapes_are_no_formulas(markdown: str) -> None:
    assert render(markdown) == f"<p>{NO_FORMULAS[markdown]}</p>"


def test_escaped_brackets_of_a_text_keep_their_links() -> None:
    assert ">[a.example]</a>" in render(r"[\[a.example\]](http://b.example)")
    assert ">a</a>]" in render(r"\[[a](http://b.example)\]")
    assert render(r"\[a\](b)") == "<p>[a](b)</p>"


def test_price_in_a_table_and_a_sentence_takes_nothing_with_it() -> None:
    assert render("| place | $$ |\n|--|--|\n| a | $$ |").count("<td>") == 2
    assert render("It is $$ here.\n- a").count("<li>") == 1
    assert render("$$ a\n\n# B") == '<p>$$ a</p>\n<h1 id="doc-b">B</h1>'


GROWING = r"""# The $x_1$ case

Let $\{x_i\}_{i=1}^n$ and \(y_1 * y_2\) be given, for $5 or $10,
with $$\sum_{i} x_i * y_i * z_i$$ in it. And \[a_1 = b_1\] too.

$$
x_1
---
y_1 * z_1

- a
$$

We get:
\[
a_{1} = *b*
\]

\begin{align}
  a_1 &= *b* \\
  c &= d

\end{align}

- an item with $a*b*c$
- $$x_1$$
- it is \begin{cases} 1 & x_1 \\ 2 \end{cases} *so*

The price is $20, *sadly* not $10. It is \[1\] **now**.
"""


@pytest.mark.parametrize("size", [1, 2, 3, 7, 40])
def test_growing_formula_does_not_flicker(size: int) -> None:
    assert watch(GROWING, repeat(size)).examples == []


@pytest.mark.parametrize("formula", [*FORMULAS, *BLOCKS])
def test_open_formula_is_shown_as_it_is_written(formula: str) -> None:
    preview = LivePreview()
    for character in f"Let it be\n\n{formula}":
        preview.append(character)
        tail = preview.update().tail
        assert "<h" not in tail
        assert not faults(tail)
    assert preview.finish() == render(f"Let it be\n\n{formula}")


def test_formula_without_an_end_is_what_it_was() -> None:
    assert render("Let $x *be* a.") == "<p>Let $x <em>be</em> a.</p>"
    assert render("$$\nx\n\n# y") == '<p class="math">$$\nx\n\n# y</p>'
