"""The page of html viewers: whoever saw any version reaches the present one by replacing from the index it is told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from artifacts.live.rendered import Page
from artifacts.preview import Update

CHANGES = st.lists(
    st.tuples(st.integers(0, 6), st.lists(st.text("ab", max_size=2), max_size=4), st.text("xy", max_size=2)),
    max_size=12,
)


@given(changes=CHANGES, data=st.data())
def test_a_viewer_of_any_version_reaches_the_present_one(
    changes: list[tuple[int, list[str], str]], data: st.DataObject
) -> None:
    page = Page(epoch=1)
    shown_at = {0: list[str]()}
    for first, fragments, tail in changes:
        first = min(first, len(page.fragments))
        page.apply(Update(first=first, fragments=fragments, tail=tail), length=page.length + 1, is_final=False)
        shown_at[page.version] = list(page.fragments)
    version = data.draw(st.sampled_from(sorted(shown_at)))
    shown, first = shown_at[version], page.first_changed_since(version)
    shown[first:] = page.fragments[first:]
    assert shown == page.fragments
    assert page.first_changed_since(page.version) == len(page.fragments)


def test_only_what_changed_is_sent_again() -> None:
    page = Page(epoch=1)
    page.apply(Update(first=0, fragments=["a", "b", "c"], tail="t"), length=3, is_final=False)
    seen = page.version
    page.apply(Update(first=3, fragments=["d"], tail=""), length=4, is_final=False)
    assert page.first_changed_since(seen) == 3
    page.apply(Update(first=1, fragments=["B", "c", "d"], tail=""), length=4, is_final=True)
    assert page.first_changed_since(seen) == 1
    assert page.is_final
