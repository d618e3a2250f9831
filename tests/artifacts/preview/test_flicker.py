"""What a reader of a growing document sees stays: the unfinished end is held back or repaired."""

import random
from itertools import repeat
from pathlib import Path

import pytest

from artifacts.preview import LivePreview
from tests.artifacts.preview.inputs.corpus import DOCUMENTS, needs_corpus, read_document
from tests.artifacts.preview.oracles.flicker import watch

GROWING = """# A *heading* with `code`

Some **bold *and* emphasised** text, a [link](http://a.example/b "title"), an ![image](c.png), `code with * in it`,
~~gone~~, a note[^1], 1 * 2 * 3, snake_case_words, AT&T &amp; &copy;, <br> <http://d.example> and http://e.example/f.

2024 was a year. Here is a [reference][late], a [Shortcut] and another [one][].

- an item **with bold**
  - nested, with `code`
- [ ] a task with a [link](g)
1. one
2. two

| Name | What |
|------|:----:|
| a | **b** |
| c `d` | e \\| f |

```python
def f():
    return "```"
```

> A quote **with
> bold** over lines

<details>
<summary>More</summary>

hidden *text*

</details>

Text <!-- a comment --> on.

***

[late]: http://h.example
[shortcut]: http://i.example "t"
[one]: <j>

[^1]: The note.
"""


@pytest.mark.parametrize("size", [1, 2, 3, 7, 40, 400])
def test_nothing_that_was_shown_goes_again(size: int) -> None:
    flicker = watch(GROWING, repeat(size))
    assert flicker.examples == []


def test_end_of_the_text_is_shown_without_its_half_marks() -> None:
    shows = {
        "a **b": "<p>a <strong>b</strong></p>",
        "a **b*": "<p>a <strong>b</strong></p>",
        "a [b": "<p>a b</p>",
        "a [b](http://c": "<p>a b</p>",
        "a `b c": "<p>a <code>b c</code></p>",
        "a &am": "<p>a</p>",
        "a <br": "<p>a</p>",
        "a\n-": "<p>a</p>",
        "a\n\n1.": "<p>a</p>",
        "a\n\n- [": "<p>a</p>",
        "a\n\n```py": "<p>a</p>",
        "a\n\n|b|c|\n|-": "<p>a</p>",
        "a\n\n[b]: htt": "<p>a</p>",
        "a\n\n<!-- b": "<p>a</p>",
        "a\n\n```\nb\n``": '<p>a</p><pre class="highlight"><code>b\n</code></pre>',
    }
    for text, html in shows.items():
        preview = LivePreview()
        preview.append(text)
        update = preview.update()
        assert "".join([*update.fragments, update.tail]).replace("</p>\n", "</p>") == html, text


def test_text_is_shown_as_soon_as_it_says_something() -> None:
    """A repair that hides everything would not flicker either."""
    preview = LivePreview()
    preview.append("A paragraph of several words that goes on")
    assert preview.update().tail == "<p>A paragraph of several words that goes on</p>"


@needs_corpus
@pytest.mark.parametrize(("low", "high"), [(100, 600), (5, 40)])
def test_real_documents_flicker_less_than_four_times_in_100_kb(low: int, high: int) -> None:
    def few(paths: list[Path]) -> list[Path]:
        return sorted(paths, key=lambda path: path.stat().st_size)[: 12 if low < 50 else 30]

    events = raw_marks = characters = 0
    for path in few(DOCUMENTS):
        chance = random.Random(path.name)
        text = read_document(path)
        flicker = watch(text, iter(lambda chance=chance: chance.randint(low, high), None))
        events += flicker.events
        raw_marks += flicker.raw_marks
        characters += len(text)
    assert raw_marks == 0
    assert events <= 4 * characters / 100_000
