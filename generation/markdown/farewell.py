"""What models say to the person when nothing is left to write, in many languages: such words are no text. Pure.

They are known only where they are all that an answer brings, behind a text that has come to an end.
"""

from __future__ import annotations

import re

from generation.markdown.fences import FENCE_LINE, open_fence

FAREWELL_CHARS = 240
"""Longer answers say more."""
SENTENCE_CHARS = 120
LINE_END_CHARS = 300
"""Of a longer line so much shows whether it ends a sentence."""

_AROUND = " \t\r\n*_#>\"'“”„«»‘’`-—–=~"
_BRACKETS = "()[]{}<>（）【】「」『』|/"
_ENDS = re.compile(r"(?<=[.!?;])\s+|[。！？；।॥؟۔]|\s*\n\s*|\s+[—–-]+\s+")
_PUNCTUATION = " .!?;,:…。！？؟۔।"
_SENTENCE_END = re.compile(r"[.!?…。！？।॥؟۔።။៕][\"'*_`)\]”’»」』）]*\Z")
_NO_END = re.compile(
    r"(?:^\s*\d{1,9}|\b(?:e\.g|i\.e|z\.B|d\.h|bzw|vs|ca|cf|approx|Mr|Mrs|Ms|Dr|St|No|Nr|p\.ej|т\.е|т\.д))\.\Z"
)

