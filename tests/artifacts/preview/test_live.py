"""LivePreview: the same fragments however the text arrives, and at the end the whole document."""

import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.preview import LivePreview, Update, limits, render
from tests.artifacts.preview.inputs.corpus import DOCUMENTS, needs_corpus, read_document
from tests.artifacts.preview.inputs.strategies import cut_documents
from tests.artifacts.preview.oracles.safety import faults

_BETWEEN_TAGS = re.compile(r">\s+<")


def squashed(html: str) -> str:
    return _BETWEEN_TAGS.sub("><", html)


class Viewer:
    """Does with an update what a page does."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.tail = ""

    def apply(self, update: Update) -> None:
        assert update.first <= len(self.shown)
        self.shown[update.first :] = update.fragments
        self.tail = update.tail


def preview_of(text: str) -> LivePreview:
    preview = LivePreview()
    preview.append(text)
    preview.update()
    return preview


@given(cut_documents())
@settings(max_examples=300)
def test_fragments_and_tail_depend_on_the_text_only_and_joined_are_the_whole_document(chunks: list[str]) -> None:
    preview, viewer, text = LivePreview(), Viewer(), ""
    for chunk in chunks:
        preview.append(chunk)
        text += chunk
        viewer.apply(preview.update())
        fresh = preview_of(text)
        assert preview.fragments == viewer.shown == fresh.fragments
        assert preview.tail == viewer.tail == fresh.tail
        assert not faults("".join([*viewer.shown, viewer.tail]))
    html = preview.finish()
    viewer.apply(preview.update())
    assert html == render(text)
    assert squashed("".join(viewer.shown)) == squashed(html)
    assert viewer.tail == preview.tail == ""
    assert not faults(html)


@given(cut_documents())
@settings(max_examples=100)
def test_updates_left_out_change_nothing(chunks: list[str]) -> None:
    preview = LivePreview()
    for chunk in chunks:
        preview.append(chunk)
    assert preview.finish() == render("".join(chunks))


@given(st.text(max_size=60))
@settings(max_examples=100)
def test_any_text_at_all_is_the_same_by_single_characters(text: str) -> None:
    preview = LivePreview()
    for character in text:
        preview.append(character)
        assert not faults("".join([*preview.update().fragments, preview.tail]))
    assert preview.finish() == render(text)


@needs_corpus
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem[-40:])
def test_real_document_is_the_same_in_any_chunks(path: Path) -> None:
    text, chance = read_document(path), random.Random(path.name)
    preview, viewer, place = LivePreview(), Viewer(), 0
    while place < len(text):
        size = chance.choice((1, 7, 60, 400, 2500))
        preview.append(text[place : place + size])
        place += size
        if chance.random() < 0.3:
            viewer.apply(preview.update())
            assert viewer.shown == preview.fragments
    place = chance.randrange(len(text))
    part = LivePreview()
    for character in text[:place]:
        part.append(character)
    part.update()
    assert part.fragments == preview_of(text[:place]).fragments
    assert part.tail == preview_of(text[:place]).tail
    html = preview.finish()
    viewer.apply(preview.update())
    assert html == render(text)
    assert squashed("".join(viewer.shown)) == squashed(html)


def test_update_says_only_what_changed() -> None:
    preview = LivePreview()
    preview.append("one\n\ntwo\n\nthr")
    first = preview.update()
    assert (first.first, first.fragments, first.tail) == (0, ["<p>one</p>", "<p>two</p>"], "<p>thr</p>")
    preview.append("ee\n\nfour")
    assert preview.update() == Update(first=2, fragments=["<p>three</p>"], tail="<p>four</p>")
    assert preview.update() == Update(first=3, fragments=[], tail="<p>four</p>")


def test_fragments_are_those_of_the_last_update() -> None:
    preview = LivePreview()
    preview.append("one\n\ntwo\n\n")
    assert (preview.fragments, preview.tail) == ([], "")
    preview.update()
    preview.append("three\n\n")
    preview.finish()
    assert preview.fragments == ["<p>one</p>", "<p>two</p>"]
    preview.update()
    assert preview.fragments == ["<p>one</p>", "<p>two</p>", "<p>three</p>"]


def test_finished_document_takes_no_more_text() -> None:
    preview = LivePreview()
    preview.append("a")
    assert preview.finish() == preview.finish() == "<p>a</p>"
    with pytest.raises(ValueError, match="finished"):
        preview.append("b")


def test_empty_document_is_empty() -> None:
    assert render("") == render(" \n\n\t\n") == ""
    preview = LivePreview()
    assert preview.update() == Update(first=0, fragments=[], tail="")


def test_late_definition_renders_again_exactly_the_fragments_that_used_it() -> None:
    preview = LivePreview()
    preview.append("one\n\nsee [a][x] and [y]\n\ntwo\n\nsee [x]\n\nthree\n\n")
    preview.update()
    before = preview.fragments
    preview.append("[x]: http://x.example\n\n")
    update = preview.update()
    assert update.first == 1
    assert [place for place, html in enumerate(preview.fragments) if html != before[place]] == [1, 3]
    assert 'href="http://x.example"' in preview.fragments[1]
    preview.append("[y]: http://y.example\n\n")
    assert preview.update().first == 1


def test_first_definition_of_a_label_counts() -> None:
    assert 'href="b"' in render("[A  x]\n\n[a X]: b\n[a x]: c\n")


def test_reference_to_nothing_is_its_text_until_completion_and_then_as_it_was_typed() -> None:
    preview = LivePreview()
    preview.append("see [the text][x], [the label] and [it][].\n\nrows[0][1]\n\n")
    preview.update()
    assert preview.fragments == [
        '<p>see the text, <span class="reference">the label</span> and it.</p>',
        "<p>rows[0][1]</p>",
    ]
    assert preview.finish().startswith("<p>see [the text][x], [the label] and [it][].</p>")
    assert preview.update().first == 0


def test_piece_with_very_many_labels_learns_late_definitions_at_completion() -> None:
    labels = [f"l{number}" for number in range(limits.LATE_LABELS + 1)]
    text = " ".join(f"[{label}]" for label in labels) + "\n\n"
    defined = "".join(f"[{label}]: http://{label}.example\n" for label in labels) + "\n"
    preview = LivePreview()
    preview.append(text)
    preview.update()
    preview.append(defined)
    assert "href" not in "".join(preview.update().fragments + preview.fragments)
    at_once = preview_of(text + defined)
    assert at_once.fragments == preview.fragments
    assert preview.finish() == render(text + defined)
    assert preview.finish().count("href") == len(labels)


def test_headings_have_ids_of_their_own_that_stay() -> None:
    preview = LivePreview()
    preview.append(
        "# A thing\n\n## A thing\n\n# A thing 1\n\n## [A] thing\n\n- # A thing\n\n# ...\n\n# Ünï *x*\n\n# A th"
    )
    preview.update()
    ids = re.findall(r'id="([^"]+)"', "".join(preview.fragments))
    assert ids == [
        "doc-a-thing",
        "doc-a-thing-1",
        "doc-a-thing-1-1",
        "doc-a-thing-2",
        "doc-a-thing-3",
        "doc-section",
        "doc-ünï-x",
    ]
    assert 'id="doc-a-th"' in preview.tail
    preview.append("ing\n\n[a]: b\n\n")
    preview.finish()
    preview.update()
    assert re.findall(r'id="([^"]+)"', "".join(preview.fragments)) == [*ids, "doc-a-thing-4"]


def test_link_to_a_heading_leads_to_its_id() -> None:
    assert 'href="#doc-a-b"' in render("[x](#a-b)\n\n# A b\n")


def test_footnotes_are_numbers_at_once_and_stand_at_the_end_on_completion() -> None:
    preview = LivePreview()
    preview.append(
        "one[^b] two[^a] three[^b] four[^none]\n\n[^a]: first\n[^b]: second\n\n    more\n\n[^c]: unused\n\nend\n\n"
    )
    preview.update()
    assert re.findall(r"<sup[^>]*><a[^>]*>(\d)</a>", preview.fragments[0]) == ["1", "2", "1", "3"]
    assert "second" not in "".join(preview.fragments)
    html = preview.finish()
    assert re.findall(r"<sup[^>]*><a[^>]*>(\d)</a>", html) == ["1", "2", "1"]
    assert "four[^none]" in html
    assert re.findall(r'<li id="fn-(\d)"><p>(\w+)', html) == [("1", "second"), ("2", "first"), ("3", "unused")]
    assert html.index("end") < html.index("second")
    assert sorted(re.findall(r'id="([^"]+)"', html)) == ["fn-1", "fn-2", "fn-3", "fnref-1", "fnref-2"]
    assert html.count('class="footnote-back"') == 2


def test_giant_tail_is_rendered_at_a_falling_rate() -> None:
    preview, renderings, tail = LivePreview(), 0, ""
    for number in range(4000):
        preview.append(f"- item {number} with a few words\n")
        if preview.update().tail != tail:
            tail = preview.tail
            renderings += 1
    assert len(tail) > limits.TAIL_CHARS
    assert renderings < 250
    assert len(tail) * (1 + 1 / limits.TAIL_GROWTH) > len(preview.finish()) * 0.9


def test_giant_tail_never_stays_when_its_text_is_settled() -> None:
    preview = LivePreview()
    preview.append("# " + "word " * 2000)
    assert len(preview.update().tail) > limits.TAIL_CHARS
    preview.append("\n# B")
    assert preview.update().tail == '<h1 id="doc-b">B</h1>'
