"""Word and PDF files: every script comes out, and nothing of a document is obeyed."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from datetime import UTC, datetime

import docx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.errors import ExportFailed
from artifacts.exports import conversion
from artifacts.exports.conversion import convert
from artifacts.exports.properties import FileProperties
from artifacts.exports.tree import parse_html
from artifacts.exports.typst_source import typst_source
from artifacts.exports.word import word_file
from artifacts.preview import render

WORDS = "Größe и ελληνικά 中文字符 日本語かな 한국어 שלום ไทย नमस्ते 🎈"
ARABIC = "مرحبا بالعالم"
DOCUMENT = f"""## {WORDS}

{ARABIC}

- [x] done, *{WORDS}*

3. three

   `code <x>` and $a^2$[^1]

> quote

| A | B |
|---|--:|
| 中 | **b** |

```python
return "{WORDS}"
```

[link](https://example.org/?a=1&b=2) [bad](javascript:alert%281%29)

[^1]: A note.
"""


def titled(title: str) -> FileProperties:
    return FileProperties(title=title)


def characters_in(pdf: bytes) -> set[str]:
    """What the fonts in it say that their glyphs stand for."""
    found = set[str]()
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            text = zlib.decompress(stream)
        except zlib.error:
            continue
        if b"begincmap" in text:
            for code in re.findall(rb"<[0-9A-Fa-f]+> <([0-9A-Fa-f]+)>", text):
                found.update(bytes.fromhex(code.decode()).decode("utf-16-be"))
    return found


def test_every_script_comes_out_of_a_pdf():
    pdf = convert("pdf", titled("Ein Titel 中"), render(DOCUMENT, ()))
    assert pdf.startswith(b"%PDF-")
    assert set(WORDS + ARABIC) - {" "} - characters_in(pdf) == set()


def test_word_file_holds_the_text_its_structure_and_no_other_link():
    made = docx.Document(io.BytesIO(convert("docx", titled("Ein Titel"), render(DOCUMENT, ()))))
    texts = [paragraph.text for paragraph in made.paragraphs]
    assert [paragraph.text for paragraph in made.paragraphs if paragraph.style.name == "Heading 2"] == [WORDS]
    assert {ARABIC, f"☑ done, {WORDS}", "three", "quote", f'return "{WORDS}"'} <= set(texts)
    assert [[cell.text for cell in row.cells] for row in made.tables[0].rows] == [["A", "B"], ["中", "b"]]
    links = [part.target_ref for part in made.part.rels.values() if part.is_external]
    assert links == ["https://example.org/?a=1&b=2"]
    assert made.core_properties.title == "Ein Titel"


NASTY = st.text(st.sampled_from([*'"\\#[]$*_`<>@/(){}\n\t=-+~;:', "x", "é", "中", "\x00", "\x0b", "\ufffe", "\u202e"]))


def skeleton(title: str, html: str) -> str:
    return re.sub(r'"(?:\\.|[^"\\])*"', '""', typst_source(titled(title), parse_html(html)))


@given(NASTY, NASTY)
def test_no_word_of_a_document_is_markup_of_the_typesetter_or_of_word(title, text):
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    html = f"<h2>a{escaped}</h2><p>a{escaped}<code>{escaped}</code></p><pre><code>a{escaped}</code></pre>"
    plain = "<h2>a</h2><p>a<code>x</code></p><pre><code>a</code></pre>"
    assert skeleton(f"a{title}", html) == skeleton("a", plain)
    made = docx.Document(io.BytesIO(word_file(titled(f"a{title}"), parse_html(html))))
    assert len(made.paragraphs) == 4


def test_list_of_a_script_from_the_right_begins_there_and_an_item_of_another_does_not():
    html = f"<ul><li>{ARABIC}</li><li>from the left</li></ul><ol><li>one</li></ol>"
    source = typst_source(titled(ARABIC), parse_html(html))
    turns = re.findall(r"#set text\(dir: (\w+)\);|#(text|list|enum)\(", source)
    assert turns == [
        *[("rtl", ""), ("", "text")],  # the title
        *[("rtl", ""), ("", "list"), ("rtl", ""), ("ltr", "")],
        ("", "enum"),
    ]
    assert convert("pdf", titled(ARABIC), html).startswith(b"%PDF-")


def test_deep_and_odd_documents_still_come_out():
    deep = "<blockquote><ul><li><em><strong>" * 40 + "x" + "</strong></em></li></ul></blockquote>" * 40
    ragged = "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table>"
    odd = '<p></p><ul></ul><p><a href="#top">in</a><br></p><pre><code class="language-];x">c</code></pre>'
    odd += deep + ragged
    assert convert("pdf", titled(""), odd).startswith(b"%PDF-")
    assert convert("docx", titled(""), odd).startswith(b"PK")


def test_file_past_its_bounds_is_refused_with_a_sentence():
    for _ in range(conversion.CONVERSIONS_AT_ONCE + 1):  # a turn that failed is given back
        with pytest.raises(ExportFailed, match="Download it as Markdown"):
            convert("odt", titled(""), "<p>x</p>")


ABOUT = FileProperties(
    title="Größe\x01 中",
    subject="Projekt",
    author='A "quoted" #panic name',
    created="2026-11-01T10:00:00+00:00",
    modified="2026-11-02T13:30:05.75+02:00",
)


def test_word_file_says_whose_it_is_and_from_when():
    core = docx.Document(io.BytesIO(word_file(ABOUT, parse_html("<p>x</p>")))).core_properties

    assert (core.title, core.subject) == ("Größe 中", "Projekt")
    assert core.author == core.last_modified_by == 'A "quoted" #panic name'
    assert core.created == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert core.modified == datetime(2026, 11, 2, 11, 30, 5, tzinfo=UTC)
    assert core.comments == ""


def test_no_part_of_a_word_file_tells_when_it_was_packed():
    """Else the same document would be another file, with another tag, each time it is asked for."""
    with zipfile.ZipFile(io.BytesIO(word_file(ABOUT, parse_html("<p>x</p>")))) as parts:
        assert {part.date_time for part in parts.infolist()} == {(2026, 11, 2, 11, 30, 4)}  # ZIP knows even seconds
        assert parts.testzip() is None


def test_word_file_of_nobody_is_of_today_and_of_this_product():
    core = docx.Document(io.BytesIO(word_file(titled("x"), parse_html("<p>x</p>")))).core_properties

    assert (core.author, core.revision) == ("streamgen", 1)
    assert core.created is not None
    assert core.created.year >= 2026


def test_pdf_says_whose_it_is_and_from_when():
    pdf = convert("pdf", ABOUT, "<p>x</p>")

    assert b"/CreationDate(D:20261102113005" in pdf
    assert b"/Author" in pdf
    assert b"#panic" in pdf