_EN_TEXT = r"(?:document|section|text|answer|article|brief|chapter|draft)"
_NAME = r"(?: [\"“„'‘«][^\"”“'’»]{1,60}[\"”“'’»])?"
_EN_IT = (
    rf"(?:(?:the|this) (?:[\w\"“”'‘’-]+ ){{0,4}}{_EN_TEXT}|(?:your|my) (?:{_EN_TEXT}|response|content|output)){_NAME}"
)
_SAID = (
    rf"(?:that(?: is|['’]s|[ ]was) )?the end of (?:the |this )?{_EN_TEXT}",
    rf"end of (?:the |this )?{_EN_TEXT}",
    rf"{_EN_IT}(?: (?:is|was|has been|seems|appears|looks)(?: to be)?)(?: (?:now|already|fully|therefore))*"
    r" (?:complete|completed|finished|done|whole)(?: (?:now|already|here|there|as (?:it )?(?:is|stands)|as written))?"
    r"(?:,? (?:and|so)? ?(?:there is |there['’]s )?(?:nothing|no).{0,60})?",
    r"(?:(?:there is|there['’]s|i have) )?nothing (?:(?:more|else|further|left) )*(?:(?:is|remains|needs) )?"
    r"(?:to (?:be )?(?:add|added|write|written|continue|say)|needed|required|remains|left)"
    rf"(?: (?:here|(?:to|in) (?:the|this) {_EN_TEXT}))?",
    r"(?:there is |there are )?no (?:further|more|additional) (?:content|text|additions?|information|output"
    r"|continuation|words|writing)(?: (?:is|are|was))?"
    r"(?: (?:needed|required|necessary|to add|remaining))?(?: here| at this point)?",
    r"(?:(?:der|dieser) (?:abschnitt|text)|(?:das|dieses|ihr) (?:dokument|kapitel)|die antwort) ist"
    r"(?: (?:damit|somit|bereits|nun|jetzt|hiermit|hier|schon))* (?:vollständig|fertig|abgeschlossen|komplett|beendet)",
    r"(?:(?:hier )?gibt es |es gibt |es ist |dem ist )?nichts (?:(?:mehr|weiter|weiteres) )?hinzuzufügen",
    r"ende (?:des (?:dokuments|abschnitts|textes|kapitels)|der antwort)",
    r"(?:es (?:ist|sind) )?keine? (?:weiterer?|weiteren) (?:text|inhalte?|ergänzungen)"
    r"(?: (?:ist|sind))?(?: (?:erforderlich|nötig|notwendig))?",
    r"(?:(?:le|ce|votre) (?:document|texte|chapitre)|(?:la|cette) (?:section|réponse|partie)) est"
    r"(?: (?:maintenant|déjà|désormais|donc))* (?:complète?|complet|terminée?|achevée?|finie?)",
    r"(?:il n['’]y a |je n['’]ai )?(?:plus )?rien (?:(?:d['’]autre|de plus) )?à ajouter",
    r"fin (?:du (?:document|texte|chapitre)|de la (?:section|réponse)|del? (?:documento|texto)|de la sección)",
    r"aucun (?:contenu|texte|ajout) supplémentaire n['’]est (?:nécessaire|requis)",
    r"(?:(?:el|este|su) (?:documento|texto|apartado)|(?:la|esta) (?:sección|respuesta)) (?:ya )?(?:está|ha sido)"
    r" (?:ya )?(?:complet[oa]|terminad[oa]|finalizad[oa]|completad[oa])",
    r"(?:no hay )?nada más (?:que|para|por) (?:añadir|agregar)|no hay más (?:que|para) (?:añadir|agregar)",
    r"no se (?:necesita|requiere) (?:más )?(?:contenido|texto)(?: adicional)?",
    r"(?:(?:o|este) (?:documento|texto)|(?:a|esta) (?:seção|secção|resposta)) (?:já )?está (?:já )?"
    r"(?:complet[oa]|concluíd[oa]|finalizad[oa]|terminad[oa])",
    r"não há (?:mais )?nada (?:mais )?a (?:acrescentar|adicionar)|fim (?:do (?:documento|texto)|da (?:seção|secção))",
    r"(?:(?:il|questo) (?:documento|testo)|(?:la|questa) (?:sezione|risposta)) è (?:(?:già|ora|ormai) )?"
    r"(?:complet[oa]|terminat[oa]|conclus[oa]|finit[oa]|completat[oa])",
    r"(?:non c['’]è )?(?:nient['’]altro|null['’]altro|nulla|niente)(?: altro)? da aggiungere",
    r"fine (?:del (?:documento|testo)|della sezione)",
    r"(?:(?:het|dit) document|(?:de|deze) (?:sectie|tekst|paragraaf)) is (?:(?:nu|al|reeds) )?"
    r"(?:compleet|voltooid|klaar|af|volledig)|(?:er is )?niets (?:meer )?toe te voegen"
    r"|einde (?:van )?(?:het document|de (?:sectie|tekst))",
    r"(?:dokument|sekcja|tekst|rozdział) (?:jest )?(?:już )?(?:kompletn[ya]|ukończon[ya]|gotow[ya]|zakończon[ya])"
    r"|nie ma (?:już )?nic (?:więcej )?do dodania",
    r"(?:bu )?(?:belge|bölüm|metin) (?:tamamlandı|tamamlanmıştır|tamamdır)|eklenecek (?:başka )?bir ?şey yok",
    r"(?:этот |данный )?(?:документ|раздел|текст)(?: (?:уже|полностью))* (?:завершён|завершен|закончен|готов)",
    r"(?:мне )?(?:больше )?нечего (?:больше )?добавить|конец (?:документа|раздела|текста)",
    r"(?:(?:本|该|該|此|这份?|這份?|这个|這個)?(?:文档|文檔|文件|章节|章節|部分|文章|正文|小节|节|節)(?:的?内容|的?內容)?)"
    r"(?:已经?|已經|到此|至此|现已|現已|就此)*(?:完整|完成|结束|結束|完毕|完畢|写完|寫完)了?",
    r"(?:已?没有|已?沒有|无需|無需|不需要|没什么|沒什麼)(?:其他|更多|任何)?(?:需要|可以|要|可)?再?"
    r"(?:补充|補充|添加|增加|续写|續寫)的?(?:内容|內容|地方)?了?",
    r"(?:全文|文档|文檔|本节|本節)(?:到此|至此)?(?:完|结束|結束)",
    r"(?:この)?(?:文書|ドキュメント|セクション|文章|本文|章|節)は(?:すでに|既に|これで|以上で)?"
    r"(?:完成|完了|完結|終了)(?:です|しました|しています|している|となります)",
    r"(?:これ以上|他に|ほかに)?(?:追加|追記|付け加える|加える)(?:する|すべき)?(?:こと|内容|もの|事項)は(?:特に)?ありません",
    r"(?:이 )?(?:문서|섹션|글|본문|절)(?:는|은|이|가) (?:(?:이미|모두|여기서) )*(?:완료|완성|종료)"
    r"(?:되었습니다|됐습니다|되어 있습니다)",
    r"(?:더 이상 |더 )?(?:추가할|덧붙일) (?:내용|것|말)(?:은|이)? ?없습니다",
    r"(?:هذا |هذه )?(?:المستند|القسم|النص|الوثيقة) (?:مكتملة?|كاملة?|اكتملت?)(?: بالفعل)?",
    r"لا يوجد (?:شيء آخر |شيء |ما )(?:لإضافته|يمكن إضافته|يضاف)|(?:نهاية|انتهى|انتهت) (?:المستند|القسم|النص|الوثيقة)",
    r"(?:यह )?(?:दस्तावेज़?|दस्तावेज़|अनुभाग|खंड|पाठ) (?:(?:अब|पहले से) )?(?:ही )?(?:पूरा|पूर्ण|समाप्त)(?: हो (?:गया|चुका))? है",
    r"(?:इस (?:अनुभाग|दस्तावेज़|खंड) में )?(?:और )?जोड़ने के लिए (?:और )?कुछ (?:भी )?नहीं है",
    r"(?:เอกสาร|ส่วน|เนื้อหา|ข้อความ|หัวข้อ)(?:นี้)?(?:เสร็จ)?(?:สมบูรณ์|เสร็จสิ้น|ครบถ้วน|จบ)แล้ว",
    r"ไม่มี(?:อะไร|เนื้อหา|ข้อมูล)(?:ที่)?(?:ต้อง|จะ)?เพิ่ม(?:เติม)?(?:อีก)?(?:แล้ว)?",
)
_SAYS = re.compile("|".join(f"(?:{said})" for said in _SAID), re.IGNORECASE)
_MARKED = re.compile(
    r"(?:the )?end|eof|eot|fin|done|stop|complete|completed|finished|ende|完|终|終|了|以上|全文完|конец"
    r"|끝|نهاية|النهاية|समाप्त|จบ|no (?:further|more|additional) .{0,40}|nothing .{0,40}",
    re.IGNORECASE,
)
"""Said so only in brackets, between lines, or in capitals: elsewhere it may be the last word of a text."""
_CAPITALS = ("END", "EOF", "DONE", "STOP", "END.", "EOF.", "FIN", "COMPLETE")
_FIRSTS = tuple(
    re.findall(
        r"\S+",
        "the this your my that end no nothing there i der dieser das dieses ihr die hier gibt es dem nichts ende "
        "kein keine le ce votre la cette il je plus rien fin aucun el este su esta nada o a não fim questo "
        "questa non nient null nulla niente fine het dit de deze er niets einde dokument sekcja tekst rozdział "
        "nie bu belge bölüm metin eklenecek этот данный документ раздел текст мне больше нечего конец 本 该 該 "
        "此 这 這 文 章 部分 正文 小节 节 節 已 没 沒 无 無 不需要 全文 この 文書 ドキュメント セクション 本文 "
        "これ以上 他に ほかに 追加 追記 付け加える 加える 이 문서 섹션 글 본문 절 더 추가할 덧붙일 هذا هذه "
        "المستند القسم النص الوثيقة لا نهاية انتهى انتهت यह दस्ता अनुभाग खंड पाठ इस और जोड़ने เอกสาร ส่วน "
        "เนื้อหา ข้อความ หัวข้อ ไม่มี eof eot done stop complete completed finished 完 终 終 了 以上 끝 النهاية "
        "समाप्त จบ ",
    )
)
"""How these words begin: no answer that begins otherwise has to wait."""


