"""The nouns of a world: a dialogue of two turns, the style its answers should have, and the whole design."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from random import Random

CATEGORIES = ("writing", "roleplay", "reasoning", "math", "coding", "extraction", "stem", "humanities")

Words = tuple[str, ...]


@dataclass(frozen=True)
class Turn:
    """One question and the content that its perfect answer has, without the style words around it."""

    prompt: Words
    body: Words


@dataclass(frozen=True)
class Dialogue:
    """Two turns of one category. The second asks for a change of the first, so it needs the first to be read."""

    category: str
    turns: tuple[Turn, Turn]

    def key(self) -> tuple[Words, Words]:
        """Identity of the dialogue as a question: its two prompts."""
        return (self.turns[0].prompt, self.turns[1].prompt)


Task = Callable[[Random], Dialogue]


@dataclass(frozen=True)
class Style:
    """What surrounds the content of a good answer, and what a good answer avoids."""

    openers: Mapping[str, Words]  # category -> first words; empty: none wanted
    closing: Words
    fillers: Words
    ordered: frozenset[str]  # categories whose content is graded in order; the others are graded as bags
    weights: Mapping[str, float]  # rubric kind -> weight; "content" stands for sequence or bag

    def answer(self, category: str, body: Words) -> Words:
        """The perfect answer: the body with its style words."""
        return (*self.openers[category], *body, *self.closing)

    def words(self) -> list[str]:
        return [*(w for words in self.openers.values() for w in words), *self.closing, *self.fillers]


@dataclass(frozen=True)
class FaultRates:
    """Probabilities of each fault: per content word for the first five, per answer for the others."""

    drop: float = 0.0
    wrong: float = 0.0
    swap: float = 0.0
    repeat: float = 0.0
    filler: float = 0.0
    no_opener: float = 0.0
    no_closing: float = 0.0
    filler_first: float = 0.0
    truncated: float = 0.0  # only the first half of the content
    first_swapped: float = 0.0  # the first two content words change places
    rambling: float = 0.0  # two more words of the same kind after the last

    def scaled(self, factor: float) -> FaultRates:
        return FaultRates(**{name: rate * factor for name, rate in self.__dict__.items()})


@dataclass(frozen=True)
class WorldDesign:
    """Everything that makes a world before any model is trained."""

    name: str
    title: str
    tasks: Mapping[str, Task]
    style: Style
    habits: FaultRates  # of the faulty writers: they become the untrained policy's usual behaviour
    good_days: float  # share of a faulty writer's answers that are an uneven writer's: what to prefer must be seen
    families: tuple[Words, ...]  # content words by kind: a wrong word comes from the right word's family
    prompt_words: Words
    seed: int

    def dialogue(self, category: str, random: Random) -> Dialogue:
        """A random dialogue of the category. Its perfect answers repeat no word directly: the rubric forbids that."""
        while True:
            dialogue = self.tasks[category](random)
            if all(one != two for turn in dialogue.turns for one, two in pairwise(turn.body)):
                return dialogue

    def vocabulary(self) -> list[str]:
        """All words of the world, each once, in a fixed order."""
        content = [word for family in self.families for word in family]
        return list(dict.fromkeys([*self.style.words(), *self.prompt_words, *content]))
