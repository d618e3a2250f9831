"""Documents of several sections, and what of their HTML may differ from that of each section alone: ids and numbers."""

import re
from collections.abc import Sequence
from itertools import accumulate

_NUMBERED = re.compile(r'\s(?:id|href)="#?(?:doc|fn|fnref)-[^"]*"|(?<=<sup class="footnote-ref">)\d+')
_NUMBER = re.compile(r'(<sup class="footnote-ref"><a)\s[^>]*>\d+<')
_NOTES = re.compile(r'\n?<section class="footnotes"><ol>(.*)</ol></section>\Z', re.DOTALL)
_BETWEEN_TAGS = re.compile(r">\s+<")


def starts(sections: Sequence[str]) -> list[int]:
    """Where each of these texts begins when they stand one after the other."""
    return [0, *accumulate(map(len, sections))][:-1]


def shown(html: str) -> tuple[str, list[str]]:
    """A document without ids and numbers, and what its footnotes say."""
    notes = _NOTES.search(html)
    body = html[: notes.start()] if notes else html
    items = notes[1].split("</li><li") if notes else []
    return _plain(body), [_plain(item.removeprefix("<li").removesuffix("</li>")) for item in items]


def _plain(html: str) -> str:
    html = _NUMBERED.sub("", _NUMBER.sub(r"\1><", html))
    return _BETWEEN_TAGS.sub("><", html).strip()
