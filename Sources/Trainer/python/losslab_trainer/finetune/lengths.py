"""How much longer a trained policy's answers are than those it gave before: the commonest way to look better."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from losslab_trainer.answers import Question
from losslab_trainer.finetune import generation
from losslab_trainer.finetune.evaluation import mean_json
from losslab_trainer.finetune.models import LoadedModel
from losslab_trainer.finetune.reference import content_hash

Lengths = dict[str, list[float]]  # by sampling: tokens an answer, one mean for each question


def untrained(
    loaded: LoadedModel,
    questions: Sequence[Question],
    plans: Mapping[str, generation.Plan],
    max_new_tokens: int,
    cache: Path,  # the model's own folder
) -> Lengths:
    """Lengths before training, from the cache if the same model was asked the same before."""
    engine = generation.TransformersEngine(loaded.model, loaded.tokenizer, loaded.side)
    found: Lengths = {}
    for name, plan in plans.items():
        described = [[[q.id, q.turns] for q in questions], plan.temperature, plan.samples, plan.seed, max_new_tokens]
        path = cache / f"lengths-{content_hash(described)[:32]}.json"
        try:
            found[name] = [float(length) for length in json.loads(path.read_text("utf-8"))]
            continue
        except (OSError, ValueError):
            pass
        found[name] = answer_lengths(
            generation.answer_questions(engine, loaded.tokenizer, questions, plan, max_new_tokens)
        )
        cache.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        partial.write_text(json.dumps(found[name]), "utf-8")
        partial.replace(path)
    return found


def answer_lengths(answers: Sequence[Sequence[Sequence[generation.Answer]]]) -> list[float]:
    """Mean tokens an answer, for each question."""
    return [
        sum(len(answer.token_ids) for turns in samples for answer in turns) / max(1, sum(map(len, samples)))
        for samples in answers
    ]


def change(
    before: Lengths | None, answers: Mapping[str, Sequence[Sequence[Sequence[generation.Answer]]]]
) -> dict[str, object] | None:
    """Tokens an answer by which the first sampling's answers grew, paired by question."""
    if not before or not answers:
        return None
    name = next(iter(answers))
    after = answer_lengths(answers[name])
    differences = torch.tensor(after) - torch.tensor(before[name])
    return mean_json(differences) | {"unit": "tokens per answer", "sampling": name}
