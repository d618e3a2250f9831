"""What a block of a page is, and whether what it said is what the page says."""

from __future__ import annotations

import pytest

from tests.docs.answers import difference, has_lines, last_json
from tests.docs.blocks import blocks_of

PAGE = """# A page

<!-- given: finished 1 -->
```sh
api localhost:8000/api/artifacts/1
```

- In a list:

  <!-- not run: it would end the machine -->
  ```sh
  halt
  ```

```toml title="prices.toml"
currency = "EUR"
```

~~~~
what is it?
~~~
~~~~
"""


def test_block_knows_what_it_presupposes_and_why_it_does_not_run():
    call, halt, file, unknown = blocks_of(PAGE)

    assert (call.language, call.given, call.text) == ("sh", ("finished 1",), "api localhost:8000/api/artifacts/1\n")
    assert (halt.text, halt.given, halt.not_run) == ("halt\n", (), "it would end the machine")
    assert (file.title, file.line) == ("prices.toml", 15)
    assert (unknown.language, unknown.text, unknown.is_known) == ("", "what is it?\n~~~\n", False)
    assert all(block.is_known for block in (call, halt, file))


@pytest.mark.parametrize(
    ("told", "is_so"),
    [
        ("stop Ctrl-C", True),
        ("address  http://localhost:8000/...\nstop  Ctrl-C", True),
        ("stop  Ctrl-C\naddress  http://localhost:8000/...", False),
        ("stop", False),
    ],
)
def test_lines_of_the_page_stand_in_the_output_in_order(told, is_so):
    said = "\x1b[1m  address\x1b[0m  http://localhost:8000/sign-in/\r\n database  SQLite\r\n     stop  Ctrl-C\r\n"

    assert has_lines(said, told) is is_so


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ({"id": 9, "status": "idle", "at": "2026-01-01", "parts": [{"name": "..."}]}, ""),
        ({"id": 9, "status": "idle", "at": "2026-01-01"}, "answer has the keys at, id, parts, status"),
        ({"id": "9", "status": "idle", "at": "2026-01-01", "parts": []}, "answer.id is 7"),
        ({"id": 9, "status": "queued", "at": "2026-01-01", "parts": []}, "answer.status is 'idle'"),
        ({"id": 9, "status": "idle", "at": None, "parts": []}, "answer.at is '2027-05-05'"),
        ({"id": 9, "status": "idle", "at": "2026-01-01", "parts": [{"title": "..."}]}, "answer.parts[0] has the keys"),
    ],
)
def test_answer_is_compared_by_keys_kinds_and_words(told, wrong):
    said = 'HTTP {"a": 1}{"id": 7, "status": "idle", "at": "2027-05-05", "parts": [{"name": "Why"}]}'
    answer = last_json(said)

    found = difference(answer, told)

    assert found.startswith(wrong)
    assert bool(found) == bool(wrong)
