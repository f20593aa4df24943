"""Data regimes: how a pair's two answers get the labels chosen and rejected.

All regimes of a world label the same stream of on-policy pairs, except off-policy. Each gives labels the structure
that some real preference set has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from builder.candidates import CandidatePair
from builder.dialogue import WorldDesign


@dataclass(frozen=True)
class LabelledPair:
    """A preference pair as a trainer sees it, and what only the builder knows of it."""

    candidate: CandidatePair
    chosen: str
    rejected: str
    right: bool  # the label agrees with the rubric

    def row(self) -> dict[str, object]:
        """A line in TRL's conversational format with an explicit prompt."""
        return {
            "prompt": list(self.candidate.prompt),
            "chosen": [{"role": "assistant", "content": self.chosen}],
            "rejected": [{"role": "assistant", "content": self.rejected}],
        }


Labelling = Callable[[CandidatePair, WorldDesign, Random], LabelledPair]


def flipped(rate: float) -> Labelling:
    """The rubric's label, flipped at this rate whatever the pair."""

    def label(pair: CandidatePair, design: WorldDesign, random: Random) -> LabelledPair:
        return _labelled(pair, right=random.random() >= rate)

    return label


def length_biased(pair: CandidatePair, design: WorldDesign, random: Random) -> LabelledPair:
    """As GPT-4 judges: of answers that are near in quality, the longer one wins three times in four."""
    longer = len(pair.better.split()) - len(pair.worse.split())
    if pair.gap < 3.0 and longer != 0:
        return _labelled(pair, right=(longer > 0) == (random.random() < 0.75))
    return _labelled(pair, right=random.random() >= 0.05)


def corrupted_chosen(pair: CandidatePair, design: WorldDesign, random: Random) -> LabelledPair:
    """A quarter of the chosen answers are garbage: random words, or the perfect answer to another question."""
    label = _labelled(pair, right=True)
    if random.random() >= 0.25:
        return label
    if random.random() < 0.5:
        words = random.choices(design.vocabulary(), k=len(pair.better.split()))
    else:
        category = random.choice(sorted(design.tasks))
        words = list(design.style.answer(category, design.dialogue(category, random).turns[0].body))
    return replace(label, chosen=" ".join(words), right=False)


def _labelled(pair: CandidatePair, right: bool) -> LabelledPair:
    chosen, rejected = (pair.better, pair.worse) if right else (pair.worse, pair.better)
    return LabelledPair(pair, chosen, rejected, right)


@dataclass(frozen=True)
class Regime:
    """How the pairs of a world are made and labelled."""

    name: str
    title: str
    label: Labelling
    on_policy: bool = True


UNIFORM = Regime("uniform", "on-policy pairs, 10 % of labels flipped", flipped(0.10))
REGIMES = {
    "length-biased": Regime("length-biased", "the longer of two near answers is preferred in 75 %", length_biased),
    "corrupted-chosen": Regime("corrupted-chosen", "25 % of chosen answers replaced by garbage", corrupted_chosen),
    "off-policy": Regime("off-policy", "best against worst of four good writers", flipped(0.0), on_policy=False),
    "uniform-noise": Regime("uniform-noise", "on-policy pairs, 30 % of labels flipped", flipped(0.30)),
}
