"""Joining turns in other languages than English, in code of many kinds, and with announcements nobody listed.

The joints are cut anywhere between two words, as turns really end, and are made without `joints`, so that each set of
joints checks the other.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from generation.seams import BadSeam, join

TEXTS = {
    path.stem: path.read_text(encoding="utf-8") for path in (Path(__file__).parent / "texts/languages").glob("*.md")
}
ANNOUNCEMENTS = {
    "german": ("Hier ist der Rest des Dokuments:", "Natürlich! Hier geht es weiter:", "**Fortsetzung:**"),
    "french": ("Voici la suite du document :", "Bien sûr, je continue :", "(suite)"),
    "spanish": ("Claro, aquí está la continuación:", "Continúo donde se cortó el texto:", "[continuación]"),
    "russian": ("Конечно, вот продолжение:", "Продолжаю с того места, где текст прервался:", "**Продолжение:**"),
    "chinese": ("好的，以下是续写的内容：", "接上文：", "（续）"),
    "japanese": ("承知しました。続きは次のとおりです：", "続きです：", "（続き）"),
    "code": ("No problem, here's what follows:", "[continued from above]", "Resuming at the cut:"),
}
CHATTER = (
    "Es tut mir leid, aber ohne den vollständigen Text kann ich nicht weiterschreiben. Bitte sende mir den Anfang.",
    "Je suis désolé, mais je ne peux pas continuer sans plus de contexte. Pouvez-vous préciser votre demande ?",
    "Lo siento, pero no puedo ver el texto anterior. ¿Podrías enviármelo otra vez?",
    "Извините, но я не вижу начала текста. Пришлите его, пожалуйста, ещё раз.",
    "抱歉，我看不到前面的内容。请把完整的文档发给我。",
    "申し訳ありませんが、前の文章が見えません。もう一度送ってください。",
)
_CJK = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]")
_FENCE = re.compile(r"^[ \t]*```", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A text cut between two words; `rest` begins with the white space that stands there."""

    language: str
    before: str
    rest: str

    @property
    def is_code(self) -> bool:
        return len(_FENCE.findall(self.before)) % 2 == 1

    def again(self, start: int) -> str:
        """The answer that repeats the text from `start` on."""
        return (self.before[start:] + self.rest).lstrip()


def cuts(count: int, dice: random.Random) -> Iterator[Cut]:
    made = 0
    while made < count:
        language = dice.choice(sorted(TEXTS))
        text = TEXTS[language]
        at = dice.randrange(250, len(text) - 80)
        is_between = text[at].isspace() or (_CJK.match(text[at]) and _CJK.match(text[at - 1]))
        if not is_between or text[at - 1].isspace() or text[at - 1] in "|-`":
            continue
        made += 1
        yield Cut(language=language, before=text[:at], rest=text[at : at + dice.randrange(150, 1_200)].rstrip())


def joints(count: int, seed: int) -> Iterator[tuple[str, str, str, str | None]]:
    """Kind, text before, answer, and what is to be appended; None where the answer is to be refused."""
    dice = random.Random(seed)
    for cut in cuts(count, dice):
        before, rest, bare = cut.before, cut.rest, cut.rest.lstrip()
        announcement = dice.choice(ANNOUNCEMENTS[cut.language])
        line = before.rfind("\n") + 1
        sentence = max(found.end() for found in re.finditer(r"[.!?:。：]\s*|\n\s*|\A", before[:-1]))
        word = max(0, len(before) - dice.randrange(14, 60))
        while word and not before[word - 1].isspace() and not _CJK.match(before[word]):
            word -= 1
        yield "clean", before, rest, rest
        yield "white space lost", before, bare, rest
        if len(before) - word > 12:
            yield "words again", before, cut.again(word), rest
        if len(before) - sentence > 12:
            yield "sentence again", before, cut.again(sentence), rest
            yield "announced, again", before, f"{announcement}\n\n{cut.again(sentence)}", rest
        if len(before[line:].strip()) > 12:
            yield "line again", before, cut.again(line), rest
        yield "announced", before, f"{announcement}\n\n{bare}", rest
        if cut.is_code:
            opener = [found for found in before.split("\n") if found.lstrip().startswith("```")][-1]
            yield "fence reopened", before, f"{opener}\n{before[line:]}{rest}", rest
        elif "```" not in rest:
            yield "fenced as a whole", before, f"```markdown\n{bare}\n```", rest
            if "```" not in cut.again(word):
                yield "fenced, words again", before, f"```\n{cut.again(word)}\n```", rest
        yield "restart", before, before[: max(120, len(before) // 2)].rstrip(), None
        other = TEXTS[dice.choice(sorted(set(TEXTS) - {cut.language}))]
        yield "fresh", before, other[: dice.randrange(200, 900)].rstrip(), None
        yield "chatter", before, dice.choice(CHATTER), None


def outcome(before: str, answer: str, expected: str | None) -> str:
    try:
        got = join(before, answer, mode="reprompt")
    except BadSeam:
        return "right" if expected is None else "refused"
    return "right" if got == expected else "wrong"


@pytest.mark.parametrize("seed", [1, 2])
def test_joints_in_other_languages_are_joined_right_or_refused(seed: int) -> None:
    table: dict[str, Counter[str]] = {}
    for kind, before, answer, expected in joints(70, seed=seed):
        table.setdefault(kind, Counter())[outcome(before, answer, expected)] += 1
    total: Counter[str] = sum(table.values(), Counter())
    assert total.total() >= 600
    assert total["right"] >= 0.95 * total.total(), table
    assert total["wrong"] <= 0.01 * total.total(), table
