"""The two pools of preference pairs of a world: one to search with, one to confirm with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from statistics import fmean

from losslab_trainer.policy import Policy

from builder.candidates import CandidatePair, CandidatePairs
from builder.dialogue import Words, WorldDesign
from builder.regimes import LabelledPair, Regime

POOL_SIZE = 4096
POOLS = ("search", "confirmation")


@dataclass(frozen=True)
class PoolFacts:
    """What is known of a pool's labels; kept in world.json."""

    pairs: int
    labels_right: float  # share of labels that agree with the rubric
    longer_chosen: float  # among pairs of unequal length
    mean_gap: float  # rubric points
    mean_words: float  # of an answer

    def to_json(self) -> dict[str, float]:
        return {
            "pairs": self.pairs,
            "labelsRight": round(self.labels_right, 4),
            "longerChosen": round(self.longer_chosen, 4),
            "meanRubricGap": round(self.mean_gap, 4),
            "meanWords": round(self.mean_words, 4),
        }


def draw_pools(
    design: WorldDesign,
    policy: Policy,
    regime: Regime,
    *,
    taken: set[tuple[Words, Words]],
    max_new_tokens: int,
    size: int = POOL_SIZE,
) -> dict[str, list[LabelledPair]]:
    """Both pools. No triple of prompt and answers is in both, or twice in one."""
    stream = CandidatePairs(design, taken, max_new_tokens, "on-policy" if regime.on_policy else "off-policy")
    candidates = _distinct(stream.on_policy(policy) if regime.on_policy else stream.off_policy())
    random = Random(f"labels {design.seed} {regime.name}")
    return {name: [regime.label(next(candidates), design, random) for _ in range(size)] for name in POOLS}


def pool_facts(pool: list[LabelledPair]) -> PoolFacts:
    lengths = [(len(pair.chosen.split()), len(pair.rejected.split())) for pair in pool]
    unequal = [chosen > rejected for chosen, rejected in lengths if chosen != rejected]
    return PoolFacts(
        pairs=len(pool),
        labels_right=fmean(pair.right for pair in pool),
        longer_chosen=fmean(unequal),
        mean_gap=fmean(pair.candidate.gap for pair in pool),
        mean_words=fmean(length for both in lengths for length in both),
    )


def _distinct(candidates: Iterator[CandidatePair]) -> Iterator[CandidatePair]:
    seen: set[tuple[str, str, str]] = set()
    for pair in candidates:
        key = (" | ".join(message["content"] for message in pair.prompt), pair.better, pair.worse)
        if key not in seen:
            seen.add(key)
            yield pair
