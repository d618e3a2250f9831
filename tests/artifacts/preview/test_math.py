"""Formulas are kept as they are written and never read as Markdown; money and escaped brackets are no formulas."""

import html
import re
from itertools import repeat

import pytest

from artifacts.preview import LivePreview, render
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

- an item with $a*b*c$
- $$x_1$$

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
