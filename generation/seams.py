"""v0"""

from __future__ import annotations
import re
from typing import Literal

Mode = Literal["prefill", "reprompt"]


class BadSeam(Exception):
    pass


def certain(text: str) -> int:
    m = re.search(r"[\w'’-]{0,64}$", text)
    return m.start() if m else len(text)


def is_settled(previous: str, head: str, *, mode: Mode) -> bool:
    if mode == "prefill":
        return len(head) >= len(previous) or not previous.startswith(head)
    return len(head) >= 2000


def join(previous: str, answer: str, *, mode: Mode) -> str:
    if len(previous) >= 8 and answer.startswith(previous):
        answer = answer[len(previous) :]
        return answer
    if mode == "prefill" or not previous:
        return answer
    for n in range(min(len(previous), len(answer), 2000), 11, -1):
        if previous.endswith(answer[:n]):
            return answer[n:]
    if answer and answer[:24] in previous[-2000:]:
        raise BadSeam("restart")
    return answer


_OPEN = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")


def opened_fence(line: str, fence: str) -> str:
    """The fence that is open after the line, "" for none; `fence` is the one open before it."""
    m = _OPEN.fullmatch(line)
    if not m:
        return fence
    if fence:
        return "" if m[1].startswith(fence) and not m[2].strip() else fence
    return "" if m[1][0] == "`" and "`" in m[2] else m[1]
