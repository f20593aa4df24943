"""Pairs before they are labelled: two answers to one prompt with the rubric scores that only the builder knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from random import Random

from losslab_trainer.policy import Message, Policy
from losslab_trainer.sampling import sample_replies

from builder.dialogue import Dialogue, Words, WorldDesign
from builder.questions import draw_other_dialogue
from builder.rubric import score, turn_checks
from builder.writers import Writer

SMALLEST_GAP = 0.5  # rubric points: a smaller difference is no preference


@dataclass(frozen=True)
class CandidatePair:
    """Two answers to one prompt. ``better`` has the higher rubric score."""

    prompt: tuple[Message, ...]
    better: str
    worse: str
    gap: float  # rubric points, >= SMALLEST_GAP


class CandidatePairs:
    """An endless stream of pairs for one world, the same for a seed."""

    def __init__(self, design: WorldDesign, taken: set[tuple[Words, Words]], max_new_tokens: int, name: str) -> None:
        self.design = design
        self.taken = taken
        self.max_new_tokens = max_new_tokens
        self.random = Random(f"pairs {design.seed} {name}")
        self.name = name

    def on_policy(self, policy: Policy, dialogues_at_once: int = 256) -> Iterator[CandidatePair]:
        """Two samples of the policy at T = 1; first and second turns in equal number, mixed."""
        for block in count():
            dialogues = [self._dialogue() for _ in range(dialogues_at_once)]
            first = self._sample(policy, [_first(dialogue) for dialogue in dialogues], f"{block} first")
            later = [self._dialogue() for _ in range(dialogues_at_once)]
            answers = self._sample(policy, [_first(dialogue) for dialogue in later], f"{block} before")
            prompts = [_second(dialogue, replies[0]) for dialogue, replies in zip(later, answers, strict=True)]
            second = self._sample(policy, prompts, f"{block} second")
            pairs = [
                self._pair(dialogue, 0, _first(dialogue), replies)
                for dialogue, replies in zip(dialogues, first, strict=True)
            ] + [
                self._pair(dialogue, 1, prompt, replies)
                for dialogue, prompt, replies in zip(later, prompts, second, strict=True)
            ]
            self.random.shuffle(pairs)
            yield from (pair for pair in pairs if pair is not None)

    def off_policy(self) -> Iterator[CandidatePair]:
        """The best and the worst of four good writers' answers; the policy has no part in them."""
        writer = Writer(self.design, self.random)
        while True:
            dialogue = self._dialogue()
            index = self.random.randrange(2)
            answers = [" ".join(writer.good(dialogue.category, dialogue.turns[index].body)) for _ in range(4)]
            before = " ".join(writer.good(dialogue.category, dialogue.turns[0].body))
            prompt = _first(dialogue) if index == 0 else _second(dialogue, before)
            pair = self._pair(dialogue, index, prompt, answers)
            if pair is not None:
                yield pair

    def _dialogue(self) -> Dialogue:
        return draw_other_dialogue(self.design, self.taken, self.random)

    def _sample(self, policy: Policy, prompts: list[tuple[Message, ...]], label: str) -> list[list[str]]:
        seed = Random(f"{self.design.seed} {self.name} {label}").randrange(2**31)
        return sample_replies(
            policy.model,
            policy.tokenizer,
            prompts,
            temperature=1.0,
            samples=2,
            seed=seed,
            max_new_tokens=self.max_new_tokens,
        )

    def _pair(
        self, dialogue: Dialogue, turn: int, prompt: tuple[Message, ...], answers: list[str]
    ) -> CandidatePair | None:
        """Best and worst of the answers, or None when they are too close or empty."""
        checks = turn_checks(self.design.style, dialogue.category, dialogue.turns[turn].body)
        ranked = sorted(((score(checks, answer), answer) for answer in answers if answer), reverse=True)
        if len(ranked) < 2 or ranked[0][0] - ranked[-1][0] < SMALLEST_GAP:
            return None
        return CandidatePair(prompt, ranked[0][1], ranked[-1][1], ranked[0][0] - ranked[-1][0])


def _first(dialogue: Dialogue) -> tuple[Message, ...]:
    return ({"role": "user", "content": " ".join(dialogue.turns[0].prompt)},)


def _second(dialogue: Dialogue, answer: str) -> tuple[Message, ...]:
    return (
        *_first(dialogue),
        {"role": "assistant", "content": answer},
        {"role": "user", "content": " ".join(dialogue.turns[1].prompt)},
    )
