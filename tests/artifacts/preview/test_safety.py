"""Nothing hostile comes out, wherever the text is cut; and the gate itself."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.preview import LivePreview, render
from artifacts.preview.sanitise import REL, cleaned, safe_address, sanitise
from tests.artifacts.preview.inputs.corpus import DOCUMENTS, needs_corpus, read_document
from tests.artifacts.preview.inputs.hostile import HOSTILE
from tests.artifacts.preview.oracles.safety import faults, leads_nowhere_bad


def test_hostile_texts_are_many_and_each_is_another() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 300


@pytest.mark.parametrize("part", range(8))
def test_hostile_text_cut_anywhere_is_harmless(part: int) -> None:
    found = {}
    for text in HOSTILE[part::8]:
        preview = LivePreview()
        for place, character in enumerate(text, 1):
            preview.append(character)
            preview.update()
            if wrong := faults("".join([*preview.fragments, preview.tail])):
                found[text[:place]] = wrong
        if wrong := faults(preview.finish()):
            found[text] = wrong
    assert not found


@pytest.mark.parametrize(
    "address",
    ["http://a.b", "HTTPS://a.b", "mailto:a@b.c", "#a", "a/b:c", "/a", "?a:b", "//a.b", "", "a"],
)
def test_known_address_is_let_through(address: str) -> None:
    assert safe_address(address)
    assert leads_nowhere_bad(address)


@given(st.text(alphabet=st.sampled_from("javscriptdtheml:/?#1 \t\n\x00\x01\xad\u200b&;%"), max_size=20))
@settings(max_examples=500)
def test_address_that_is_let_through_is_one_that_a_browser_finds_harmless(address: str) -> None:
    assert not safe_address(address) or leads_nowhere_bad(address)


@given(
    st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=4), st.sampled_from(["\n\n", "\n", " ", "", "\n> ", "\n- "])
)
@settings(max_examples=200)
def test_hostile_texts_together_are_harmless(texts: list[str], between: str) -> None:
    assert not faults(render(between.join(texts)))


def test_gate_takes_away_what_is_not_on_its_list() -> None:
    bad = [
        "<script>alert(1)</script>",
        '<p onclick="a">b</p>',
        '<p style="a">b</p>',
        '<p id="a">b</p>',
        '<h1 id="body">a</h1>',
        '<p class="a">b</p>',
        '<a href="javascript:1">a</a>',
        '<a href="javascript:123" title="t">a</a>',
        '<img src="a">',
        "<iframe></iframe>",
        '<input type="text">',
        '<details ontoggle="a">b</details>',
        "<p><div>a</div></p>",
        "<!-- a -->",
        "<p>a",
        "a</p>",
        '<pre data-code="x">a</pre>',
        "<svg><script>a</script></svg>",
    ]
    for html in bad:
        assert not faults(sanitise(html)), html
        assert not faults(cleaned(html)), html


def test_links_that_leave_the_document_say_so() -> None:
    assert f'rel="{REL}"' in sanitise('<a href="http://a.b">c</a>')
    assert f'rel="{REL}"' in sanitise('<a href="/a">c</a>')
    assert "rel" not in sanitise('<a href="#doc-a">c</a>')
    assert 'rel="opener"' not in sanitise('<a href="http://a.b" rel="opener">c</a>')


@needs_corpus
@pytest.mark.parametrize("path", DOCUMENTS[::4], ids=lambda path: path.stem[-40:])
def test_cleaning_in_pieces_gives_what_cleaning_as_one_gives(path: object) -> None:
    """What is known to be clean is not cleaned: the whole page must not show the difference."""
    html = render(read_document(path)).replace(' class="highlight"', "")  # type: ignore[arg-type]
    without_code = html.split("<pre>")
    for piece in without_code[:1]:
        assert cleaned(piece) == piece == sanitise(piece)
