"""What models say to the person before they write, in many languages; pure. It only recognizes: it removes nothing."""

from __future__ import annotations

import re

PREFACE_CHARS = 400
"""Longer lines are no announcement."""

OPENERS = (
    *("Here is", "Here's", "Here’s", "Here are", "Sure", "Certainly", "Of course", "Below is", "Okay", "OK", "Great"),
    *("The section", "Understood", "Absolutely", "Hier ist", "Hier der", "Hier geht es", "Natürlich", "Gerne", "Klar"),
    *("Selbstverständlich", "Voici", "Bien sûr", "D'accord", "D’accord", "Claro", "Aquí", "Por supuesto", "Ecco"),
    *("Certo", "Certamente", "Aqui está", "Hier is", "Natuurlijk", "Вот", "Конечно", "Разумеется", "Ось", "Oto"),
    *("İşte", "إليك", "बेशक", "यहाँ", "แน่นอน", "นี่คือ", "以下", "好的", "当然", "當然", "這是", "这是", "はい", "承知"),
    *("もちろん", "こちら", "かしこまりました", "다음은", "네", "물론"),
)
"""With such words an answer begins that announces a text."""

_GOES_ON = re.compile(
    r"\bcontinu|\bcut off|\bleft off|\brest\b|\bremain|\bresum|\bpick.{0,8}\bup\b|\bgo(?:ing)? on\b|\bproceed"
    r"|fortsetz|fortges|fortfahr|\bweiter|\bsuite\b|\breprend|\bpoursui|\bresto\b|\bsigu|\bsegu|\bprosegu|\bvervolg"
    r"|\bverder\b|продолж|продовж|остал|\bdalsz|kontynu|\bdevam|\bkalan|بقية|متابع|استكمال|تكملة|शेष|बाकी|जारी|आगे"
    r"|ต่อ|ส่วนที่เหลือ|续|續|接下来|接下來|剩余|続|残り|이어|계속|나머지",
    re.IGNORECASE,
)
_BRACKETED = re.compile(r"[(（\[【][^\n]+[)）\]】]")
_AROUND = " \t\r\n*_#>\"'“„«‘`"


def opens_like_talk(line: str) -> bool:
    return line.lstrip(_AROUND).startswith(OPENERS)


def announces(line: str) -> bool:
    """Whether the line says that a text follows, or that it is gone on with."""
    said = line.strip(_AROUND)
    if not said or len(said) > PREFACE_CHARS:
        return False
    if opens_like_talk(said) or _BRACKETED.fullmatch(said):
        return True
    return not said[0].islower() and (said.endswith((":", "：")) or _GOES_ON.search(said) is not None)
