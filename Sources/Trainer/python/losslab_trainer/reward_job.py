"""The reward job: answers scored by a model instead of a judge with an API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from losslab_trainer.answers import read_questions
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.finetune.classifier import Classifier
from losslab_trainer.finetune.evaluation import mean_json
from losslab_trainer.finetune.models import model_folder
from losslab_trainer.finetune.problem import FinetuneProblem
from losslab_trainer.finetune.settings import ModelSettings
from losslab_trainer.finetune.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from losslab_trainer.serve import Context


def reward(job: Mapping[str, Any], context: Context | None = None) -> dict[str, object]:
    """Scores of every answer in a FastChat answer file.

    The job: ``model`` as in a finetune job, ``answers`` (a file), ``questions`` (files), ``label`` (the class that
    counts, for a classifier), ``answerOnly`` (score the answer without its question), ``policy`` (who answered: one
    without a chat template continued its questions, and is graded so). The result: ``mean`` over questions with its
    standard error, ``perQuestion`` and ``perAnswer`` (question, sample, turn, score); or
    ``{"problem": sentence}``.
    """
    try:
        return _reward(job)
    except (FinetuneProblem, DataProblem) as problem:
        return {"problem": str(problem)}


def _reward(job: Mapping[str, Any]) -> dict[str, object]:
    try:
        questions = {question.id: question.turns for question in read_questions(job["questions"])}
        rows = [json.loads(line) for line in Path(job["answers"]).read_text("utf-8").splitlines() if line.strip()]
    except (OSError, ValueError, KeyError) as error:
        raise FinetuneProblem(f"answers or questions cannot be read: {error}") from error
    absent = [row["question_id"] for row in rows if row["question_id"] not in questions]
    if absent or not rows:
        what = f"question {absent[0]!r} is in none of the question files" if absent else "no answer is in it"
        raise FinetuneProblem(f"answers {job['answers']}: {what}")
    classifier = Classifier.load(ModelSettings.from_json(job["model"]), job.get("label"))
    continued = job.get("policy") is not None and _continues(ModelSettings.from_json(job["policy"]))
    only = bool(job.get("answerOnly"))
    places, ids = [], []
    for row in rows:
        for choice in row["choices"]:
            for turn in range(len(choice["turns"])):
                # A turn is judged with what came before it.
                said = choice["turns"][: turn + 1] if not only else choice["turns"][turn : turn + 1]
                asked = questions[row["question_id"]][: turn + 1]
                places.append((row["question_id"], choice["index"], turn + 1))
                ids.append(classifier.encode(asked, said, answer_only=only, continued=continued))
    scores = classifier.scores(ids)
    by_question: dict[Any, list[float]] = {}
    for (question, _, _), score in zip(places, scores, strict=True):
        by_question.setdefault(question, []).append(score)
    means = {question: sum(found) / len(found) for question, found in by_question.items()}
    return {
        # Answers to one question depend on each other, so the error is over questions.
        "mean": mean_json(torch.tensor(list(means.values()), dtype=torch.float64)),
        "unit": "reward" if classifier.positive is None else f"probability of {job['label']}",
        "perQuestion": [{"question": question, "score": mean} for question, mean in means.items()],
        "perAnswer": [
            {"question": question, "sample": sample, "turn": turn, "score": score}
            for (question, sample, turn), score in zip(places, scores, strict=True)
        ],
    }


def _continues(policy: ModelSettings) -> bool:
    """Whether a policy's answers go on where the question's text ends."""
    return policy.chat_template is None and load_tokenizer(model_folder(policy), policy).chat_template is None
