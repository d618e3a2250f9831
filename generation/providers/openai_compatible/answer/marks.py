"""The marks of thoughts that leak into answers, lower-case, and how thoughts begin that nothing marks; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from generation.providers.openai_compatible.answer.template_marks import BEGUN, FORM, SPEAKER, STICKY, TEMPLATE_MARKS

_TAGS = (
    "think",
    "thinking",
    "thought",
    "thoughts",
    "reasoning",
    "reflection",
    "scratchpad",
    "seed:think",
    "mm:think",
    "antthinking",
    "internal_reasoning",
)
CLEAR_TAGS = ("<think>", "<thinking>", "<seed:think>", "<mm:think>", "<antthinking>", "<internal_reasoning>")
"""Tags that are no words of documents; the others are thoughts only where they stand in a line of their own."""
_FIRST_TAGS = (
    *("analysis", "scratch_pad", "scratch-pad", "inner_thought", "inner_thoughts", "inner-thoughts", "innerthoughts"),
    *("inner_monologue", "internal_monologue", "monologue", "internal_thoughts", "internal_thought", "inner_voice"),
    *("thought_process", "thinking_process", "thinkingprocess", "thoughtprocess", "chain_of_thought", "cot", "reason"),
    *("hidden_reasoning", "hidden_thoughts", "private_thoughts", "my_thoughts", "my_thinking", "self_reflection"),
    *(
        "reflect",
        "reflections",
        "deliberation",
        "deliberate",
        "brainstorm",
        "brainstorming",
        "pre_thinking",
        "planning",
    ),
    *("extended_thinking", "antml:thinking", "antml:reasoning", "longcat_think", "ponder", "rationale", "critique"),
)
FIRST_TAGS = tuple(f"<{tag}>" for tag in _FIRST_TAGS)
"""Thoughts only at the beginning of an answer: elsewhere a document may have such an element."""
PAIRS: Final = {
    **{f"<{tag}>": f"</{tag}>" for tag in (*_TAGS, *_FIRST_TAGS)},
    "◁think▷": "◁/think▷",
    "<|start_thinking|>": "<|end_thinking|>",
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "<|begin_of_thinking|>": "<|end_of_thinking|>",
    "<｜begin▁of▁thinking｜>": "<｜end▁of▁thinking｜>",
    "<|channel>": "<channel|>",
    "<unused94>": "<unused95>",
}
AROUND_ANSWERS: Final = {f"<{tag}>": f"</{tag}>" for tag in ("answer", "final_answer", "final", "response", "output")}
"""What some models put around their answer, behind a thought; elsewhere a document may have such an element."""
CHANNEL = "<|channel|>"
THINKING_MARKS = (*PAIRS, *PAIRS.values(), *AROUND_ANSWERS, *AROUND_ANSWERS.values(), CHANNEL, *TEMPLATE_MARKS)


def _any_of(words: Iterable[str]) -> str:
    """The pattern for the longest of these words, letter by letter: what begins like none of them is seen at once."""
    behind: dict[str, list[str]] = {}
    for word in words:
        behind.setdefault(word[:1], []).append(word[1:])
    is_whole = behind.pop("", None) is not None
    ways = "|".join(re.escape(letter) + _any_of(rest) for letter, rest in behind.items())
    return f"(?:{ways})?" if ways and is_whole else f"(?:{ways})" if ways else ""


_ANY = f"{_any_of(dict.fromkeys(THINKING_MARKS))}|{FORM}"
MARKS = re.compile(rf"\s*(?:(?=[<\[◁\]])(?:{_ANY})\s*)+", re.IGNORECASE)
MARK = re.compile(rf"(?=[<\[◁\]])(?:{_ANY})|(?<![\w<|｜>\[_-]){SPEAKER}(?!\w)", re.IGNORECASE)
MAY_BE_MARK = re.compile(
    rf"[<◁]|[{re.escape(STICKY)}]a(?:s|\Z)|\](?:~|\Z)|\[(?:[|/]|e~|[a-z_]{{0,13}}(?:\]|\Z))", re.IGNORECASE
)
"""Where none of this stands nothing is a mark, or the beginning of one."""
LONGEST = 48
"""No mark is longer."""
_OPENERS = re.compile(rf"[<◁\[]|\](?=~|\Z)|(?<=[{re.escape(STICKY)}])a(?=s|\Z)")


def is_thought(mark: str) -> bool:
    """Whether a mark, in lower case, belongs to a thought."""
    return mark in PAIRS or mark in PAIRS.values() or mark == CHANNEL


def mark_begun_at(text: str) -> int:
    """Where in the text a mark may begin that is not whole yet; its length where none does."""
    for opener in _OPENERS.finditer(text, max(0, len(text) - LONGEST)):
        begun = text[opener.start() :].lower()
        if BEGUN.fullmatch(begun) or any(mark.startswith(begun) for mark in (*THINKING_MARKS, SPEAKER)):
            return opener.start()
    return len(text)


TAG_CHARS = 300
CHANNEL_CHARS = 120
CHANNEL_HEADER = re.compile(r"((?:[^<\n]|<\|constrain\|>){0,100})<\|message\|>")
CHANNEL_END = re.compile(r"<\|(?:end|return|call)\|>|(?=<\|(?:start|channel)\|>)")
UNOPENED_END = re.compile(
    r"^[ \t]*</think(?:ing)?>|</think(?:ing)?>(?=[ \t]*(?:\n|\Z))|◁/think▷", re.IGNORECASE | re.MULTILINE
)
ANY_END = re.compile(r"(?<!`)</think(?:ing)?>|◁/think▷", re.IGNORECASE)

_THOUGHT_TITLE = (
    r"thinking ?(?:\.\.\.|…)|(?:thought|thinking|reason(?:ed|ing)) for \d|(?:deep )?thinking \("
    r"|(?:thinking|thought|reasoning) process|chain of thought|(?:已|正在)?深度思考|思考(?:过程|中)"
)
_DETAILS = rf"<details(?:\s[^<>]{{0,{TAG_CHARS}}})?>"
_SUMMARY_BEGUN = re.compile(rf"{_DETAILS}\s*(?:<[a-z]{{0,7}}(?:>[^<>]{{0,90}}(?:</?[a-z]{{0,7}})?)?)?", re.IGNORECASE)

OTHER_OPENINGS = (
    (re.compile(r"\[THINK\]"), re.compile(r"\[/THINK\]")),
    (re.compile(r"here is my thought process:", re.IGNORECASE), re.compile(r"here is my response:", re.IGNORECASE)),
    (re.compile(r"analysis(?=[A-Z\u0400-\uffff])"), re.compile(r"assistant(?:commentary|final)")),
    (
        re.compile(
            r'<details\s[^<>]*type="(?:reasoning|thinking|thought)"[^<>]*>'
            rf"|{_DETAILS}\s*<summary>[^\w<]{{0,9}}(?:{_THOUGHT_TITLE})[^<>]{{0,60}}</summary>",
            re.IGNORECASE,
        ),
        re.compile(r"</details>", re.IGNORECASE),
    ),
    *(
        (re.compile(rf"<{tag}\s[^<>]{{0,{TAG_CHARS}}}>", re.IGNORECASE), re.compile(rf"</{tag}\s*>", re.IGNORECASE))
        for tag in (*_TAGS, *_FIRST_TAGS)
    ),
)
"""Only at the very beginning. The third is a channel whose marks were dropped and whose names were not."""
LITERAL_OPENINGS = ("[think]", "here is my thought process:", "analysis")
_TAG_BEGUN = re.compile(rf"<([a-z][\w:-]*)(\s[^<>]{{0,{TAG_CHARS}}})?")


def may_open(begun: str) -> bool:
    """Whether one of these may begin so, in lower-case text."""
    if any(opening.startswith(begun) for opening in LITERAL_OPENINGS):
        return True
    tag, names = _TAG_BEGUN.fullmatch(begun), (*_TAGS, *_FIRST_TAGS, "details")
    if tag is None:
        return begun == "<" or _SUMMARY_BEGUN.fullmatch(begun) is not None
    return tag[1] in names if tag[2] else any(name.startswith(tag[1]) for name in names)


SUSPECTS = (
    *(
        "okay,",
        "okay so",
        "okay. ",
        "ok,",
        "ok so",
        "alright",
        "hmm",
        "hm,",
        "hm.",
        "wait,",
        "let me",
        "let's",
        "let us",
    ),
    *("i ", "i'", "i’", "first, i", "first i", "so i ", "so, i", "now i ", "now, i", "so the user", "so, the user"),
    *("the user wants", "the user asks", "the user is asking", "the user asked", "the user needs me", "the user has"),
    *("the user would like", "the user gave", "the user said", "the user says", "we need to", "we have to", "we must"),
    *(
        "we should",
        "we are asked",
        "we're asked",
        "my task",
        "my job",
        "the task is",
        "the prompt says",
        "the prompt asks",
    ),
    *("this section should", "this section must", "this section needs", "the section should", "the section must"),
    *(
        "thinking",
        "thought",
        "think",
        "(thinking",
        "*thinking",
        "**thinking",
        "plan:",
        "planning",
        "reasoning",
        "secret",
    ),
    *("considering", "weighing", "hidden", "step 1:", "draft:", "好的，", "好，", "嗯", "用户想", "用户要", "用户希望"),
    *("用户让", "我需要", "我应该", "我要", "我得", "我们需要", "让我", "首先，我", "现在我", "思考", "ユーザーが求め"),
    *("まず、", "うーん", "考え", "사용자가 요청", "음,", "먼저", "хорошо,", "мне нужно", "надо ", "итак,", "думаю"),
    *("пользователь просит", "пользователь хочет", "ich muss", "ich soll", "der nutzer möchte", "der nutzer will"),
    *("je dois", "l'utilisateur veut", "l'utilisateur demande", "el usuario quiere", "el usuario pide", "necesito"),
    *("debo", "o usuário quer", "preciso", "l'utente vuole", "devo"),
)
"""How thoughts begin that nothing announces. A text that begins so is held back once a model, see `Thoughts`."""
DELIBERATES = re.compile(
    r"\bthe (?:user|prompt|request|instructions?)\b|\blet(?:'s| me| us)\b"
    r"|\b(?:i|we)(?:'ll| will)? (?:should|need|must|have to|can|could|might)\b"
    r"|\b(?:wait|hmm|maybe|perhaps|okay|alright|actually)\b"
    r"|用户|我(?:需要|应该|要|得|可以)|我们|让我|嗯|ユーザー|べき|しよう|考え|사용자|먼저|해야"
    r"|пользовател|нужно|надо|возможно|\b(?:ich (?:muss|soll|werde|kann)|der nutzer)\b"
    r"|l'utilisateur|\bje (?:dois|vais|peux)\b"
    r"|\b(?:el usuario|debo|necesito|quizás|tal vez|o usuário|preciso|devo)\b"
)
"""What who talks to himself says all the time; on lower-case text."""