_STOPS_WITHIN = re.compile(
    r"(?:[,;:(\[{“„«，、；：（「『]|(?<!\w)(?:and|or|the|an|of|to|with|from|und|oder|der|die|das|mit|von|et|ou|le|les|des|"
    r"el|los|del|con|и|или|для)|(?:\A|\n)[ \t]*(?:[-*+>]|\d{1,9}[.)]|#{1,6}))\s*\Z",
    re.IGNORECASE,
)


def has_ended(text: str) -> bool:
    """Whether the text stands at the end of a sentence, or of a block of code, with nothing open."""
    said = text.rstrip()
    line = said[said.rfind("\n") + 1 :]
    end = line if len(line) <= LINE_END_CHARS else f"…{line[-LINE_END_CHARS:]}"
    if not said or open_fence(text) or said.count("<!--") > said.count("-->"):
        return False
    if FENCE_LINE.match(line):
        return True
    is_open = line.count("**") % 2 or line.count("`") % 2 or line.count("(") > line.count(")")
    is_heading = line.lstrip().startswith("#")
    return not (is_open or is_heading) and _SENTENCE_END.search(end) is not None and not _NO_END.search(end)


def stops_within(text: str) -> bool:
    """Whether the text evidently stops in the middle: behind a comma, a small word, or the mark that begins a line."""
    return _STOPS_WITHIN.search(text) is not None


