"""The marks with which chat templates part turns, lower-case, and forms that tell marks nobody has listed; pure.

Special tokens of models, as the templates of llama.cpp, vLLM, Ollama, LM Studio and text-generation-webui write them.
A server that is set up wrongly leaves them in the text.
"""

from __future__ import annotations

import re

HEADS = (
    *("<|start|>", "<|im_start|>", "<|start_header_id|>", "<|header_start|>", "<|start_of_role|>", "<|role_start|>"),
    *(
        "<|start_of_turn_token|>",
        "<start_of_turn>",
        "<|turn>",
        "<|turn_start|>",
        "<role>",
        "<seed:bos>",
        "]~b]",
        "]~!b[",
    ),
    *("<|start_response|>", "<|begin_of_solution|>"),
)
"""Before the name of who speaks next, which may be missing."""
ANSWERS = (
    *(
        "<|assistant|>",
        "<｜assistant｜>",
        "<|im_assistant|>",
        "[|assistant|]",
        "<｜hy_assistant｜>",
        "<|chatbot_token|>",
    ),
    *("<|response|>", "<|bot|>", "<ai>", "[/inst]", "[/system_prompt]"),
)
"""Where the model's own turn begins."""
OTHERS = (
    *("<|user|>", "<｜user｜>", "<|im_user|>", "[|user|]", "<｜hy_user｜>", "<|user_token|>", "<|userprompt|>"),
    *("<|human|>", "[|human|]", "[inst]", "<用户>", "<|system|>", "<|im_system|>", "[|system|]", "<|system_token|>"),
    *("<<sys>>", "[system_prompt]", "<|observation|>", "<|tool|>", "[|tool|]"),
)
"""Where another turn begins."""
ENDS = (
    *("<|im_end|>", "<im_end>", "<|eot_id|>", "<|eot|>", "<|eom_id|>", "<|endoftext|>", "<|end_of_text|>", "<|end|>"),
    *("<|return|>", "<|call|>", "<|end_of_turn_token|>", "<|end_of_turn|>", "<|end_response|>", "<|end_of_solution|>"),
    *("</s>", "<eos>", "<eot>", "<eod>", "<eop>", "<end_of_turn>", "<turn|>", "<end_of_utterance>", "<extra_id_1>"),
    *("<｜end▁of▁sentence｜>", "<|file_separator|>", "<|endofprompt|>", "<|eos|>", "<|role_end|>", "<|turn_end|>"),
    *(
        "<|message_sep|>",
        "<|flush|>",
        "<|calls|>",
        "<seed:eos>",
        "[e~[",
        "[eos]",
        "[eot]",
        "[end_of_text]",
        "[|endofturn|]",
    ),
    *("<<end>>", "<</sys>>"),
)
FILLERS = (
    *("<｜begin▁of▁sentence｜>", "<|begin_of_text|>", "<|begin_of_sentence|>", "<|startoftext|>", "<|start_of_text|>"),
    *(
        "<bos>",
        "<|bos|>",
        "[bos]",
        "[gmask]",
        "<sop>",
        "<s>",
        "<pad>",
        "<|pad|>",
        "[pad]",
        "<unk>",
        "[unk]",
        "[cls]",
        "[sep]",
    ),
)
"""Of a whole text, and what stands for nothing."""
TEMPLATE_MARKS = (*HEADS, *ANSWERS, *OTHERS, *ENDS, *FILLERS)
FORM = r"<\|[\w./:-]{1,40}\|>|<｜[\w▁./:-]{1,40}｜>|\[\|[\w/-]{1,40}\|\]|<\|[a-z]\w{1,39}>|<[a-z]\w{1,39}\|>"
"""How special tokens look that are not listed: such a mark says nothing at the two ends of an answer."""
BEGUN = re.compile(r"<[|｜][\w▁./:-]{0,40}[|｜]?|\[\|[\w/-]{0,40}\|?|<[a-z]\w{1,39}\|", re.IGNORECASE)
"""One that is not whole yet."""
HALF = re.compile(r"<[|｜]\w[\w▁./:-]{1,40}[|｜]?\Z")
"""What is left of one where the answer ended in it."""
ENDING_NAME = re.compile(r"\W*(?:(?:[a-z]+_)?(?:end|eo[dmpstu])(?:_?of)?(?:[\W_]|[a-z]*\W)|/)", re.IGNORECASE)
"""Among those not listed: the end of something."""
SENTENCE_GOES_ON = re.compile(r" [a-z]")
"""Behind a mark at the very beginning: it is what the sentence is about."""

ROLE_MARK = re.compile(
    r"(assistant|chatbot|model|bot|ai|user|human|system|developer|tool|observation|ipython|environment)?"
    r"(?:(<\|(?:end_header_id|header_end|message|end_of_role|role_end|role_sep|im_sep|im_middle)\|>|</role>)\s*"
    r"|[ \t]*(\n+|(?=<\|)|$))",
    re.IGNORECASE,
)
ROLE_CHARS = 40
ROLE_BEGUN = re.compile(r"[a-z]*(?:<[^>\n]*)?", re.IGNORECASE)
SPEAKER, STICKY = "assistant", ".!?…。！？:;)）]}”’»」"
NAME_LEFT = re.compile(r"(?:assistant|model)\n")
"""A head whose marks were dropped and whose name was not: at the very beginning, or stuck to the end of a sentence."""
NAMES_LEFT = ("assistant\n", "model\n")
