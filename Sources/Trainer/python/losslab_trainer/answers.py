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
    """The questions of all files, in order. An id that occurs twice is an error, as is a line that is none."""
    questions = [question for path in paths for question in _questions_of(path)]
    if len({question.id for question in questions}) < len(questions):
        raise ValueError(f"question ids are not unique in {', '.join(map(str, paths))}")
    return questions


def _questions_of(path: Path | str) -> list[Question]:
    questions = []
    for number, line in enumerate(Path(path).read_text("utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            row = json.loads(line)
            questions.append(Question(row["question_id"], row["turns"]))
        except KeyError as error:
            raise ValueError(f"{place}: `{error.args[0]}` is missing") from None
        except (ValueError, TypeError) as error:
            raise ValueError(f"{place}: {error}") from None
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
