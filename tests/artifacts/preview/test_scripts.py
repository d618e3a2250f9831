"""Texts in scripts without spaces: emphasis beside their letters, and where a bare address ends."""

import pytest

from artifacts.preview import LivePreview, render

STRONG = [
    ("**「重」**で", "「重」", "で"),
    ("これは**「重要」**です", "「重要」", "です"),
    ("**テスト。**テスト", "テスト。", "テスト"),
    ("これは**（重要）**です", "（重要）", "です"),
    ("请看**“重点”**的部分", "“重点”", "的部分"),
    ("这是**《书名》**的", "《书名》", "的"),
    ("**注意：**不要", "注意：", "不要"),
    ("**마크다운(Markdown)**은 쉽다", "마크다운(Markdown)", "은 쉽다"),
    ('이것은 **"인용"**입니다', '"인용"', "입니다"),
    ("**C++**を使う", "C++", "を使う"),
    ("使用**`code`**和", "<code>code</code>", "和"),
    ("日本語**(a)**日本語", "(a)", "日本語"),
    ("a**「重」**b", "「重」", "b"),
    ("**ｶﾀｶﾅ｡**ﾃｽﾄ", "ｶﾀｶﾅ｡", "ﾃｽﾄ"),
    ("**𠮷！**𠮷", "𠮷！", "𠮷"),
    ("**(ไทย)**ที่", "(ไทย)", "ที่"),
]


@pytest.mark.parametrize(("markdown", "inner", "after"), STRONG)
def test_run_between_punctuation_and_such_a_letter_closes_and_opens(markdown: str, inner: str, after: str) -> None:
    inner = inner.replace('"', "&quot;") if "&quot;" in render('"') else inner
    assert f"<strong>{inner}</strong>{after}" in render(markdown)
    assert f"<em>{inner}</em>{after}" in render(markdown.replace("**", "*"))
    assert f"<del>{inner}</del>{after}" in render(markdown.replace("**", "~~"))


@pytest.mark.parametrize(
    "markdown",
    ["__「重」__で", "これは__「重要」__です", "**__「重」__**で", "__마크다운(Markdown)__은", "请看__“重点”__的"],
)
def test_underscores_do_the_same_beside_punctuation(markdown: str) -> None:
    assert "<strong>" in render(markdown)
    assert "_" not in render(markdown)
    assert "<em>" in render(markdown.replace("__", "_"))


def test_several_in_one_sentence_each_stand_for_themselves() -> None:
    assert render("这是**“甲”**和**“乙”**。") == "<p>这是<strong>“甲”</strong>和<strong>“乙”</strong>。</p>"
    assert render("*「a」*と**「b」**と***「c」***で").count("「") == 3
    assert "*" not in render("*「a」*と**「b」**と***「c」***で")


@pytest.mark.parametrize(
    "markdown",
    ["変数_名前_です", "a_b_c", "snake_(case)_word", "a**(b)**c", "** 「重」** で", "2*3*4", "**a**😀 *b*😀"],
)
def test_all_else_is_as_it_was(markdown: str) -> None:
    html = render(markdown)
    if "😀" in markdown:
        assert html == "<p><strong>a</strong>😀 <em>b</em>😀</p>"
    elif markdown == "2*3*4":
        assert html == "<p>2<em>3</em>4</p>"
    else:
        assert html == f"<p>{markdown}</p>"


ADDRESSES = [
    ("见https://example.com/路径。后面", "https://example.com/路径"),
    ("（https://example.com）", "https://example.com"),
    ("看 https://example.com/a，然后", "https://example.com/a"),
    ("「http://example.com/b」", "http://example.com/b"),
    ("https://example.com/c；d：e", "https://example.com/c"),
    ("https://example.com/？q", "https://example.com/"),
    ("【https://example.com/x】和", "https://example.com/x"),
    ("《https://example.com》", "https://example.com"),
    ("『https://example.com/a』", "https://example.com/a"),
    ("“https://example.com”。", "https://example.com"),
    ("https://example.com、https://b.example", "https://example.com"),
    ("https://example.com！", "https://example.com"),
    ("https://example.com請看", "https://example.com"),
    ("https://example.com에서 보세요", "https://example.com"),
    ("http://localhost:8000に", "http://localhost:8000"),
    ("https://例え.jp/テスト・ページ", "https://例え.jp/テスト・ページ"),
    ("https://ja.example.org/wiki/日本", "https://ja.example.org/wiki/日本"),
    ("www.example.com。", "www.example.com"),
    ("a@example.com。", "a@example.com"),
    ("https://example.com/a（b）", "https://example.com/a"),
]


@pytest.mark.parametrize(("markdown", "address"), ADDRESSES)
def test_bare_address_ends_before_punctuation_of_full_width(markdown: str, address: str) -> None:
    html = render(markdown)
    assert f">{address}</a>" in html
    preview = LivePreview()
    for character in markdown:
        preview.append(character)
        preview.update()
    assert preview.finish() == html


def test_link_that_is_written_as_one_keeps_its_address() -> None:
    assert 'href="http://a.b/%E3%80%82c"' in render("[x](http://a.b/。c) <http://a.b/。c>")
    assert render("<http://a.b/。c>").count("。c</a>") == 1