def says_farewell(answer: str) -> bool:
    """Whether the answer says that nothing is left, and nothing else."""
    said = answer.strip()
    if not said or len(said) > FAREWELL_CHARS:
        return False
    bare = said.strip(_AROUND.replace(">", ""))
    is_marked = bare[:1] in _BRACKETS and bare.rstrip(_PUNCTUATION)[-1:] in _BRACKETS
    is_marked |= bare in _CAPITALS or (said[:2] in ("--", "==", "**") and said[-2:] in ("--", "==", "**"))
    if is_marked and _MARKED.fullmatch(_bare(said)):
        return True
    parts = [part for part in map(_bare, _ENDS.split(said)) if part]
    return bool(parts) and all(map(_SAYS.fullmatch, parts))


def may_say_farewell(head: str) -> bool:
    """Whether an answer that begins so may say that nothing is left."""
    said = head.strip()
    *parts, open_part = (_bare(part) for part in _ENDS.split(said))
    if len(said) > FAREWELL_CHARS or len(open_part) > SENTENCE_CHARS or not all(map(_says, parts)):
        return False
    begun = open_part.casefold()
    return any(
        first.startswith(begun) or (begun.startswith(first) and _is_word(begun, len(first))) for first in _FIRSTS
    )


def _is_word(begun: str, end: int) -> bool:
    return not (begun[end - 1].isascii() and begun[end : end + 1].isalpha())


def _bare(part: str) -> str:
    return part.strip(_AROUND + _BRACKETS + _PUNCTUATION)


def _says(part: str) -> bool:
    return not part or _SAYS.fullmatch(part) is not None or _MARKED.fullmatch(part) is not None


class Farewell:
    """What an answer brings behind a text that has ended, without words that say that nothing is left."""

    def __init__(self) -> None:
        self._head = ""
        self._is_text = False

    def feed(self, text: str) -> str:
        """What is text for sure."""
        if self._is_text:
            return text
        self._head += text
        if may_say_farewell(self._head):
            return ""
        head, self._head, self._is_text = self._head, "", True
        return head

    def end(self) -> str:
        """The rest, when the answer has ended."""
        head, self._head = self._head, ""
        return "" if says_farewell(head) else head
