"""Line ends and characters, settled before any rule."""

from hypothesis import given
from hypothesis import strategies as st

from artifacts.preview import LivePreview, render
from artifacts.preview.block.lines import Lines


@given(st.lists(st.text(alphabet="ab\r\n\x00\u2028\x85", max_size=6), max_size=8))
def test_lines_do_not_depend_on_where_the_text_is_cut(chunks: list[str]) -> None:
    cut, whole = Lines(), Lines()
    lines = [line for chunk in chunks for line in cut.feed(chunk)]
    text = "".join(chunks)
    assert lines == whole.feed(text)
    assert cut.partial == whole.partial
    assert [*lines, cut.partial] == text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "\ufffd").split("\n")


def test_cr_at_the_end_of_a_chunk_ends_the_line_at_once_and_only_once() -> None:
    preview = LivePreview()
    preview.append("a\r")
    preview.append("\n\r")
    assert preview.update().fragments == ["<p>a</p>"]


def test_lone_cr_ends_a_line_before_any_rule() -> None:
    assert render("# a\rb\r\r- c\r") == render("# a\nb\n\n- c\n")


def test_other_separators_end_no_line() -> None:
    for separator in "\x0b\x0c\x85\u2028\u2029\x1c":
        assert "<ul>" not in render(f"a{separator}- b")
        assert render(f"- a{separator}- b").count("<li>") == 1


def test_characters_that_cannot_be_shown_become_the_replacement_character() -> None:
    assert render("a\x00b\ud800c\udc00\x02klzzwxh:0000\x03") == "<p>a\ufffdb\ufffdc\ufffd\ufffdklzzwxh:0000\ufffd</p>"
    assert render("&#0;&#2;&#xd800;&#x110000;") == "<p>\ufffd\ufffd\ufffd\ufffd</p>"


def test_byte_order_mark_at_the_very_beginning_is_no_character() -> None:
    assert render("\ufeff# a") == '<h1 id="doc-a">a</h1>'
