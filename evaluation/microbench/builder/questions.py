"""Draws a world's questions: distinct dialogues, in MT-Bench's format, with their rubrics."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from builder.dialogue import CATEGORIES, Dialogue, Words, WorldDesign
from builder.rubric import turn_checks

FIRST_SEARCH_ID = 1
FIRST_HELD_OUT_ID = 1001


@dataclass(frozen=True)
class Question:
    """A dialogue with its number."""

    id: int
    dialogue: Dialogue

    def row(self, design: WorldDesign) -> dict[str, object]:
        """A line of question.jsonl. The references are the perfect answers."""
        dialogue = self.dialogue
        return {
            "question_id": self.id,
            "category": dialogue.category,
            "turns": [" ".join(turn.prompt) for turn in dialogue.turns],
            "reference": [" ".join(design.style.answer(dialogue.category, turn.body)) for turn in dialogue.turns],
        }

    def rubric_row(self, design: WorldDesign) -> dict[str, object]:
        """A line of rubric.jsonl."""
        checks = [turn_checks(design.style, self.dialogue.category, turn.body) for turn in self.dialogue.turns]
        return {"question_id": self.id, "turns": [{"checks": each} for each in checks]}


@dataclass(frozen=True)
class QuestionSets:
    search: list[Question]
    held_out: list[Question]

    def keys(self) -> set[tuple[Words, Words]]:
        return {question.dialogue.key() for question in [*self.search, *self.held_out]}


def draw_questions(design: WorldDesign, search_each: int = 10, held_out_each: int = 20) -> QuestionSets:
    """Distinct questions of every category; no first turn is in both sets."""
    random = Random(f"questions {design.seed}")
    search: list[Question] = []
    held_out: list[Question] = []
    for category in CATEGORIES:
        drawn: dict[Words, Dialogue] = {}
        while len(drawn) < search_each + held_out_each:
            dialogue = design.dialogue(category, random)
            drawn.setdefault(dialogue.turns[0].prompt, dialogue)
        dialogues = list(drawn.values())
        for dialogue in dialogues[:search_each]:
            search.append(Question(FIRST_SEARCH_ID + len(search), dialogue))
        for dialogue in dialogues[search_each:]:
            held_out.append(Question(FIRST_HELD_OUT_ID + len(held_out), dialogue))
    return QuestionSets(search, held_out)


def draw_other_dialogue(design: WorldDesign, taken: set[tuple[Words, Words]], random: Random) -> Dialogue:
    """A dialogue of a random category that is not one of the questions."""
    while True:
        dialogue = design.dialogue(random.choice(CATEGORIES), random)
        if dialogue.key() not in taken:
            return dialogue
