"""The builder grades as the lab's judge does: both are held against one committed file of scores.

After a deliberate change of the rubric, ``python Tests/TrainerPythonTests/rubric_fixture_test.py`` writes it anew.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from builder.rubric import score

ROOT = Path(__file__).parents[2]
FIXTURE = ROOT / "Tests" / "Fixtures" / "rubric-scores.json"
FILLERS = ["um", "well", "like", ".", "zebra"]


def _rows() -> list[dict[str, Any]]:
    """Right, damaged and foreign answers to every twelfth question of both world designs."""
    generator = random.Random(7)
    rows: list[dict[str, Any]] = []
    for world in ("base", "transfer"):
        folder = ROOT / "evaluation" / "microbench" / world
        questions = [json.loads(line) for line in (folder / "question.jsonl").read_text().splitlines()]
        rubrics = {
            row["question_id"]: row for row in map(json.loads, (folder / "rubric.jsonl").read_text().splitlines())
        }
        for question in questions[::12]:
            for turn, rubric in enumerate(rubrics[question["question_id"]]["turns"]):
                for answer in _answers(question["reference"][turn], generator):
                    rows.append(
                        {
                            "world": world,
                            "question_id": question["question_id"],
                            "turn": turn,
                            "answer": answer,
                            "score": score(rubric["checks"], answer),
                        }
                    )
    return rows


def _answers(reference: str, generator: random.Random) -> list[str]:
    words = reference.split()
    shuffled = generator.sample(words, len(words))
    filled = [
        word for each in words for word in ([generator.choice(FILLERS), each] if generator.random() < 0.5 else [each])
    ]
    doubled = [word for each in words for word in ([each, each] if generator.random() < 0.4 else [each])]
    return [reference, " ".join(shuffled), " ".join(filled), " ".join(doubled), " ".join(words[1:]), "zebra", ""]


def test_the_builder_grades_as_the_committed_file_says() -> None:
    assert json.loads(FIXTURE.read_text()) == _rows()


if __name__ == "__main__":
    FIXTURE.write_text(json.dumps(_rows(), indent=0) + "\n")
