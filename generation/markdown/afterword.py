"""What models say to the person behind what they wrote, offers and questions, in many languages; pure.

Known only behind the fence around a whole answer: elsewhere a document may say the same.
"""

from __future__ import annotations

import re

AFTERWORD_CHARS = 400
"""Longer ones say more."""

_OFFERS = (
    r"let me know (?:if|whether|when|what|how)|(?:feel free|don['’]t hesitate) to (?:ask|reach out|let me|tell me)"
    r"|hope (?:this|that|it) (?:helps|meets|works)|(?:would|do) you (?:like|want|need) me to"
    r"|(?:shall|should) i \w|i(?:['’]d| would) be (?:happy|glad) to|i['’]m happy to",
    r"lass(?:en)? (?:es )?(?:mich|sie mich) (?:es )?(?:gerne? )?(?:bitte )?wissen"
    r"|sag(?:en sie)? mir (?:gerne? )?bescheid|(?:möchtest du|möchten sie|soll ich)\b|ich hoffe,? (?:das|dies) hilft",
    r"n['’]hésite[zs]? pas|(?:dites|dis|faites|fais)-(?:moi|le moi)\b|(?:souhaitez-vous|voulez-vous|veux-tu) que je"
    r"|j['’]espère que cela",
    r"(?:avísame|avíseme|házmelo saber|hágamelo saber|no dudes en|no dude en)\b|¿(?:quieres|desea|quiere) que\b"
    r"|espero que (?:esto|te|le)\b",
    r"(?:me avise|avise-me|fique à vontade|não hesite)\b|(?:gostaria|quer|deseja) que eu\b",
    r"(?:fammi sapere|mi faccia sapere|non esitare)\b|(?:vuoi|vuole|desidera) che (?:io )?\b"
    r"|spero che (?:questo|sia)\b",
    r"laat (?:het )?(?:me|mij) (?:het )?(?:gerust )?weten|wil je dat ik\b",
    r"(?:daj|proszę dać) mi znać|czy (?:chcesz|mam)\b",
    r"bana (?:bildirin|haber ver)|umarım",
    r"(?:дай|дайте) (?:мне )?знать|(?:хотите|хочешь),? чтобы я\b|надеюсь,? (?:это|что)",
    r"(?:请|請)(?:随时|隨時)?(?:告诉|告訴|告知|联系)我|(?:需要|要)我.{0,20}[吗嗎]|希望(?:这|這).{0,12}(?:帮助|幫助)"
    r"|如(?:果您|您|果你)?(?:需要?|有).{0,30}(?:告诉|告訴|告知|联系)",
    r"(?:お知らせ|お申し付け|お聞かせ)ください|ご(?:要望|希望|不明な点).{0,20}(?:ください|ございましたら|あれば)",
    r"(?:알려|말씀해) ?(?:주세요|주시면|주십시오)|도움이 되(?:길|었으면)",
    r"أخبرني|أعلمني|لا تتردد|هل تريد(?:ني)? أن|آمل أن",
    r"मुझे (?:बताएं|बताएँ|बताइए)|क्या (?:आप|मैं).{0,30}(?:चाहते|चाहेंगे|करूँ)|आशा है",
    r"(?:แจ้ง|บอก)(?:ให้)?(?:ผม|ฉัน|เรา|ได้)|ต้องการให้(?:ผม|ฉัน|เรา)",
)
_SAYS = re.compile("|".join(f"(?:{offer})" for offer in _OFFERS), re.IGNORECASE)
_MARKED = re.compile(r"^[ \t]*(?:#{1,6} |[-*+] |\d{1,3}[.)] |\||`{3}|~{3}|\[[^\]]+\]:|<)", re.MULTILINE)
_AROUND = " \t\r\n*_-—–="


def says_afterword(text: str) -> bool:
    """Whether the text, all that stands behind a document, is said to the person who asked for it."""
    said = text.strip(_AROUND)
    return len(said) <= AFTERWORD_CHARS and _SAYS.search(said) is not None and _MARKED.search(said) is None
