"""Decides which white space got lost between the end of a text and an answer that came stripped; pure.

The text itself is the model for it: how its lists, paragraphs and code blocks are set apart says how they go on.
"""

from __future__ import annotations

import re

from generation.endings import FENCE_LINE, HEADING, ITEM, Ending, block_of

_CJK = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uac00-\ud7a3\uff00-\uffef]")
_NO_SPACE_BEFORE = re.compile(r"[,;:!?)\]}%’”…。，、！？：；）」』]|\.(?!\w)|'(?:s|t|re|ve|ll|d|m)\b")
_NO_SPACE_AFTER = "([{“‘«/\\¿¡（「『"
_RULE = re.compile(r" {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$")
_LABEL = re.compile(r"(?:\*\*[^*\n]{1,60}\*\*|__[^_\n]{1,60}__)")
_SENTENCE_END = re.compile(r"[.!?…][*_`\"'”’)\]]*(?=\s|$)")
_PROSE = re.compile(r"[A-Za-z\"'“‘(\[`*_]")


def lost_space(ending: Ending, answer: str) -> str:
    """The white space to put between the text and the answer, neither of which has any there."""
    if not ending.previous or _CJK.match(ending.previous[-1]) or _CJK.match(answer):
        return "" if not ending.previous or _joins_cjk(ending, answer) else _block_space(ending, answer)
    if ending.fence:
        from generation.code_spacing import lost_code_space

        return lost_code_space(ending, answer)
    return _block_space(ending, answer)
