"""The marks of chat templates and of thoughts that leak into answers, lower-case; pure."""

from __future__ import annotations

import re
from typing import Final

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
PAIRS: Final = {
    **{f"<{tag}>": f"</{tag}>" for tag in _TAGS},
    "◁think▷": "◁/think▷",
    "<|start_thinking|>": "<|end_thinking|>",
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "<|channel>": "<channel|>",
    "<unused94>": "<unused95>",
}
CHANNEL = "<|channel|>"
HEADS = (
    "<|start|>",
    "<|im_start|>",
    "<|start_header_id|>",
    "<|assistant|>",
    "<|start_response|>",
    "<|begin_of_solution|>",
    "<start_of_turn>",
    "<|turn>",
)
ENDS = (
    "<|im_end|>",
    "<|eot_id|>",
    "<|eot|>",
    "<|eom_id|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|end_of_turn_token|>",
    "<|end_response|>",
    "<|end_of_solution|>",
    "<|user|>",
    "<|observation|>",
    "</s>",
    "<eos>",
    "<end_of_turn>",
    "<turn|>",
    "<｜end▁of▁sentence｜>",
    "<｜begin▁of▁sentence｜>",
    "<｜user｜>",
    "<｜assistant｜>",
    "<|system|>",
    "<|file_separator|>",
    "<|endofprompt|>",
    "<|eos|>",
    "<|role_end|>",
    "<end_of_utterance>",
    "<extra_id_1>",
)
THINKING_MARKS = (*PAIRS, *PAIRS.values(), CHANNEL, *HEADS, *ENDS)
MARK = re.compile("|".join(map(re.escape, sorted(THINKING_MARKS, key=len, reverse=True))), re.IGNORECASE)
LONGEST = max(map(len, THINKING_MARKS))
ROLE_MARK = re.compile(
    r"(assistant|model|user|system|developer|tool)?(<\|end_header_id\|>|<\|message\|>)?[ \t]*(\n+|(?=<\|)|$)"
)
ROLE_CHARS = 40
ROLE_BEGUN = re.compile(r"[a-z]*(?:<[^>\n]*)?")
CHANNEL_CHARS = 120
CHANNEL_HEADER = re.compile(r"((?:[^<\n]|<\|constrain\|>){0,100})<\|message\|>")
CHANNEL_END = re.compile(r"<\|(?:end|return|call)\|>|(?=<\|(?:start|channel)\|>)")
UNOPENED_END = re.compile(
    r"^[ \t]*</think(?:ing)?>|</think(?:ing)?>(?=[ \t]*(?:\n|\Z))|◁/think▷", re.IGNORECASE | re.MULTILINE
)
ANY_END = re.compile(r"(?<!`)</think(?:ing)?>|◁/think▷", re.IGNORECASE)

OTHER_OPENINGS = (
    (re.compile(r"\[THINK\]"), re.compile(r"\[/THINK\]")),
    (re.compile(r"here is my thought process:", re.IGNORECASE), re.compile(r"here is my response:", re.IGNORECASE)),
    (re.compile(r"analysis(?=[A-Z\u0400-\uffff])"), re.compile(r"assistant(?:commentary|final)")),
)
"""Only at the very beginning. The last is a channel whose marks were dropped and whose names were not."""
LITERAL_OPENINGS = ("[think]", "here is my thought process:", "analysis")
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
