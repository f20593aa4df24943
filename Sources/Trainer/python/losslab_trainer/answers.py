"""Questions and answers on disk, in FastChat's MT-Bench formats."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Question:
    """One line of a question file: its id and the user's turns."""

    id: int | str
    turns: list[str]


def read_questions(paths: Sequence[Path | str]) -> list[Question]:
    """The questions of all files, in order. An id that occurs twice is an error."""
    rows = [json.loads(line) for path in paths for line in Path(path).read_text("utf-8").splitlines() if line.strip()]
    questions = [Question(row["question_id"], row["turns"]) for row in rows]
    if len({question.id for question in questions}) < len(questions):
        raise ValueError(f"question ids are not unique in {', '.join(map(str, paths))}")
    return questions


def write_answers(
    path: Path, model_id: str, questions: Sequence[Question], answers: Sequence[Sequence[Sequence[str]]]
) -> None:
    """Writes ``answers`` ([question][sample][turn]) as model_answer rows, one choice for each sample."""
    now = time.time()
    rows = []
    for question, samples in zip(questions, answers, strict=True):
        choices = [{"index": i, "turns": list(turns)} for i, turns in enumerate(samples)]
        name = json.dumps([model_id, question.id, choices])
        rows.append(
            {
                "question_id": question.id,
                "answer_id": hashlib.blake2b(name.encode(), digest_size=11).hexdigest(),
                "model_id": model_id,
                "choices": choices,
                "tstamp": now,
            }
        )
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
