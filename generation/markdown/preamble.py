"""What models say to the person before they write, in many languages; pure. It only recognizes: it removes nothing."""

from __future__ import annotations

import re

PREAMBLE_CHARS = 400
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
_BRACKETED = re.compile(r"[(（\[【][^\n()\[\]/]+[)）\]】]")
_AROUND = " \t\r\n*_#>\"'“„«‘`"


def opens_like_talk(line: str) -> bool:
    return line.lstrip(_AROUND).startswith(OPENERS)


def announces(line: str) -> bool:
    """Whether the line says that a text follows, or that it is gone on with."""
    said = line.strip(_AROUND)
    if not said or len(said) > PREAMBLE_CHARS:
        return False
    if opens_like_talk(said) or _BRACKETED.fullmatch(said):
        return True
    return (
        said[0].isalpha()
        and not said[0].islower()
        and (said.endswith((":", "：")) or _GOES_ON.search(said) is not None)
    )


_INTERJECTION = re.compile(
    r"(?:Certainly|Sure(?: thing)?|Of course|Absolutely|Understood|Got it|No problem|Okay|OK|Alright|Great"
    r"|Natürlich|Gerne|Klar|Selbstverständlich|Verstanden|Alles klar|In Ordnung|Bien sûr|D['’]accord|Très bien"
    r"|Avec plaisir|Entendu|Claro(?: que sí)?|Por supuesto|Desde luego|Entendido|De acuerdo|Com certeza|Certo"
    r"|Certamente|Va bene|Natuurlijk|Uiteraard|Конечно|Разумеется|Хорошо|Звичайно|Oczywiście|Jasne|Tabii(?: ki)?"
    r"|Elbette|بالتأكيد|بالطبع|حسنا|बेशक|ज़रूर|ठीक है|แน่นอน|ได้เลย|好的|(?:当然|當然)(?:可以)?|没问题|沒問題|明白了?"
    r"|はい|承知(?:いた)?しました|かしこまりました|もちろん(?:です)?|わかりました|了解(?:です|しました)?"
    r"|네|물론(?:입니다|이죠|이에요)?|알겠습니다)(?=\s?[!,.:;！，。、：])"
)
_INTRODUCES = re.compile(
    r"(?:Here(?: is|['’]s| are)|Below is|I(?:['’]ll| will| can| am going to)|Let me|Let['’]s|Continuing|Im Folgenden"
    r"|Hier (?:ist|kommt|geht|folgt)|Ich (?:setze|fahre|mache)|Voici|Je (?:continue|reprends|poursuis)"
    r"|Aquí (?:está|tienes|continúa)|A continuación|Continúo|Continuando|Aqui está|Ecco|Continuo|Hier is|Вот|Продолж"
    r"|Ось|Oto|İşte|إليك|यहाँ|นี่คือ|以下|接下来|接下來|下面|我将|我將|我会|続き|続け|다음은|이어서|계속)",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"(?:It (?:looks like|seems|appears)|I(?:['’]m| am) sorry|I apologize|Sorry|I (?:notice|see)|Your (?:message|text)"
    r"|Es (?:sieht so aus|scheint)|Il semble|Parece que|看起来|看起來|您的|你的|申し訳|Entschuldigung|Désolé|Lo siento)"
)
_LACKS = re.compile(
    r"(?:your|ihre?|deine?|votre|tu|su|您的|你的).{0,20}(?:message|text|request|Nachricht|mensaje|消息|訊息|文本)"
    r"|was cut off|abgeschnitten|途中で|途切",
    re.IGNORECASE,
)
_TEXT = re.compile(
    r"\b(?:document|section|text|article|draft|dokument|abschnitt|texte|sección|documento|texto|sezione|testo)\b"
    r"|文档|文件|章节|章節|文章|正文|文書|セクション|документ|раздел|текст|문서|섹션",
    re.IGNORECASE,
)
LINE_CHARS = 200
LONGEST_CHARS = 24
"""No words to a person are recognized later than after so much of them."""
_FIRSTS = frozenset(
    first.casefold()
    for pattern in (_INTERJECTION, _INTRODUCES, _ASKS)
    for first in re.findall(r"(?<=[|:])\w[\w ]{0,2}", pattern.pattern)
)
"""The first letters of these words: no answer that begins otherwise has to wait."""


def talks(head: str, *, is_inside: bool, is_whole: bool = False) -> bool | None:
    """Whether an answer begins with words to the person, as no text does that only goes on; None: more is needed.

    `is_inside` says that the text before ends within a word or a sentence. One blank at its beginning is the mark of an
    answer that goes on.
    """
    said = head.lstrip().lstrip('*_>"“¡')
    line, end, _ = said.partition("\n")
    is_line = bool(end) or is_whole or len(line) >= LINE_CHARS
    if head[:1] == " " or (line and (line[0].islower() or not line[0].isalpha())):
        return False
    opened, asks = _INTERJECTION.match(line), _ASKS.match(line)
    rest = line[opened.end() :].lstrip("!,.:;！，。、： ") if opened else line
    introduced, goes_on = _INTRODUCES.match(rest), _GOES_ON.search(rest) is not None
    if not is_line:
        begun = line[:LONGEST_CHARS].casefold()
        may_open = len(line) < LONGEST_CHARS and any(begun[: len(first)] == first[: len(begun)] for first in _FIRSTS)
        return None if opened or introduced or asks or may_open else False
    is_announcement = rest.rstrip("*_ ").endswith((":", "："))
    is_about = goes_on or is_announcement or _TEXT.search(rest) is not None
    if opened is not None:
        is_said = introduced is not None or (goes_on and line[opened.end() :].lstrip()[0] not in ",，、")
        return is_said and is_about if is_inside else is_said and is_about and bool(end or is_whole)
    return is_inside and bool((introduced and (goes_on or is_announcement)) or (asks and _LACKS.search(line)))
